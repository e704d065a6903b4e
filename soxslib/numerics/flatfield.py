"""A flat taken apart: lamp and blaze along the dispersion, illumination along the slit, response of the pixels."""

from dataclasses import dataclass

import numpy as np

from soxslib import kernels
from soxslib.numerics import splines
from soxslib.numerics.filters import column_medians, running_median

_lamp_sums = kernels.function("flatfield_lamp", "dddbdddddnnxxnndbdd")
_slit_sums = kernels.function("flatfield_slit", "ddbddddndnnndd")
_model = kernels.function("flatfield_model", "ddddnnnd")
_along = kernels.function("flatfield_along", "dddnnd")
_bands = kernels.function("flatfield_bands", "idddnnndd")
TERMS = 3  # constant, slope and bow along the slit: the slit's image is tilted, so the lamp's slope shows along it


@dataclass(frozen=True)
class Factors:
    """One order of a flat, arrays [row, column] of a cutout: model = lamp x illumination.

    blaze: at each column, at the middle of the slit; fraction, illumination: along the slit, mean 1; lean: at each column,
    slope and bow of the model along the slit that differ from the order's mean, of height and its square (-1 to 1), and
    the slope's error; ratio: flat over model; error: its 1 sigma; usable: pixels where the ratio tells the pixel's response.
    """

    model: np.ndarray
    blaze: np.ndarray
    fraction: np.ndarray
    illumination: np.ndarray
    lean: np.ndarray
    ratio: np.ndarray
    error: np.ndarray
    usable: np.ndarray


def factorise(
    flux, floor, light, good, fraction, *, knot_px, n_nodes, margin, clip_sigma, clip_ratio, misfit, rounds=4
):
    """The Factors of one order.

    floor: variance without light; light: how many frames of the flux's brightness are in it, so that the photons'
    variance is that of the model over light: weights from the pixel itself would trust dead pixels most. fraction:
    position of each pixel between the edges (0 lower, 1 upper); good: pixels to be read. The lamp is a first guess
    along the columns times a cubic B-spline with knots every knot_px, for three terms along the slit; the illumination
    is a piecewise linear curve of n_nodes along the slit. They are fitted in turn; pixels off the model (defects,
    cosmic rays) are left out. margin: part of the slit at either end where its blurred edge hides the response; misfit:
    scatter of a column's ratios beyond noise above which the model does not hold there (the steep ends of an order) and
    its ratios are not used.
    """
    whole = lambda a: np.ascontiguousarray(np.broadcast_to(a, flux.shape), float)
    flux, floor, light, fraction = (whole(a) for a in (flux, floor, light, fraction))
    readable = good & (fraction > margin) & (fraction < 1.0 - margin) & (floor > 0)
    light_along = _typical(flux, readable)
    steady = _steady(light_along, knot_px)
    readable &= steady[None, :]
    height = (2.0 * fraction - 1.0).clip(-1.2, 1.2)
    basis = _spline_basis(flux.shape[1], knot_px)
    nodes = np.linspace(0, 1, n_nodes)
    illumination = np.ones(n_nodes)
    variance_of = lambda model: floor + np.maximum(model, 0.0) / light
    guess = _first_guess(flux, floor, light, readable, knot_px)
    model, tolerance = whole(guess), 0.4
    variance, used, shape = np.empty_like(flux), np.empty(flux.shape, bool), np.empty_like(flux)
    size, sums = flux.shape, np.empty((2, n_nodes))
    for i in range(rounds):
        n = TERMS if i else 1
        data, moments = np.empty((n, size[1])), np.empty((n, n, size[1]))
        _lamp_sums(
            flux, floor, light, readable, model, height, fraction, guess, illumination, n_nodes, n, clip_sigma,
            tolerance, *size, variance, used, data, moments,
        )  # fmt: skip
        tolerance = clip_ratio
        parts = _fit_lamp(data, moments, basis)
        _slit_sums(
            flux, variance, used, height, fraction, guess, illumination, n_nodes, parts, n, *size, shape, sums,
        )  # fmt: skip
        step = _at_nodes(*sums)
        illumination = illumination * step / _plateau(step)
        _model(shape, fraction, guess, illumination, n_nodes, *size, model)
    middle = _middle(shape, fraction)
    # what bends and tilts the lamp along the slit, averaged over the order, is illumination too
    tilt = shape / np.where(middle > 0, middle, np.inf)[None, :]
    blaze = np.where(steady, guess * middle, light_along)
    blaze = np.maximum(blaze, 1e-5 * blaze.max(initial=0.0))
    bright = used & (blaze > 0.1 * blaze.max())[None, :]
    illumination = illumination * _mean_along(tilt, bright, fraction, n_nodes)
    lean = _lean(parts, np.where(used & steady, model**2 / variance, 0.0), height, bright.sum(0), knot_px)
    safe = np.where(model > 0, model, np.inf)
    ratio, error = flux / safe, np.sqrt(variance_of(model)) / safe
    usable = readable & (model > 0)
    usable &= _fits(ratio, error, usable, misfit)[None, :]
    return Factors(model, blaze, nodes, illumination / _plateau(illumination), lean, ratio, error, usable)


