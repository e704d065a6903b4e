"""Counts as a spectrum lets expect them, for the noise of their photons.

A variance that holds each sample's own noise is smaller where the noise is negative: by weights from it a mean is up to an
electron per sample too low, and the errors scatter.
"""

import numpy as np

from soxslib.numerics.filters import box_mean_1d

SMOOTH = 61  # samples that tell what a sample without structure of its own has
NEAR = 5  # samples whose structure is judged together: a line's width
AT_LEAST = 3.0  # mean square over its noise, from which structure counts: noise alone has 1
ALIKE = 0.5  # of the typical information, from which samples tell their neighbourhood alike


def expected_counts(counts, information, *, least=0.0):
    """Expected counts, at least `least`, of samples with these counts and inverse variances.

    They are the mean of the neighbourhood, and of what a sample differs from it as much as stands above the noise: the part
    1 - AT_LEAST / chi2 of it, with chi2 the mean square of the near samples' differences over their variances (after
    James & Stein 1961).
    """
    told = information > 0
    weight = np.minimum(information / (ALIKE * np.median(information[told])), 1.0) if told.any() else information
    smooth = box_mean_1d(weight * np.where(told, counts, 0.0), SMOOTH) / np.maximum(box_mean_1d(weight, SMOOTH), 1e-9)
    difference = np.where(told, counts - smooth, 0.0)
    chi2 = box_mean_1d(difference**2 * information, NEAR) / np.maximum(box_mean_1d(told.astype(float), NEAR), 1e-9)
    own = np.clip(1.0 - AT_LEAST / np.maximum(chi2, 1e-9), 0.0, 1.0)
    return np.maximum(smooth + own * difference, least)
