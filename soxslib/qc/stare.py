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
        Metric("THROUGHPUT MIN", float(np.min(result.throughput)), "", "faintest exposure over their mean"),
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
        Metric("SKY RESIDUAL", 1.4826 * np.median(np.abs(residual)) if residual.size else np.nan, "", "over photon noise", order),
        Metric("COSMIC RAY FRAC", fit.is_cosmic_ray.sum() / max(inside, 1), "", "pixels rejected", order),
        Metric("SATURATED FRAC", np.mean((window.quality & 8) > 0), "", "pixels saturated", order),
        Metric("TRACE MODE", first.traces[0].mode[order], "", "fit, transferred or forced", order),
        Metric("TRACE ERROR", first.traces[0].error_arcsec[order], "arcsec", "one sigma of the trace", order),
        Metric("FLEXURE", shift.pixels, "px", "shift along the dispersion since the arc", order),
        Metric("FLEXURE ERROR", shift.error, "px", "one sigma", order),
        Metric("FLEXURE METHOD", shift.method, "", "what the shift rests on", order),
        Metric("SKY LINES", shift.n_lines, "", "sky lines used", order),
    ]