def _lean(parts, information, height, share, knot_px):
    """(slope, bow, the slope's error) along the slit at each column, relative to the light in its middle.

    parts: coefficients of constant, slope and bow (Legendre) at each column; information: of the relative light, [row,
    column]; share: of each column in the order's mean, from which slope and bow are counted.
    """
    middle = parts[0] - 0.5 * parts[2]
    safe = np.where(middle > 0.05, middle, np.inf)
    slope, bow = parts[1] / safe, 1.5 * parts[2] / safe
    total = max(share.sum(), 1)
    by_column = np.convolve((information * height**2).sum(0), np.ones(2 * int(knot_px / 2) + 1), "same")
    error = np.where(information.any(0), 1.0 / np.sqrt(np.maximum(by_column, 1e-6)), np.inf)
    return np.array([slope - np.sum(share * slope) / total, bow - np.sum(share * bow) / total, error])


def _fits(ratio, error, usable, misfit, reach=12):
    """Columns of an order without its ends, as far as there the ratios scatter more than noise and `misfit` explain.

    Only the ends can be too steep for the model; clusters of defects may be anywhere, and are to be found.
    """
    known = usable.any(0)
    columns = np.flatnonzero(known)
    if columns.size == 0:
        return known
    spread = 1.4826 * column_medians(np.abs(ratio - 1.0), usable)[columns]
    excess = spread**2 - column_medians(error, usable)[columns] ** 2
    padded = np.pad(excess, reach, mode="reflect" if columns.size > reach else "edge")
    typical = running_median(padded, 2 * reach + 1)[reach:-reach]
    fitting = np.flatnonzero(typical < misfit**2)
    out = np.zeros(ratio.shape[1], bool)
    if fitting.size:
        out[columns[fitting[0] : fitting[-1] + 1]] = True
    return out


