"""From counts to electrons: pedestal, dark signal, full well."""

import numpy as np

from soxslib import kernels
from soxslib.numerics.filters import column_medians
from soxslib.numerics.noise import robust_std
from soxslib.numerics.smoothing import gaussian_smoothed

_less_dark = kernels.function("detector_less_dark", "ffhffhxxn")


def clipped_rows_mean(strip, *, clip_sigma):
    """Mean over axis 0 for each position along axis 1, without outliers (cosmic rays, warm columns)."""
    strip = np.asarray(strip, np.float32)
    # one scale for all: with few rows a scale of each position would be too uncertain
    centre = column_medians(strip).astype(np.float32)
    scale = robust_std(strip - centre)
    good = np.abs(strip - centre) <= clip_sigma * scale + 0.5
    return np.where(good, strip, 0.0).sum(0) / np.maximum(good.sum(0), 1)


def strips_level(strips, *, smooth_px, clip_sigma, tolerance):
    """(level, noise) of the pedestal along axis 1 from strips without light, in their unit; None when they disagree.

    level: one value per position, smoothed with a Gaussian of smooth_px; noise: of one pixel of the strips.
    Strips disagree when their levels differ by more than `tolerance` times that noise: then they see light or charge.
    """
    strips = [s for s in strips if s is not None and s.size]
    if not strips:
        return None
    levels = [clipped_rows_mean(s, clip_sigma=clip_sigma) for s in strips]
    noise = float(np.median([robust_std(s - level) for s, level in zip(strips, levels, strict=True)]))
    medians = [float(np.median(level)) for level in levels]
    if max(medians) - min(medians) > tolerance * noise:
        return None
    weights = np.array([s.shape[0] for s in strips], float)
    level = np.average(levels, axis=0, weights=weights)
    return gaussian_smoothed(level, smooth_px), noise


def well_level(adu, *, nominal, least, count):
    """Level [ADU] at and above which pixels are saturated: the nominal one, or lower where the frame shows a pile-up.

    A full well below the converter's range shows as many pixels at nearly the same, highest value; sought above
    `least` of the nominal level, with at least `count` pixels within 0.2 per cent of the maximum and fewer
    in the ten times wider range below.
    """
    bright = adu[adu > least * nominal]
    if bright.size < count:
        return nominal
    top = float(bright.max())
    if top >= nominal:
        return nominal
    pile = bright[bright > 0.998 * top]
    below = np.count_nonzero((bright > 0.978 * top) & (bright <= 0.998 * top))
    if pile.size < count or pile.size < below:
        return nominal
    return float(np.median(pile) * 0.998)


def grown(mask, *, across, along):
    """The mask, grown by so many pixels on either side along each axis."""
    out = mask.copy()
    for axis, steps in ((0, across), (1, along)):
        for _ in range(steps):
            source = out.copy()
            if axis == 0:
                out[1:] |= source[:-1]
                out[:-1] |= source[1:]
            else:
                out[:, 1:] |= source[:, :-1]
                out[:, :-1] |= source[:, 1:]
    return out


def dark_weights(times, wanted, *, tolerance):
    """{index: weight} of the darks whose weighted sum is the dark of the wanted time.

    The dark of the same time within the relative tolerance; else linear between the two that bracket it, pixel by
    pixel (the signal need not grow from zero: glow and pedestals stay); the nearest outside the range.
    """
    times = np.asarray(times, float)
    nearest = int(np.argmin(np.abs(times - wanted)))
    if abs(times[nearest] - wanted) <= tolerance * max(wanted, 1.0):
        return {nearest: 1.0}
    below = [i for i in range(times.size) if times[i] < wanted]
    above = [i for i in range(times.size) if times[i] > wanted]
    if not below or not above:
        return {nearest: 1.0}
    low, high = max(below, key=lambda i: times[i]), min(above, key=lambda i: times[i])
    fraction = (wanted - times[low]) / (times[high] - times[low])
    return {low: 1.0 - fraction, high: fraction}


def subtract_dark(flux, floor, quality, dark, weight, *, integrations):
    """None: changes flux, variance without signal and quality of an image in place, by a weight times a dark.

    dark: (flux, variance, quality) of one integration time; the photon noise of its charge is that of `integrations`.
    """
    dark = [np.ascontiguousarray(a) for a in dark]
    _less_dark(flux, floor, quality, *dark, weight, integrations, flux.size)
