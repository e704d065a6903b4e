"""What pairs of flats tell of gain and linearity."""

from dataclasses import dataclass

import numpy as np

from soxslib.numerics.noise import robust_std


@dataclass(frozen=True)
class PhotonTransfer:
    """Noise of a pair of flats over that of photons at the assumed gain.

    gain_ratio: true gain over the assumed one, from the faint end; curvature: relative loss of the ratio per 10 000
    electrons.
    """

    gain_ratio: float
    gain_error: float
    curvature: float
    curvature_error: float


def photon_transfer(first, second, floor, good, *, least_e, n_bins, least_pixels):
    """The PhotonTransfer of two equal exposures [electron]; None when too little is lit evenly.

    Variance of the difference over its mean, in bins of the mean: 1 at all levels for a linear detector at its true
    gain. A detector that saves counts at high light (linear coefficient b per electron) shows 1 - 3 b x at x electrons.
    But so do charges that repel each other (Guyonnet et al. 2015, A&A 575, A41), which leave the mean counts right: the
    curvature is a warning, not a correction.
    """
    mean = 0.5 * (first + second)
    used = good & (mean > least_e)
    if used.sum() < n_bins * least_pixels:
        return None
    mean, difference, floor = mean[used], (first - second)[used], floor[used]
    edges = np.quantile(mean, np.linspace(0, 1, n_bins + 1))
    index = sum((mean >= edge).view(np.int8) for edge in edges[1:-1].astype(mean.dtype))
    level, ratio, error = [], [], []
    for k in range(n_bins):
        m = index == k
        pull = difference[m] / np.sqrt(2.0 * (mean[m] + floor[m]))
        level.append(mean[m].mean())
        # pulls are 1 but for gain and linearity, read noise included: take its known part out
        share = float(np.mean(floor[m] / (mean[m] + floor[m])))
        ratio.append((robust_std(pull) ** 2 - share) / (1.0 - share))
        error.append(np.sqrt(2.0 / min(m.sum(), 400_000)))
    design = np.stack([np.ones(n_bins), np.array(level) / 1e4], axis=1)
    weight = 1.0 / np.array(error) ** 2
    covariance = np.linalg.inv(design.T @ (weight[:, None] * design))
    constant, slope = covariance @ (design.T @ (weight * np.array(ratio)))
    error = np.sqrt(np.diag(covariance))
    # electrons counted with too small a gain have too small a variance
    return PhotonTransfer(float(1.0 / constant), float(error[0]), float(-slope), float(error[1]))
