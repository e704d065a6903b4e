"""Quality of a science reduction: how it was traced, how well it is modelled, how far its wavelengths can be trusted."""

import numpy as np

from soxslib.qc.metric import Metric


def measure(result):
    """[Metric] of a ScienceResult."""
    return [*_overall(result), *(m for spectrum in result.sources[0] for m in _of_order(result, spectrum))]


def _overall(result):
    first = result.exposures[0]
    merged = result.merged[0]
    with np.errstate(all="ignore"):
        snr = np.nanmedian(merged.flux / merged.error)
    return [
        Metric("N EXPOSURES", len(result.exposures), "", "exposures combined"),
        Metric("N SOURCES", len(first.sources), "", "sources found on the slit"),
        Metric("SLIT POSITION", first.sources[0].slit_arcsec, "arcsec", "target along the slit"),
        Metric("SOURCE SIGNIFICANCE", first.sources[0].significance, "sigma", "detection of the target on the slit"),
        Metric("SEEING", first.slit_profiles[0].fwhm_arcsec, "arcsec", "FWHM of the slit profile"),
        Metric("SNR MEDIAN", snr, "", "median S/N per merged bin"),
        *_detector(result),
        *_tracing(result),
        Metric("THROUGHPUT MIN", float(np.min(result.throughput)), "", "faintest exposure over their mean"),
    ]


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
        Metric("BADPIX FRAC", 1.0 - good / max(inside, 1), "", "illuminated pixels that were not used"),
        Metric("INNER ORDER SUM", light, "electron", "light of the target in all orders"),
        Metric("INNER ORDER MEAN", light / max(pixels, 1), "electron", "the same per illuminated pixel"),
    ]


def _tracing(result):
    """[Metric] on how the trace was found."""
    trace = result.exposures[0].traces[0]
    errors = [v for v in trace.error_arcsec.values() if np.isfinite(v)]
    return [
        Metric("N ORDERS", len(result.sources[0]), "", "orders extracted"),
        Metric("N ORDERS TRACED", sum(m == "fit" for m in trace.mode.values()), "", "orders with a trace of their own"),
        Metric("TRACE ERROR", max(errors, default=np.nan), "arcsec", "one sigma of the trace, worst order"),
    ]


def _of_order(result, spectrum):
    order, first = spectrum.order, result.exposures[0]
    fit, window, shift = first.fits[order], first.windows[order], result.shifts[0][order]
    with np.errstate(all="ignore"):
        snr = np.nanmedian(spectrum.flux / np.sqrt(spectrum.variance))
    inside = window.cutout.is_inside.sum()
    away = window.good & ~fit.is_cosmic_ray & (first.profiles[order][0] < 1e-3)
    residual = ((window.data - fit.model) / np.sqrt(fit.variance))[away]
    return [
        Metric("SNR MEDIAN", snr, "", "median S/N per pixel", order),
        Metric("EXTRACTION CHI2", fit.chi2, "", "per degree of freedom", order),
        Metric(
            "SKY RESIDUAL",
            1.4826 * np.median(np.abs(residual)) if residual.size else np.nan,
            "",
            "over photon noise",
            order,
        ),
        Metric("COSMIC RAY FRAC", fit.is_cosmic_ray.sum() / max(inside, 1), "", "pixels rejected", order),
        Metric("SATURATED FRAC", np.mean((window.quality & 8) > 0), "", "pixels saturated", order),
        Metric("TRACE MODE", first.traces[0].mode[order], "", "fit, transferred or forced", order),
        Metric("TRACE ERROR", first.traces[0].error_arcsec[order], "arcsec", "one sigma of the trace", order),
        Metric("FLEXURE", shift.pixels, "px", "shift along the dispersion since the arc", order),
        Metric("FLEXURE ERROR", shift.error, "px", "one sigma", order),
        Metric("FLEXURE METHOD", shift.method, "", "what the shift rests on", order),
        Metric("SKY LINES", shift.n_lines, "", "sky lines used", order),
    ]
