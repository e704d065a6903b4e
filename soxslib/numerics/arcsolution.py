"""A dispersion solution from a reference one and measured spots: matched, corrected, with its errors."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.polynomial import chebyshev

from soxslib.datamodel import DispersionSolution, OrderSolution
from soxslib.datamodel.geometry import to_unit
from soxslib.numerics.polynomials import (
    chebyshev_design,
    falling_prior,
    fit_with_prior,
    robust_fit,
    robust_scatter,
    tukey_weights,
)


@dataclass(frozen=True)
class Correction:
    """What a reference solution of one order lacks, and how well it is known."""

    solution: OrderSolution
    weights: np.ndarray  # [spot], 0 for outliers
    residual: np.ndarray  # [spot, (along, across)], px
    line_scatter_px: float  # of whole lines about the fit, beyond their spots' errors
    chi2: float  # per degree of freedom, both coordinates
    covariance: np.ndarray  # of the coefficients along the dispersion


def padded(coefficients, shape):
    """Coefficients with zeros up to a shape that holds both."""
    shape = np.maximum(shape, coefficients.shape)
    out = np.zeros(shape)
    out[: coefficients.shape[0], : coefficients.shape[1]] = coefficients
    return out


def corrected(order_solution, along, across):
    """The order's solution with coefficients [i, j] added to its polynomials."""
    add = lambda a, b: padded(a, b.shape) + padded(b, a.shape)
    return replace(order_solution, along=add(order_solution.along, along), across=add(order_solution.across, across))


def units(order_solution, wavelength_nm, slit_arcsec):
    """Wavelengths and slit positions on the order's domain."""
    u = to_unit(wavelength_nm, order_solution.wavelength_nm)
    return u, to_unit(slit_arcsec, order_solution.slit_arcsec)


def adjust(order_solution, wavelength_nm, slit_arcsec, position, *, degrees, prior_px, decay, decay_slit, cut):
    """(OrderSolution, inliers) after a smooth robust correction to rough positions [spot, (along, across)]."""
    u, v = units(order_solution, wavelength_nm, slit_arcsec)
    design = chebyshev_design(u, v, degrees)
    prior = falling_prior(degrees, scale=prior_px, decay=decay, decay_second=decay_slit)
    missing = position - np.stack(order_solution.position(wavelength_nm, slit_arcsec), axis=1)
    coefficients, inliers = robust_fit(design, missing, prior, rounds=5, cut=cut)
    shape = degrees[0] + 1, degrees[1] + 1
    return corrected(order_solution, *(c.reshape(shape) for c in coefficients.T)), inliers


def fit_correction(
    reference, wavelength_nm, slit_arcsec, position, error, line, *, degrees, prior, cut, floor_px, line_floor_px
):
    """The Correction of an order to positions [spot, (along, across)] with errors, lines numbered by `line`.

    The spots of one line share its wavelength's error and its blends: the scatter of whole lines about the fit is
    estimated and added, so that nine spots of a line count as little more than one when lines scatter. Outliers lose
    their weight (Tukey), single spots and whole lines alike. floor_px: error of a spot beside its own; line_floor_px:
    scatter that all lines may have before any is an outlier.
    """
    u, v = units(reference, wavelength_nm, slit_arcsec)
    design = chebyshev_design(u, v, degrees)
    missing = position - np.stack(reference.position(wavelength_nm, slit_arcsec), axis=1)
    variance = error**2 + floor_px**2
    n_of_line = np.bincount(line)[line]
    weights, tau2 = np.ones(len(u)), np.zeros(2)
    for _ in range(6):
        total = variance + tau2 * n_of_line[:, None]
        fits = [fit_with_prior(design, missing[:, k], total[:, k] / np.maximum(weights, 1e-9), prior) for k in (0, 1)]
        residual = missing - np.stack([design @ c for c, _ in fits], axis=1)
        tau2 = np.array([_line_variance(residual[:, k], variance[:, k], line, weights) for k in (0, 1)])
        weights = _outlier_weights(residual, variance, np.maximum(tau2, line_floor_px**2), line, cut)
    used = weights > 0
    chi2 = float(
        (weights[:, None] * residual**2 / total).sum() / max(2 * used.sum() - 2 * _effective(fits, prior), 1.0)
    )
    shape = degrees[0] + 1, degrees[1] + 1
    solution = corrected(reference, *(c.reshape(shape) for c, _ in fits))
    covariance = fits[0][1] * max(chi2, 1.0)
    return Correction(solution, weights, residual, float(np.sqrt(tau2[0])), chi2, covariance)


def _effective(fits, prior):
    """Number of coefficients that the data, not the prior, decide (mean of both coordinates)."""
    return float(np.mean([np.sum(1.0 - np.diag(c) / prior**2) for _, c in fits]))


def line_means(values, variance, line, weights):
    """(mean, its variance, total weight) of each line's spots, by line number."""
    w = weights / variance
    total = np.bincount(line, w)
    mean = np.bincount(line, w * values) / np.maximum(total, 1e-30)
    return mean, 1.0 / np.maximum(total, 1e-30), total


def _line_variance(residual, variance, line, weights):
    """Variance of whole lines about the fit in excess of what their spots' errors explain."""
    mean, of_mean, total = line_means(residual, variance, line, weights)
    seen = total > 0
    if seen.sum() < 4:
        return 0.0
    return max(robust_scatter(mean[seen]) ** 2 - float(np.median(of_mean[seen])), 0.0)


