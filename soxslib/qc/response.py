"""Quality of a response: how well a smooth curve fits, how much of it is measured, what the instrument transmits."""

import numpy as np

from soxslib.qc.metric import Metric


def measure(result):
    """[Metric] of a ResponseResult."""
    return [*_overall(result), *(m for order in sorted(result.curves) for m in _of_order(result, order))]


def _overall(result):
    slit = "none" if result.slit_width_arcsec is None else result.slit_width_arcsec
    residuals = [c.residual for c in result.curves.values() if np.isfinite(c.residual)]
    return [
        Metric("STAR", result.response.star, "", "flux standard"),
        Metric("AIRMASS", result.airmass, "", "mean of the exposures"),
        Metric("SEEING DISC", result.seeing_arcsec, "arcsec", "FWHM assumed for the slit loss"),
        Metric("SLIT WIDTH", slit, "arcsec", "slit of the standard"),
        Metric("SLIT FRACTION", result.slit_fraction, "", "light of the star within the slit"),
        Metric("RESP RESIDUAL", float(np.median(residuals)) if residuals else np.nan, "", "scatter about the curve"),
        Metric("RESP MEASURED", part_measured(result.curves), "", "part not interpolated"),
        Metric("EFFICIENCY MEDIAN", float(np.median(result.efficiency.value)), "", "electrons per photon"),
        Metric("EFFICIENCY MAX", float(np.max(result.efficiency.value)), "", "electrons per photon"),
        Metric("RESP EDGE RESIDUAL", edge_residual(result.curves), "", "misfit at the ends of orders"),
    ]


def _of_order(result, order):
    curve = result.curves[order]
    own = result.efficiency.order == order
    rejected = float(np.mean(curve.is_rejected)) if curve.is_rejected.size else np.nan
    return [
        Metric("RESP RESIDUAL", curve.residual, "", "scatter about the curve", order),
        Metric("RESP MEASURED", float(np.mean(curve.is_measured)), "", "part not interpolated", order),
        Metric("RESP REJECTED", rejected, "", "part of the continuum left out", order),
        Metric("RESP ERROR", float(np.median(curve.log_error)), "", "relative, without the star's", order),
        Metric(
            "EFFICIENCY", float(np.median(result.efficiency.value[own])) if own.any() else np.nan, "", "median", order
        ),
    ]


def part_measured(curves):
    """Part of the curves, all orders together, that the star's counts tell."""
    return float(np.mean(np.concatenate([c.is_measured for c in curves.values()])))


def edge_residual(curves):
    """How far the outermost measured sensitivities of the orders lie from their curves, relative."""
    steps = []
    for curve in curves.values():
        kept = ~curve.is_rejected
        if kept.sum() > 4:
            fitted = np.interp(curve.chunk_nm[kept], curve.wavelength_nm, curve.log_sensitivity)
            left = curve.chunk_log_sensitivity[kept] - fitted
            steps.append(abs(np.mean(left[:3])))
            steps.append(abs(np.mean(left[-3:])))
    return float(np.median(steps)) if steps else np.nan
