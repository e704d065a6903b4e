"""Where the slit's image ends, from a flat."""

from dataclasses import dataclass

import numpy as np

from soxslib.numerics.tracing import cut_along, robust_weighted


@dataclass(frozen=True)
class EdgePoints:
    """Distances [px] of the lower and upper edge from the trace in slices along an order, with their errors."""

    along: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    lower_error: np.ndarray
    upper_error: np.ndarray
    is_good: np.ndarray


def rough_edges(profile):
    """(lower, upper) index at which a profile across an order crosses half its plateau; None without a plateau."""
    background = np.percentile(profile, 5)
    middle = profile.size // 2
    third = max(profile.size // 8, 2)
    plateau = np.median(profile[middle - third : middle + third + 1])
    if plateau <= background:
        return None
    relative = (profile - background) / (plateau - background)
    out = []
    for step in (-1, 1):
        i = middle
        while 0 < i < profile.size - 1 and relative[i + step] > 0.5:
            i += step
        if not 0 < i < profile.size - 1:
            return None
        inside, outside = relative[i], relative[i + step]
        out.append(i + step * (inside - 0.5) / max(inside - outside, 1e-6))
    return out[0], out[1]


def mean_profile(image, bad, line, half, slice_px):
    """Profile across an order relative to its trace: mean over slices, each on the scale of its own brightness."""
    values, _ = cut_along(image, line, half)
    masked, _ = cut_along(bad, line, half)
    n = values.shape[1] // slice_px
    sums = lambda a: a[:, : n * slice_px].reshape(2 * half + 1, n, slice_px).sum(axis=2)
    used = sums(~masked)
    slices = sums(np.where(masked, 0.0, values)) / np.maximum(used, 1)
    middle = np.median(slices[half - 3 : half + 4], axis=0)
    bright = (middle > 0.1 * middle.max()) & (middle > 0)
    if not bright.any():
        return np.zeros(2 * half + 1)
    return np.median(slices[:, bright] / middle[bright], axis=1)


def edge_points(flux, variance, bad, line, rough, *, slice_px, reach):
    """The EdgePoints of one order about a line (columns, positions); rough: typical (lower, upper) distance from it.

    flux: without scattered light. A blurred edge moves no light in or out: the light between a row inside and one
    outside, over that of a row of the plateau, is the distance of the edge from the row inside, whatever the blur.
    reach: rows taken on either side of it.
    """
    half = int(np.ceil(max(abs(rough[0]), abs(rough[1])))) + 2 * reach + 2
    columns, position = line
    n = columns.size // slice_px
    columns, position = columns[: n * slice_px], position[: n * slice_px]
    values, rows = cut_along(flux, (columns, position), half)
    noise, _ = cut_along(variance, (columns, position), half)
    masked, _ = cut_along(bad, (columns, position), half)
    off = masked | (rows < 0) | (rows >= flux.shape[0])
    phase = (position - np.round(position)).reshape(n, slice_px).mean(1)
    sums = lambda a: np.where(off, 0.0, a).reshape(2 * half + 1, n, slice_px).sum(2)
    used = (~off).reshape(2 * half + 1, n, slice_px).sum(2)
    # a masked pixel is replaced by the mean of its row in the slice
    filled = sums(values) / np.maximum(used, 1)
    error2 = sums(noise) / np.maximum(used, 1) ** 2
    distances, errors, complete = [], [], np.ones(n, bool)
    for sign, where in ((-1, rough[0]), (1, rough[1])):
        inner = half + int(np.round(where)) - sign * reach
        outer = half + int(np.round(where)) + sign * reach
        low, high = min(inner, outer), max(inner, outer)
        band = slice(inner - 2 * reach, inner + 1) if sign > 0 else slice(inner, inner + 2 * reach + 1)
        plateau = np.median(filled[band], axis=0)
        safe = np.maximum(plateau, 1e-6)
        light = filled[low : high + 1].sum(0) / safe
        distances.append(inner - half + sign * (light - 0.5) - phase)
        errors.append(
            np.sqrt(error2[low : high + 1].sum(0)) / safe + 0.3 * np.sqrt(error2[band].mean(0)) / safe * reach
        )
        complete &= (used[low : high + 1] > 0.3 * slice_px).all(0) & (plateau > 0)
    along = columns.reshape(n, slice_px).mean(1)
    good = complete & (errors[0] < 0.3) & (errors[1] < 0.3)
    return EdgePoints(along, *distances, *errors, good)


def edge_curves(points, trace, domain, *, degree, cut, floor_px, prior_px):
    """(lower, upper, their scatters [px]): Legendre coefficients of an order's edges, each its trace plus a polynomial.

    trace: Legendre coefficients of its centre; points: EdgePoints in the same pixels. The two edges are independent:
    their distance is the slit's length and so tells the scale.
    """
    unit = lambda x: (2.0 * np.asarray(x) - sum(domain)) / (domain[1] - domain[0])
    m = points.is_good
    design = np.polynomial.legendre.legvander(unit(points.along[m]), degree)
    out, scatter = [], []
    for distance, error in ((points.lower, points.lower_error), (points.upper, points.upper_error)):
        typical = np.median(distance[m])
        prior = prior_px * 0.6 ** np.arange(degree + 1)
        fitted, residual, weight = robust_weighted(
            design, distance[m] - typical, np.hypot(error[m], floor_px), prior, cut=cut
        )
        curve = np.array(trace, float)
        curve = np.pad(curve, (0, max(degree + 1 - curve.size, 0)))
        curve[: degree + 1] += fitted
        curve[0] += typical
        out.append(curve)
        scatter.append(float(np.std(residual[weight > 0])))
    return out[0], out[1], scatter
