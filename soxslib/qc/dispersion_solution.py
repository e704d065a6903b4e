"""Quality of a dispersion solution: lines, residuals, widths and shifts."""

import numpy as np

from soxslib.numerics.polynomials import robust_scatter
from soxslib.qc.metric import Metric


def measure(result):
    """Metrics of an arc's solution, for the whole frame and for each order."""
    moved = moved_from_format(result)
    by_order = (m for order in result.solution for m in _of_order(result, moved, order))
    gap = float(np.median([longest_gap(result, order) for order in result.solution]))
    gap = Metric("LINES GAP", gap, "", "longest part of an order's wavelengths without a line, median of the orders")
    return [*_of_lines(result, None), gap, *_of_shift(result, moved, None), *by_order]


def moved_from_format(result):
    """How far each spot lies from where the published format has it [spot, (along, across)] px."""
    m = result.lines
    out = np.full(m.position.shape, np.nan)
    for order in result.solution:
        k = m.order == order
        expected = result.nominal[order].position(m.wavelength_nm[k], m.slit_arcsec[k])
        out[k] = m.position[k] - np.stack(expected, axis=1)
    return out


def _of_shift(result, moved, order):
    """Median and scatter of what the spots have moved; of an order the shift is that of its middle."""
    own = (result.lines.weight > 0) & ((result.lines.order == order) | (order is None))
    if not own.any():
        return
    d = moved[own]
    middle = np.median(d, axis=0) if order is None else result.shifts[order]
    for axis, name in enumerate(("ALONG", "ACROSS")):
        where = f"{name.lower()} the dispersion"
        yield Metric(f"SHIFT {name}", float(middle[axis]), "px", f"shift {where} against the nominal format", order)
        yield Metric(
            f"SHIFT {name} SD", robust_scatter(d[:, axis]), "px", f"scatter of the spots' shifts {where}", order
        )
    yield Metric("SHIFT", float(np.median(np.hypot(*d.T))), "px", "median distance from the nominal format", order)
    yield Metric("SHIFT SD", robust_scatter(np.hypot(*d.T)), "px", "scatter of that distance", order)


def _of_order(result, moved, order):
    yield from _of_lines(result, order)
    yield from _of_shift(result, moved, order)
    held = result.lines.held_out[(result.lines.order == order) & (result.lines.weight > 0), 0]
    nm = robust_scatter(held[np.isfinite(held)]) * _pixel_nm(result.solution[order])
    gap = longest_gap(result, order)
    yield Metric("LINES GAP", gap, "", "longest part of the order's wavelengths without a line in the fit", order)
    yield Metric("HELDOUT WAVE SD", nm, "nm", "scatter of lines not in the fit, in wavelength", order)
    yield Metric("WAVE ERROR", result.solution[order].wavelength_error_nm, "nm", "typical error of the solution", order)


def longest_gap(result, order):
    """Longest part of an order's wavelengths without a line in the fit, over all of them: what is told there is guessed."""
    used = (result.lines.order == order) & (result.lines.weight > 0)
    low, high = result.solution[order].wavelength_nm
    at = np.clip(np.sort(result.lines.wavelength_nm[used]), low, high)
    return float(np.diff(np.r_[low, at, high]).max() / (high - low))


def _pixel_nm(solution):
    """Typical width of an unbinned pixel of an order."""
    low, high = solution.wavelength_nm
    (first, last), _ = solution.position(np.array([low, high]), 0.0)
    return float((high - low) / abs(last - first))


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
    found = count(m.usable & m.listed) / max(listed, 1)
    yield Metric("LINES DETECTED FRACTION", found, "", "detected part of the published list", order)
    clipped = count(m.usable & ~used & ~m.blended & ~m.saturated)
    yield Metric("LINES CLIPPED", clipped, "", "clean lines that lost all weight in the fit", order)
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
        yield Metric(f"RESIDUAL {name} MIN", float(np.abs(r).min()), "px", "smallest residual, absolute", order)
        yield Metric(f"RESIDUAL {name} MAX", float(np.abs(r).max()), "px", "largest residual, absolute", order)
    distance = np.hypot(*residual.T)
    yield Metric("RESIDUAL MEDIAN", float(np.median(distance)), "px", "median distance from the fit", order)
    yield Metric("RESIDUAL MIN", float(distance.min()), "px", "smallest distance from the fit", order)
    yield Metric("RESIDUAL MAX", float(distance.max()), "px", "largest distance from the fit", order)
    yield Metric("RESIDUAL SD", float(distance.std()), "px", "scatter of the distances from the fit", order)
    yield Metric("FWHM SD", robust_scatter(m.fwhm[used][:, 0]), "px", "scatter of the spots' widths", order)
    yield Metric("FWHM", float(np.median(m.fwhm[used][:, 0])), "px", "of the spots along the dispersion", order)
    yield Metric("FWHM ACROSS", float(np.median(m.fwhm[used][:, 1])), "px", "of the spots across the dispersion", order)
    lsf = result.lsf["resolution"] if order is None else result.lsf["resolution"][result.lsf["order"] == order]
    if lsf.size:
        yield Metric("RESOLUTION SD", float(np.std(lsf)), "", "scatter of the resolution", order)
        yield Metric("RESOLUTION", float(np.median(lsf)), "", "wavelength over FWHM of the pinhole's image", order)
