"""Counts as a spectrum lets expect them, for the noise of their photons.

A variance that holds each sample's own noise is smaller where the noise is negative: by weights from it a mean is up to an
electron per sample too low, and the errors scatter.
"""

import numpy as np

from soxslib.numerics.filters import box_mean_1d

SMOOTH = 31  # samples that tell what a sample without structure of its own has
NEAR = 5  # samples whose structure is judged together: a line's width
AT_LEAST = 2.0  # mean square over its noise, from which structure counts: noise alone has 1
LEAST_TOLD = 0.1  # of the typical information, below which a sample tells nothing


def expected_counts(counts, information):
    """Expected counts, not negative, of samples with these counts and inverse variances.

    They are the mean of the neighbourhood, and of what a sample differs from it as much as stands above the noise: the part
    1 - AT_LEAST / chi2 of it, with chi2 the mean square of the near samples' differences over their variances (after
    James & Stein 1961).
    """
    some = information > 0
    told = information > LEAST_TOLD * np.median(information[some]) if some.any() else some
    n = np.maximum(box_mean_1d(told.astype(float), SMOOTH), 1e-9)
    smooth = box_mean_1d(np.where(told, counts, 0.0), SMOOTH) / n
    difference = np.where(told, counts - smooth, 0.0)
    chi2 = box_mean_1d(difference**2 * information, NEAR) / np.maximum(box_mean_1d(told.astype(float), NEAR), 1e-9)
    own = np.clip(1.0 - AT_LEAST / np.maximum(chi2, 1e-9), 0.0, 1.0)
    return np.maximum(smooth + own * difference, 0.0)