def _plateau(along_slit):
    """Mean of a curve along the slit, without its ends."""
    eighth = max(along_slit.size // 8, 1)
    return along_slit[eighth:-eighth].mean()


def _spline_basis(n_columns, knot_px):
    """(first node, weights, number of nodes) of cubic B-splines along the columns."""
    n_knots = max(int(round(n_columns / knot_px)), 1)
    first, phase = splines.nodes_of(np.arange(n_columns, dtype=float) / n_columns * n_knots)
    return first + 1, splines.bspline_weights(phase), n_knots + 3


def _first_guess(flux, floor, light, used, knot_px):
    """Light along the columns, smooth in its logarithm: a dichroic's exponential fall is too steep otherwise."""
    usable = used.any(0)
    mean, noise = _typical(flux, used), np.ones(flux.shape[1])
    count = used.sum(0)[usable]
    variance = floor + np.maximum(mean, 0.0)[None, :] / light
    noise[usable] = 1.25 * np.sqrt(np.where(used, variance, 0.0).sum(0)[usable]) / count
    floor = np.maximum(3.0 * noise, 1e-3 * np.max(mean, initial=1e-6))
    logarithm = np.log(np.maximum(mean, floor))
    weight = np.where(usable, 1.0 / ((noise / np.maximum(mean, floor)) ** 2 + 0.003**2), 0.0)
    first, weights, n = _spline_basis(flux.shape[1], 0.5 * knot_px)
    bands, vector = splines.normal_equations(first, [weights], weight, logarithm, n)
    smooth = splines.evaluate(splines.solve(bands, vector, ridge=1e-9), first, weights)
    return np.exp(np.clip(smooth, np.log(floor.min()) - 2.0, np.log(max(mean.max(), 1e-6)) + 1.0))


def _typical(flux, used):
    """Light of each column, 0 where none is to be read; medians, since clusters of dead pixels would dent a mean."""
    return np.nan_to_num(column_medians(flux, used))


def _steady(light, knot_px, steepest=1.0):
    """Columns between those where an order's light begins or ends: by more than a factor e over a fifth of knot_px."""
    step = max(int(round(knot_px / 5)), 2)
    n = light.size // step
    level = np.median(light[: n * step].reshape(n, step), axis=1)
    level = np.log(np.maximum(level, 1e-3 * level.max(initial=1e-6)))
    jumps = np.flatnonzero(np.abs(np.diff(level)) > steepest) + 1
    before, after = jumps[jumps < n // 5], jumps[jumps > n - n // 5]
    first = (before[-1] + 1) * step if before.size else 0
    last = (after[0] - 1) * step if after.size else light.size
    return (np.arange(light.size) >= first) & (np.arange(light.size) < last)


def _fit_lamp(data, moments, basis):
    """Correction of the lamp: for each term along the slit its factor at each column [term, column], a spline.

    The splines depend on the column alone, so data [term, column] and moments [term, term, column] are summed over rows.
    """
    first, weights, n_nodes = basis
    n = len(data)
    bands, vector = np.empty((4 * n, n_nodes * n)), np.empty(n_nodes * n)
    _bands(first, np.array(weights), data, moments, n, n_nodes, first.size, bands, vector)
    solution = splines.solve(bands, vector, ridge=1e-9).reshape(n_nodes, n)
    return np.array([splines.evaluate(solution[:, k], first, weights) for k in range(n)])


def _mean_along(values, weight, fraction, n_nodes):
    """Weighted mean of values at nodes along the slit, each pixel shared by two nodes; the nearest known beyond."""
    sums = np.empty((2, n_nodes))
    _along(values, weight.astype(float), fraction, values.size, n_nodes, sums)
    return _at_nodes(*sums)


def _at_nodes(total, weights):
    """Means from sums at nodes, the nearest known ones where nothing tells; 1 where nothing does anywhere."""
    known = np.flatnonzero(weights > 1e-3 * weights.max())
    return np.interp(np.arange(total.size), known, total[known] / weights[known]) if known.size else np.ones(total.size)


def _middle(lamp, fraction):
    """The lamp at the middle of the slit, at each column."""
    row = np.argmin(np.abs(fraction - 0.5), axis=0)
    return lamp[row, np.arange(lamp.shape[1])]


def lamp_lines(factors, limit=0.03, sigma=6.0, reach=3):
    """Columns where the lamp has a line: all rows together deviate from the smooth lamp by more than `limit` and `sigma`
    times the noise. Detectors have no such columns, or both lamps would show them. Grown by `reach` columns."""
    seen = factors.usable.any(0)
    level, noise = np.ones(seen.size), np.ones(seen.size)
    level[seen] = column_medians(factors.ratio, factors.usable)[seen]  # a dead pixel is no line
    count = factors.usable.sum(0)[seen]
    noise[seen] = 1.25 * np.sqrt(np.where(factors.usable, factors.error**2, 0.0).sum(0)[seen]) / count
    line = seen & (np.abs(level - 1.0) > np.maximum(limit, sigma * noise))
    return np.convolve(line, np.ones(2 * reach + 1), "same") > 0


def intrinsic_scatter(ratio, error, usable, *, least_pixels):
    """Scatter of the pixels' response beyond noise, from the best measured pixels of an order; None if too few."""
    limit = max(np.percentile(error[usable], 30), 0.01) if usable.any() else 0.0
    best = usable & (error <= limit) & (np.abs(ratio - 1.0) < 0.2)
    if best.sum() < least_pixels:
        return None
    r, e = ratio[best] - 1.0, error[best]
    for _ in range(4):
        kept = np.abs(r - r.mean()) < 4 * r.std()
        r, e = r[kept], e[kept]
    return float(np.sqrt(max(np.mean((r - r.mean()) ** 2 - e**2), 0.0)))


def shrunk_response(ratio, error, usable, *, intrinsic, keep_sigma):
    """(response, variance): the measured ratio where it is better known than guessed, 1 where it is not.

    The empirical Bayes mean for responses that scatter by `intrinsic` about 1: dividing by it never adds more noise
    than it takes out. Pixels beyond keep_sigma of both are defects and keep what was measured.
    """
    noise = np.where(usable, error, 1.0) ** 2
    total = intrinsic**2 + noise
    departure = np.where(usable, ratio - 1.0, 0.0)
    defect = usable & (np.abs(departure) > keep_sigma * np.sqrt(total))
    weight = np.where(defect, 1.0, intrinsic**2 / np.maximum(total, 1e-30))
    response = np.where(usable, 1.0 + weight * departure, 1.0)
    variance = np.where(usable, weight * noise, intrinsic**2)
    return response, variance
