"""Quality of a science reduction: how it was traced, how well it is modelled, how far its wavelengths can be trusted."""

import numpy as np

from soxslib.datamodel import Quality
from soxslib.qc.metric import Metric


def measure(result):
    """[Metric] of a ScienceResult."""
    return [*_overall(result), *(m for spectrum in result.sources[0] for m in _of_order(result, spectrum))]


def _overall(result):
    first = result.exposures[0]
    merged = result.merged[0]
    with np.errstate(all="ignore"):
        snr = np.nanmedian(merged.flux / merged.error)
    drift = [d for d in result.bias_drift_e if np.isfinite(d)]
    return [
        Metric("N EXPOSURES", len(result.exposures), "", "exposures combined"),
        Metric("N SOURCES", len(first.sources), "", "sources found on the slit"),
        Metric("SLIT POSITION", first.place(), "arcsec", "target along the slit"),
        Metric("SOURCE SIGNIFICANCE", first.sources[0].significance, "sigma", "detection of the target on the slit"),
        Metric("SEEING", first.slit_profiles[0].fwhm_arcsec, "arcsec", "FWHM of the slit profile"),
        Metric("PROFILE BETA", first.sources[0].beta, "", "power of the Moffat function nearest to the slit profile"),
        Metric("SNR MEDIAN", snr, "", "median S/N per merged bin"),
        *_covariance(merged),
        *([Metric("BIAS DRIFT", max(drift, key=abs), "electron", "overscan less the master bias's")] if drift else []),
        *_detector(result),
        *_tracing(result),
        Metric("THROUGHPUT MIN", float(np.min(result.throughput)), "", "faintest exposure over their mean"),
    ]


def _covariance(merged):
    """[Metric]: by how much the error of many bins' mean exceeds that of as many independent ones."""
    if not merged.covariance:
        return []
    variance = merged.error**2
    with np.errstate(all="ignore"):
        factor = np.sqrt(1.0 + 2.0 * sum(np.nan_to_num(c) for c in merged.covariance) / variance)
    factor = factor[np.isfinite(factor)]
    typical = float(np.median(factor)) if factor.size else np.nan
    return [Metric("COVARIANCE FACTOR", typical, "", "error of a mean of bins over that of independent ones")]


def _detector(result):
    """[Metric] over all orders and exposures: what was left out, and how much light there is."""
    fits = [(e.fits[o], e.windows[o]) for e in result.exposures for o in e.windows]
    inside = sum(int(w.cutout.is_inside.sum()) for _, w in fits)
    good = sum(int(w.good.sum()) for _, w in fits)
    rays = sum(int(f.is_cosmic_ray.sum()) for f, _ in fits)
    light = sum(float(np.nansum(s.flux)) for s in result.sources[0])
    pixels = sum(int(w.cutout.is_inside.sum()) for w in result.exposures[0].windows.values())
    return [
        Metric("COSMIC RAY NUM", rays, "pixel", "pixels rejected, all exposures"),
        Metric("BADPIX NUM", inside - good, "pixel", "illuminated pixels that were not used, all exposures"),
        Metric("BADPIX FRAC", 1.0 - good / max(inside, 1), "", "illuminated pixels that were not used"),
        Metric("INNER ORDER SUM", light, "electron", "light of the target in all orders"),
        Metric("INNER ORDER MEAN", light / max(pixels, 1), "electron", "the same per illuminated pixel"),
    ]


def _tracing(result):
    """[Metric] on how the trace was found."""
    trace = result.exposures[0].traces[0]
    errors = [v for v in trace.error_arcsec.values() if np.isfinite(v)]
    found, used = (sum(s[i] for s in trace.samples.values()) for i in (0, 1))
    scatter = [s[2] for s in trace.samples.values() if np.isfinite(s[2])]
    looked = trace.n_blocks * len(trace.samples)
    out = [
        Metric("N ORDERS", len(result.sources[0]), "", "orders extracted"),
        Metric("N ORDERS TRACED", sum(m == "fit" for m in trace.mode.values()), "", "orders with a trace of their own"),
        Metric("TRACE ERROR", max(errors, default=np.nan), "arcsec", "one sigma of the trace, worst order"),
        Metric("TRACE SAMPLES", looked, "", "blocks of columns that were looked at"),
        Metric("TRACE N USED", used, "", "blocks in the trace"),
        Metric("TRACE N CLIPPED", found - used, "", "blocks found and left out as outliers"),
        Metric("TRACE FRAC", found / max(looked, 1), "", "part of the blocks in which the target was found"),
    ]
    named = (("TRACE RES", np.median, "typical"), ("TRACE RES MIN", min, "best"), ("TRACE RES MAX", max, "worst"))
    return out + [
        Metric(n, float(how(scatter)), "arcsec", f"scatter of the blocks about the trace, {w} order")
        for n, how, w in named
        if scatter
    ]


