"""How far a pattern of spots has moved: predictions against the peaks of an image, before any line is identified.

The number of pairs (prediction, peak) at each difference of positions is the cross-correlation of a synthetic image
with the real one, at the cost of the spots instead of the pixels.
"""

from dataclasses import dataclass

import numpy as np

from soxslib.numerics.filters import gaussian_blurred


@dataclass(frozen=True)
class Votes:
    """The best common shift of a pattern, how many predictions meet a peak there, and how many do by chance."""

    along: float
    across: float
    stretch: float  # shift along the dispersion at the end of the order (u = 1) in excess of that at its centre
    hits: float
    by_chance: float


def neighbour_pairs(predicted, peaks, reach):
    """(index of prediction, index of peak) of all pairs closer than reach = (along, across); both are [spot, 2]."""
    order = np.argsort(peaks[:, 0], kind="stable")
    along = peaks[order, 0]
    first = np.searchsorted(along, predicted[:, 0] - reach[0])
    count = np.searchsorted(along, predicted[:, 0] + reach[0]) - first
    i = np.repeat(np.arange(len(predicted)), count)
    k = order[np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + np.repeat(first, count)]
    near = np.abs(peaks[k, 1] - predicted[i, 1]) <= reach[1]
    return i[near], k[near]


def vote_shift(predicted, peaks, *, reach, bin_px, blur_px, u=None, stretches=(0.0,)):
    """The Votes of peaks for the shift of a pattern within +- reach = (along, across).

    u [-1, 1]: place of each prediction along its order; with it, `stretches` [px] are tried too. blur_px: how far
    single spots may lie off the common shift.
    """
    u = np.zeros(len(predicted)) if u is None else u
    widest = max(abs(s) for s in stretches)
    i, k = neighbour_pairs(predicted, peaks, (reach[0] + widest, reach[1]))
    d = peaks[k] - predicted[i]
    bins = [max(int(np.ceil(2 * r / bin_px)), 1) for r in reach]
    best = None
    for stretch in stretches:
        at = np.floor((d - np.outer(u[i], (stretch, 0.0)) + reach) / bin_px).astype(int)
        inside = ((at >= 0) & (at < bins)).all(axis=1)
        table = np.bincount(at[inside] @ (bins[1], 1), minlength=bins[0] * bins[1]).reshape(bins)
        # the peak of a Gaussian blur, scaled so that it counts the pairs within about twice the blur
        smooth = gaussian_blurred(table, blur_px / bin_px) * 4 * np.pi * (blur_px / bin_px) ** 2
        peak = np.unravel_index(np.argmax(smooth), smooth.shape)
        if best is None or smooth[peak] > best.hits:
            along, across = (np.array(peak) + 0.5) * bin_px - reach
            best = Votes(float(along), float(across), float(stretch), float(smooth[peak]), float(smooth.mean()))
    return best


def nearest_peaks(predicted, peaks, tolerance):
    """Index of the peak nearest to each prediction within tolerance = (along, across), or -1; a peak serves once."""
    i, k = neighbour_pairs(predicted, peaks, tolerance)
    distance = (((peaks[k] - predicted[i]) / tolerance) ** 2).sum(axis=1)
    out = np.full(len(predicted), -1)
    order = np.argsort(distance, kind="stable")
    i, k = i[order], k[order]
    first = np.zeros(len(i), bool)
    first[np.unique(i, return_index=True)[1]] = True  # the nearest peak of each prediction ...
    nearest = np.zeros(len(i), bool)
    nearest[np.unique(k, return_index=True)[1]] = True  # ... to which no other prediction is nearer
    both = first & nearest
    out[i[both]] = k[both]
    return out
