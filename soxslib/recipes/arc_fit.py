"""Second half of both arc steps, second part: the solution that measured lines define, its errors and widths."""

import logging
from dataclasses import replace

import numpy as np

from soxslib.datamodel import DispersionSolution
from soxslib.errors import ReductionError
from soxslib.numerics import arcsolution
from soxslib.numerics.dispersion import pixel_width_nm
from soxslib.numerics.lsf import FWHM, fit_widths, sampled_fwhm
from soxslib.numerics.polynomials import falling_prior

log = logging.getLogger("soxslib")

LSF_SLIT_ARCSEC = (-4.0, 0.0, 4.0)
LSF_WAVELENGTHS = 9  # per order


def solve(reference, fallback, measured, spots, settings, *, slit_degree):
    """(DispersionSolution, MeasuredLines with fitted positions, residuals and weights) of an arc.

    The solution is the reference one, that of the published format, plus a smooth correction. An order with too few
    lines leans on `fallback`, its solution as the peaks have aligned it. slit_degree: highest power of the slit
    position that the frame can tell (0 for a single pinhole).
    """
    good = measured.usable & ~measured.blended & ~measured.saturated
    counts = {o: np.unique(measured.line[good & (measured.order == o)]).size for o in reference}
    _check_lines(counts, spots, settings)
    fitted, held_out = np.full((2, *measured.position.shape), np.nan)
    weight = np.zeros(len(measured.order))
    solutions = {}
    for o in reference:
        of_order = measured.order == o
        k = np.flatnonzero(good & of_order)
        is_poor = counts[o] < settings.min_lines_per_order
        start = fallback[o] if is_poor else reference[o]
        scale = settings.poor_prior_px if is_poor else settings.prior_px
        correction, held_out[k] = _correct(start, measured.where(k), settings, (settings.degree, slit_degree), scale)
        weight[k] = correction.weights
        solutions[o] = correction.solution
        w, s = measured.wavelength_nm[of_order], measured.slit_arcsec[of_order]
        fitted[of_order] = np.stack(correction.solution.position(w, s), axis=1)
    return DispersionSolution(reference.arm, solutions), replace(
        measured, fitted=fitted, held_out=held_out, weight=weight
    )


def _check_lines(counts, spots, settings):
    """Warns of orders with few lines; a ReductionError when half of the orders have too few."""
    poor = {o: n for o, n in counts.items() if n < settings.min_lines_per_order}
    for o, n in poor.items():
        log.warning("%s: order %d has only %d usable lines", spots.file, o, n)
    if 2 * len(poor) >= len(counts):
        worst = min(poor, key=poor.get)
        fault = "is saturated: " if spots.is_saturated else ""
        raise ReductionError(
            f"{spots.file}: {fault}{len(poor)} of {len(counts)} orders have fewer than {settings.min_lines_per_order} usable "
            f"lines (order {worst}: {poor[worst]}); {spots.told}; {spots.remedy}"
        )


def _correct(start, m, settings, degrees, prior_px):
    """(Correction of an order with its errors, residuals of lines left out of the fit)."""
    prior = falling_prior(degrees, scale=prior_px, decay=settings.prior_decay, decay_second=settings.prior_decay_slit)
    line = np.unique(m.line, return_inverse=True)[1]
    data = (start, m.wavelength_nm, m.slit_arcsec, m.position, m.error, line)
    c = arcsolution.fit_correction(
        *data,
        degrees=degrees,
        prior=prior,
        cut=settings.clip_sigma,
        floor_px=settings.floor_px,
        line_floor_px=settings.blend_px / 2,  # lines are let in with blends up to blend_px
    )
    held_out = arcsolution.held_out_residual(*data, c.weights, degrees=degrees, prior=prior, folds=settings.folds)
    return replace(c, solution=_with_errors(c, m, degrees)), held_out


def _with_errors(correction, m, degrees):
    """The order's solution with the range of its lines and its typical error there."""
    s = correction.solution
    used = correction.weights > 0
    calibrated = (float(m.wavelength_nm[used].min()), float(m.wavelength_nm[used].max())) if used.any() else None
    limits = calibrated if used.any() and calibrated[1] > calibrated[0] else s.wavelength_nm
    w = np.linspace(*limits, 101)
    sd = np.sqrt(np.mean(arcsolution.position_variance(correction, w, np.zeros(w.size), degrees)))
    along = s.position(w, 0.0)[0]
    nm_per_px = abs((w[-1] - w[0]) / (along[-1] - along[0]))
    return replace(s, calibrated_nm=calibrated, wavelength_error_nm=float(sd * nm_per_px))


def shifts(reference, solution):
    """{order: (along, across)} by which the middle of each order has moved [px]."""
    out = {}
    for o in solution:
        w = np.mean(solution[o].calibrated_nm or solution[o].wavelength_nm)
        (a, b), (c, d) = solution[o].position(w, 0.0), reference[o].position(w, 0.0)
        out[o] = float(a - c), float(b - d)
    return out


def line_widths(solution, measured, binning, settings):
    """{column: array} of the line-spread function by order, wavelength and slit position: FWHM and resolution."""
    rows = [
        _widths_of_order(solution[o], measured.where((measured.weight > 0) & (measured.order == o)), binning, settings)
        for o in solution
    ]
    names = ("order", "wavelength", "slit", "fwhm_px", "fwhm_error_px", "fwhm_nm", "resolution")
    return dict(zip(names, map(np.concatenate, zip(*rows, strict=True)), strict=True))


def _widths_of_order(order_solution, m, binning, settings):
    """Columns of the line-spread function of one order, of length 0 when it has too few spots."""
    if len(m.order) < 4:
        return (np.zeros(0, np.int32), *np.zeros((6, 0)))
    several = np.ptp(m.slit_arcsec) > 0
    limits = order_solution.calibrated_nm
    model = fit_widths(
        m.wavelength_nm, m.slit_arcsec, m.width[:, 0], m.width_error[:, 0], limits, order_solution.slit_arcsec,
        degrees=(2, 1 if several else 0), cut=settings.clip_sigma,
    )  # fmt: skip
    slit = LSF_SLIT_ARCSEC if several else (0.0,)
    w, s = (a.ravel() for a in np.meshgrid(np.linspace(*limits, LSF_WAVELENGTHS), slit, indexing="ij"))
    width, error = model.at(w, s)
    fwhm = sampled_fwhm(width, binning[1])
    nm = fwhm * pixel_width_nm(order_solution, w, s)
    return np.full(w.size, order_solution.order, np.int32), w, s, fwhm, error * FWHM, nm, w / nm
