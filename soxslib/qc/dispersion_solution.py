"""Quality of a dispersion solution: lines, residuals, widths and shifts."""

import numpy as np

from soxslib.numerics.polynomials import robust_scatter
from soxslib.qc.metric import Metric


def measure(result):
    """Metrics of an arc's solution, for the whole frame and for each order."""
    return [*_of_lines(result, None), *(m for order in result.solution for m in _of_order(result, order))]


def _of_order(result, order):
    along, across = result.shifts[order]
    yield from _of_lines(result, order)
    yield Metric("SHIFT ALONG", along, "px", "shift along the dispersion against the nominal format", order)
    yield Metric("SHIFT ACROSS", across, "px", "shift across the dispersion against the nominal format", order)
    yield Metric("WAVE ERROR", result.solution[order].wavelength_error_nm, "nm", "typical error of the solution", order)


def _of_lines(result, order):
    m = result.lines
    m = m if order is None else m.where(m.order == order)
    used = m.weight > 0
    count = lambda mask: int(np.unique(m.line[mask]).size)
    clean = m.listed & m.usable & ~m.blended & ~m.saturated
    listed = sum(result.n_listed.values()) if order is None else result.n_listed[order]
    yield Metric("LINES LISTED", listed, "", "lines of the published list", order)
    yield Metric("LINES DETECTED", count(m.usable), "", "lines detected and measured", order)
    yield Metric("LINES USED", count(used), "", "lines in the fit", order)
    yield Metric("LINES SATURATED", count(m.saturated), "", "lines left out as saturated", order)
    yield Metric("LINES BLENDED", count(m.blended), "", "lines left out as blended", order)
    yield Metric(
        "LINES FRACTION",
        count(used & clean) / max(count(clean), 1),
        "",
        "used part of the detected unblended listed lines",
        order,
    )
    yield Metric("SPOTS USED", int(used.sum()), "", "pinhole images in the fit", order)
    if not used.any():
        return
    residual, held = (m.position - m.fitted)[used], m.held_out[used]
    for axis, name in enumerate(("ALONG", "ACROSS")):
        r, h = residual[:, axis], held[:, axis]
        yield Metric(f"RESIDUAL {name} MEDIAN", float(np.median(r)), "px", "median residual", order)
        yield Metric(f"RESIDUAL {name} SD", robust_scatter(r), "px", "robust scatter of the residuals", order)
        yield Metric(
            f"HELDOUT {name} SD", robust_scatter(h[np.isfinite(h)]), "px", "the same of lines not in the fit", order
        )
    yield Metric("FWHM", float(np.median(m.fwhm[used][:, 0])), "px", "of the spots along the dispersion", order)
    yield Metric("FWHM ACROSS", float(np.median(m.fwhm[used][:, 1])), "px", "of the spots across the dispersion", order)
    lsf = result.lsf["resolution"] if order is None else result.lsf["resolution"][result.lsf["order"] == order]
    if lsf.size:
        yield Metric("RESOLUTION", float(np.median(lsf)), "", "wavelength over FWHM of the pinhole's image", order)
