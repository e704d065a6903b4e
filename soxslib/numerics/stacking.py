"""Robust means of repeated frames."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from soxslib import kernels
from soxslib.numerics.noise import box_mean, median, pair_noise, robust_std
from soxslib.numerics.smoothing import block_sums

_median = kernels.function("stacking_median", "pnnff")
_mean = kernels.function("stacking_mean", "pnnxxxffff")
_PART = 256  # pixels that the loops work on at once


@dataclass(frozen=True)
class Stack:
    """Mean of the frames without their outliers.

    count: frames that entered each pixel; excess: chi-square per degree of freedom of those about the median
    (0 where fewer than 3), which tells unstable pixels.
    """

    mean: np.ndarray
    count: np.ndarray
    excess: np.ndarray


def stack_mean(frames, *, read_variance, clip_sigma):
    """The Stack of frames [n, y, x] in electrons, each with noise read_variance + signal.

    A value is rejected when it is clip_sigma of its own noise from the median of all (three frames and more). Of two
    frames that disagree the higher one is rejected: cosmic rays and stray light only add. One frame stays as it is.
    """
    n, frames = len(frames), _images(frames)
    if n == 1:
        ones = np.ones(frames[0].shape, np.float32)
        return Stack(frames[0].copy(), ones, 0 * ones)
    # of two, the difference to the lower one has twice the variance; a median of few has about pi/2n of it
    widening = 2.0 if n == 2 else 1.0 + np.pi / (2 * n)
    out = [np.empty(frames[0].shape, np.float32) for _ in range(3)]
    buffer = np.empty(2 * n * _PART, np.float32)
    places = kernels.addresses(frames, frames[0].shape, "f")
    _mean(places, n, frames[0].size, read_variance, clip_sigma, widening, buffer, *out)
    return Stack(*out)


def median_of(frames):
    """Median over frames, pixel by pixel, without a copy of all of them."""
    frames = _images(frames)
    out = np.empty(frames[0].shape, np.float32)
    places = kernels.addresses(frames, out.shape, "f")
    _median(places, len(frames), out.size, np.empty(len(frames) * _PART, np.float32), out)
    return out


def _images(frames):
    return [np.ascontiguousarray(frame, np.float32) for frame in frames]


def chi2_limit(degrees, sigma):
    """Chi-square per degree of freedom exceeded as rarely as a Gaussian exceeds sigma (Wilson & Hilferty 1931)."""
    third = 2.0 / (9.0 * max(degrees, 1))
    return (1.0 - third + sigma * np.sqrt(third)) ** 3


def read_noise_of(frames, good=None):
    """Noise [unit of the frames] of one frame: from differences of successive frames, of one frame from neighbours.

    good: pixels that may be read. Of a single frame the differences between neighbours along axis 1 hold the structure
    between columns too, so the value is an upper limit.
    """
    if len(frames) > 1:  # every fourth row tells it well enough
        sample = None if good is None else good[::4]
        return float(np.median([pair_noise(a[::4], b[::4], sample) for a, b in pairwise(frames)]))
    one = frames[0]
    return robust_std(one[:, 1:] - one[:, :-1]) / np.sqrt(2.0)


def discrepant(frames, *, noise, blocks, limit_sigma, least):
    """{index: largest deviation} of frames that differ in structure from the others (light leaks, bad read-outs).

    Means over blocks, without their common level, are compared with the median of all frames; a frame is discrepant
    when the rms of its deviations exceeds limit_sigma times what read noise explains and `least` [unit of the frames].
    Of two frames that differ, the higher one is named; of one, none.
    """
    n = len(frames)
    if n < 2:
        return {}
    size = block_sums(np.ones_like(frames[0]), blocks)
    means = np.array([block_sums(_capped(f, noise), blocks) / size for f in frames])
    means -= np.median(means, axis=(1, 2), keepdims=True)
    expected = noise / np.sqrt(np.median(size))
    out = {}
    for i in range(n):
        deviation = means[i] - (means[i ^ 1] if n == 2 else np.median(means, axis=0))
        rms = float(np.sqrt(np.mean((deviation - np.median(deviation)) ** 2)))
        is_higher = n > 2 or deviation.max() > -deviation.min()
        if is_higher and rms > max(limit_sigma * expected, least):
            out[i] = float(np.abs(deviation).max())
    return out


def _capped(frame, noise):
    """The frame with hot pixels and cosmic rays held at 5 sigma, so that they do not look like structure."""
    centre = median(frame[::7, ::7])
    smooth = box_mean(frame, size=9) if noise > 0 else frame
    low, high = np.minimum(smooth, centre), np.maximum(centre, smooth)
    low -= np.float32(5 * noise)
    high += np.float32(5 * noise)
    return np.clip(frame, low, high, out=low)
