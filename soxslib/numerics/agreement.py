"""Cosmic rays that several exposures of a source tell from its light: what one shows and the others do not."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from soxslib.numerics.uniform import interpolated

LEAST_LIGHT = 0.02  # of a source in a pixel, below which a ray is no light of it in one exposure either
NEAR_SIGMA = 2.0  # from which a neighbour of a hit is one: exposures agree where no ray is


def unlike_others(pixels, profile, variance, others, *, reject_sigma, scale_error, shift_error_px):
    """Pixels [row, column] of an exposure with more light than the others' Counts let expect, and their neighbours.

    pixels: with the sky subtracted; profile: of the source, in units of the others' counts. scale_error, relative, and
    shift_error_px are what exposures may differ by in level and wavelength. A ray under the core of a source passes for its
    light in one exposure; what is less than expected is left, since it is the others that may be hit.
    """
    basis = pixels.basis
    used = pixels.good & basis.on_grid & (profile > LEAST_LIGHT)
    light, position = profile[used], basis.position[used]
    known = np.isfinite(others.variance)
    at = lambda values: np.nan_to_num(interpolated(position, np.where(known, values, 0.0))) * light
    expected = at(others.flux)
    doubt2 = (scale_error * expected) ** 2 + (shift_error_px * at(np.gradient(others.flux))) ** 2
    noise2 = variance[used] + at(np.sqrt(np.where(known, others.variance, 0.0))) ** 2 + doubt2
    told = at(np.ones(known.size)) > 0.99 * light
    pull = np.zeros(profile.shape)
    pull[used] = np.where(told, (pixels.data[used] - expected) / np.sqrt(noise2), 0.0)
    hit = pull > reject_sigma
    if not hit.any():
        return hit
    near = sliding_window_view(np.pad(hit, 1), (3, 3)).any(axis=(2, 3))
    return hit | (near & (pull > NEAR_SIGMA))