def _outlier_weights(residual, variance, tau2, line, cut):
    """Tukey weights of spots, from their own distance and from that of their line, in units of the actual scatter."""
    pull = residual / np.sqrt(variance + tau2)
    scale = np.maximum([robust_scatter(p) for p in pull.T], 1.0)
    spot = np.sqrt(((pull / scale) ** 2).sum(axis=1) / 2)
    distance = np.zeros(len(residual))
    for k in (0, 1):
        mean, of_mean, _ = line_means(residual[:, k], variance[:, k], line, np.ones(len(residual)))
        pull_of_line = mean / np.sqrt(of_mean + tau2[k])
        present = np.bincount(line) > 0
        pull_of_line = pull_of_line / max(robust_scatter(pull_of_line[present]), 1.0)
        distance = np.maximum(distance, np.abs(pull_of_line[line]))
    return np.minimum(tukey_weights(spot, cut=cut), tukey_weights(distance, cut=cut))


def position_variance(correction, wavelength_nm, slit_arcsec, degrees):
    """Variance [px^2] of the fitted position along the dispersion."""
    u, v = units(correction.solution, wavelength_nm, slit_arcsec)
    design = chebyshev_design(u, v, degrees)
    return np.einsum("ni,ij,nj->n", design, correction.covariance, design)


def held_out_residual(reference, wavelength_nm, slit_arcsec, position, error, line, weights, *, degrees, prior, folds):
    """Residuals [spot, (along, across)] of spots about fits that did not see their line; NaN for unused spots.

    Lines are dealt into folds in turn along the order.
    """
    u, v = units(reference, wavelength_nm, slit_arcsec)
    design = chebyshev_design(u, v, degrees)
    missing = position - np.stack(reference.position(wavelength_nm, slit_arcsec), axis=1)
    out = np.full(missing.shape, np.nan)
    used = weights > 0
    rank = np.searchsorted(np.unique(line[used]), line)
    for fold in range(folds):
        test = used & (rank % folds == fold)
        train = used & ~test
        if test.any() and train.any():
            for k in (0, 1):
                variance = error[train, k] ** 2 / weights[train]
                c, _ = fit_with_prior(design[train], missing[train, k], variance, prior)
                out[test, k] = missing[test, k] - design[test] @ c
    return out


def solution_of_table(arm, order, wavelength_nm, slit_arcsec, along, across, limits, *, degrees, order_degree, cut):
    """The DispersionSolution that published positions of spots describe; limits: {order: (first, last) wavelength}.

    order_degree: None fits each order by itself; a number fits all orders of an echelle together, polynomials in
    order * wavelength, which is nearly the same for all orders (grating equation), order and slit position.
    """
    slit_limits = (float(np.min(slit_arcsec)), float(np.max(slit_arcsec)))
    position = np.stack([along, across], axis=1)
    fit = _orders_apart if order_degree is None else _orders_together
    evaluate = fit(order, wavelength_nm, slit_arcsec, position, limits, degrees, order_degree, cut)
    solutions = {}
    for o, (low, high) in limits.items():
        empty = OrderSolution(o, (low, high), slit_limits, np.zeros((1, 1)), np.zeros((1, 1)))
        w = 0.5 * (low + high) + 0.5 * (high - low) * chebyshev.chebpts1(4 * degrees[0] + 4)
        s = 0.5 * sum(slit_limits) + 0.5 * np.ptp(slit_limits) * chebyshev.chebpts1(2 * degrees[1] + 2)
        w, s = (a.ravel() for a in np.meshgrid(w, s, indexing="ij"))
        design = chebyshev_design(*units(empty, w, s), degrees)
        coefficients = np.linalg.lstsq(design, evaluate(o, w, s), rcond=None)[0]
        shape = degrees[0] + 1, degrees[1] + 1
        solutions[o] = replace(empty, along=coefficients[:, 0].reshape(shape), across=coefficients[:, 1].reshape(shape))
    return DispersionSolution(arm, solutions)


WIDE_PX = 1e5  # prior of a free coefficient


def _orders_apart(order, wavelength_nm, slit_arcsec, position, limits, degrees, _, cut):
    slit_limits = np.min(slit_arcsec), np.max(slit_arcsec)
    coefficients, ranges = {}, {}
    for o in limits:
        m = order == o
        # on the lines' own range: it is there that they are many enough for the degree
        ranges[o] = np.min(wavelength_nm[m]), np.max(wavelength_nm[m])
        design = chebyshev_design(to_unit(wavelength_nm[m], ranges[o]), to_unit(slit_arcsec[m], slit_limits), degrees)
        coefficients[o], _ = robust_fit(design, position[m], np.full(design.shape[1], WIDE_PX), rounds=10, cut=cut)
    return lambda o, w, s: chebyshev_design(to_unit(w, ranges[o]), to_unit(s, slit_limits), degrees) @ coefficients[o]


def _orders_together(order, wavelength_nm, slit_arcsec, position, limits, degrees, order_degree, cut):
    known = np.isin(order, list(limits))
    order, wavelength_nm, slit_arcsec, position = (a[known] for a in (order, wavelength_nm, slit_arcsec, position))
    product = order * wavelength_nm
    ranges = [(a.min(), a.max()) for a in (product, order, slit_arcsec)]

    def design(o, w, s):
        two = chebyshev_design(to_unit(o * w, ranges[0]), to_unit(s, ranges[2]), degrees)
        third = chebyshev.chebvander(np.broadcast_to(to_unit(o, ranges[1]), np.shape(w)), order_degree)
        return (two[:, :, None] * third[:, None, :]).reshape(len(two), -1)

    a = design(order, wavelength_nm, slit_arcsec)
    coefficients, _ = robust_fit(a, position, np.full(a.shape[1], WIDE_PX), rounds=10, cut=cut)
    return lambda o, w, s: design(float(o), w, s) @ coefficients
