"""Robust means of repeated frames."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from soxslib.numerics.noise import box_mean, pair_noise, robust_std, strips
from soxslib.numerics.smoothing import block_sums


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
    if len(frames) == 1:
        ones = np.ones(frames[0].shape, np.float32)
        return Stack(np.array(frames[0], np.float32), ones, 0 * ones)
    some = lambda rows: np.array([frame[rows] for frame in frames], np.float32)
    parts = [_stacked(some(rows), read_variance, clip_sigma) for rows in strips(len(frames[0]))]
    return Stack(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def strip_median(frames):
    """Median over frames, pixel by pixel, without a copy of all of them."""
    return np.concatenate([np.median([frame[rows] for frame in frames], axis=0) for rows in strips(len(frames[0]))])


def _stacked(frames, read_variance, clip_sigma):
    """(mean, count, excess) of some rows of two and more frames."""
    n = len(frames)
    reference = frames.min(0) if n == 2 else median_of(frames)
    variance = np.maximum(reference, 0.0) + np.float32(read_variance)
    # of two, the difference to the lower one has twice the variance; a median of few has about pi/2n of it
    limit = clip_sigma * np.sqrt(variance * (2.0 if n == 2 else 1.0 + np.pi / (2 * n)))
    total, count, chi2 = (np.zeros(frames.shape[1:], np.float32) for _ in range(3))
    for frame in frames:
        residual = frame - reference
        kept = residual <= limit if n == 2 else np.abs(residual) <= limit
        total += np.where(kept, frame, 0.0)
        count += kept
        chi2 += np.where(kept, residual * residual / variance, 0.0)
    mean = np.where(count > 0, total / np.maximum(count, 1), reference)
    excess = chi2 / np.maximum(count - 1, 1) if n > 2 else np.zeros_like(chi2)
    return mean, np.maximum(count, 1), excess


def median_of(frames):
    """Median over axis 0 of three and more frames, by comparing whole frames: of few, faster than sorting each pixel's.

    Of half the frames and two, neither the least nor the largest value can be the median: both go, the next comes.
    """
    waiting = list(frames)
    held, waiting = waiting[: len(frames) // 2 + 2], waiting[len(frames) // 2 + 2 :]
    while len(held) > 2:
        for i in range(1, len(held)):  # the least comes first
            held[0], held[i] = np.minimum(held[0], held[i]), np.maximum(held[0], held[i])
        for i in range(1, len(held) - 1):  # the largest comes last
            held[-1], held[i] = np.maximum(held[-1], held[i]), np.minimum(held[-1], held[i])
        held = held[1:-1] + waiting[:1]
        waiting = waiting[1:]
    return held[0] if len(held) == 1 else (held[0] + held[1]) / np.float32(2)


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
    centre = np.median(frame[::7, ::7])
    smooth = box_mean(frame, size=9) if noise > 0 else frame
    return np.clip(frame, np.minimum(smooth, centre) - 5 * noise, np.maximum(centre, smooth) + 5 * noise)