def _of_order(result, spectrum):
    order, first = spectrum.order, result.exposures[0]
    with np.errstate(all="ignore"):
        snr = np.nanmedian(spectrum.flux / np.sqrt(spectrum.variance))
    worst = lambda *what, far=float: _worst(result.exposures, order, *what, far)
    return [
        Metric("SNR MEDIAN", snr, "", "median S/N per pixel", order),
        worst("EXTRACTION CHI2", "per degree of freedom, worst exposure", lambda e: e.fits[order].chi2, far=_from_one),
        worst("SKY RESIDUAL", "over photon noise, worst exposure", lambda e: _sky_residual(e, order), far=_from_one),
        worst("COSMIC RAY FRAC", "pixels rejected, worst exposure", lambda e: _ray_fraction(e, order)),
        worst("SATURATED FRAC", "pixels saturated, worst exposure", lambda e: _saturated_fraction(e, order)),
        *_host(first, order),
        *_trace_of_order(first.traces[0], order),
        *_slit_shift(first, order),
        *_wavelengths(result.shifts, order),
    ]


def _worst(exposures, order, name, meaning, measured, far):
    """The Metric of an order in the exposure where measured(exposure) goes farthest, by far(value); NaN only where all are."""
    values = [float(measured(e)) for e in exposures]
    k = max(range(len(values)), key=lambda i: far(values[i]) if np.isfinite(values[i]) else -np.inf)
    return Metric(name, values[k], "", meaning, order, exposures[k].exposure.file if k else None)


def _from_one(ratio):
    return abs(np.log(max(ratio, 1e-9)))


def _sky_residual(exposure, order):
    """Scatter of the pixels beside the target about the model, over their noise; NaN without any."""
    window, fit = exposure.windows[order], exposure.fits[order]
    away = window.good & ~fit.is_cosmic_ray & (exposure.profiles[order][0] < 1e-3)
    residual = ((window.data - fit.model) / np.sqrt(fit.variance))[away]
    return 1.4826 * np.median(np.abs(residual)) if residual.size else np.nan


def _ray_fraction(exposure, order):
    return exposure.fits[order].is_cosmic_ray.sum() / max(exposure.windows[order].cutout.is_inside.sum(), 1)


def _saturated_fraction(exposure, order):
    return np.mean((exposure.windows[order].quality & Quality.SATURATED) > 0)


def _slit_shift(exposure, order):
    """[Metric] of how far the slit's image has moved since the flat, if there is one."""
    if order not in exposure.slit_shifts:
        return []
    shift = exposure.slit_shifts[order]
    return [Metric("SLIT SHIFT", shift, "px", "the slit's image across the dispersion since the flat", order)]


def _host(exposure, order):
    """[Metric] on the extended light under the target, if there is any."""
    if exposure.extended is None:
        return []
    share, error = exposure.host_under(order)
    return [
        Metric("HOST LIGHT", share, "", "extended light under the target, over the target's", order),
        Metric("HOST ERR", error, "", "error of the counts that its form leaves", order),
    ]


def _trace_of_order(trace, order):
    found, used, scatter = trace.samples.get(order, (0, 0, np.nan))
    out = [
        Metric("TRACE MODE", trace.mode[order], "", "fit, transferred or forced", order),
        Metric("TRACE ERROR", trace.error_arcsec[order], "arcsec", "one sigma of the trace", order),
        Metric(
            "TRACE FRAC", found / max(trace.n_blocks, 1), "", "part of the blocks in which the target was found", order
        ),
        Metric("TRACE N USED", used, "", "blocks in the trace", order),
    ]
    return out + (
        [Metric("TRACE RES", scatter, "arcsec", "scatter of the blocks about the trace", order)]
        if np.isfinite(scatter)
        else []
    )


def _wavelengths(shifts, order):
    """[Metric] on the wavelengths of an order: its shift in the first exposure, and what the sky lines of all say of it."""
    shift = shifts[0][order]
    out = [
        Metric("FLEXURE", shift.pixels, "px", "shift along the dispersion since the arc", order),
        Metric("FLEXURE ERROR", shift.error, "px", "one sigma", order),
        Metric("FLEXURE METHOD", shift.method, "", "what the shift rests on", order),
        Metric("SKY LINES", shift.n_lines, "", "sky lines used", order),
    ]
    for name, values, meaning in (
        (
            "SKY ZERO POINT",
            [s[order].zero_point for s in shifts if order in s],
            "mean of the sky lines after the shift",
        ),
        ("SKY SCATTER", [s[order].scatter for s in shifts if order in s], "scatter of the sky lines after the shift"),
    ):
        known = [v for v in values if np.isfinite(v)]
        out += [Metric(name, float(np.median(known)), "px", meaning, order)] if known else []
    return out
