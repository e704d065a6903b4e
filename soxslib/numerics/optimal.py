"""Counts of a source with independent errors, from one exposure or more whose sky is known."""

from dataclasses import dataclass

import numpy as np

from soxslib.numerics import filters, series, splines
from soxslib.numerics.decorrelate import decorrelated
from soxslib.numerics.extraction import MARGIN, bridged, inverse
from soxslib.numerics.hits import nearest_node

MIXED_COVERAGE = 0.8  # of a profile, from which a sample is mixed with its neighbours


@dataclass(frozen=True)
class Counts:
    """A source's counts per native pixel with independent errors.

    coverage: part of the profile that good pixels saw; variance is inf where nothing was seen.
    """

    flux: np.ndarray
    variance: np.ndarray
    coverage: np.ndarray


def optimal_counts(exposures, n_columns):
    """Counts per native pixel from one or more exposures: the least squares solution, decorrelated.

    exposures: list of (Pixels with the sky subtracted from data, profile [row, column], variance [row, column], sky_share
    [column]), all on the same native grid; profile carries the exposure's throughput relative to the mean, sky_share is
    the fraction of the information that the sky, fitted to the same pixels, takes away.

    The least squares samples are correlated where the tilt puts pixels between the native ones; `decorrelated` makes their
    errors independent.
    """
    return counts_of(sum(told_by(e, n_columns) for e in exposures), n_columns)


def told_by(exposure, n_columns):
    """What an exposure of `optimal_counts` tells of the nodes: rows of information (upper bands), vector, coverage seen and
    there. Several tell their sum."""
    pixels, profile, variance, sky_share = exposure
    basis, usable, n_nodes = pixels.basis, pixels.good & pixels.basis.on_grid, n_columns + 2 * MARGIN
    weight = inverse(variance, usable) * (1.0 - sky_share)
    told = series.equations(basis.first, basis.phase, [series.CONVOLUTION], [profile], weight, pixels.data, n_nodes)
    nearest = nearest_node(basis)
    light = np.where(basis.on_grid, np.clip(profile, 0, None), 0.0)
    seen = np.bincount(nearest, np.where(usable, light, 0.0).ravel(), n_nodes)
    return np.vstack([*told, seen, np.bincount(nearest, light.ravel(), n_nodes)])


def counts_of(told, n_columns):
    """The Counts of what exposures tell."""
    bands, (vector, seen, whole) = told[:-3], told[-3:]
    solution = splines.solve(bands, vector, ridge=1e-7) if bands[-1].max() > 0 else np.zeros(vector.size)
    coverage = np.clip(seen / np.maximum(whole, 1e-12), 0.0, 1.0)
    coverage_there = np.where(whole > 1e-3, coverage, 1.0)
    solution = bridged(solution, coverage_there)
    flux, variance = decorrelated(solution, bands, coverage_there > MIXED_COVERAGE)
    native = slice(MARGIN, MARGIN + n_columns)
    return Counts(flux[native], variance[native], coverage[native])


def sky_share(pixels, profile, variance, good, n_columns, *, left=1.0, beneath=None, beneath_left=1.0):
    """Per native pixel, the part of a source's information that goes into what is fitted to the same pixels: the sky, and
    light `beneath` the source, a profile or None.

    For weights w the two parameters source and sky share rho^2 = sum(w p l)^2 / (sum(w p^2) sum(w l^2)), l the slit's light;
    left, beneath_left [column]: variance of sky and of light beneath over what these pixels alone would leave them.
    """
    usable, n_nodes = good & pixels.basis.on_grid, pixels.basis.n_nodes
    w = inverse(variance, usable)
    node = nearest_node(pixels.basis)
    native = slice(MARGIN, MARGIN + n_columns)
    parts = [np.where(usable, part, 0.0) for part in (profile, pixels.slit_light, beneath) if part is not None]

    def summed(a, b):
        return np.maximum(filters.box_mean_1d(np.bincount(node, (w * a * b).ravel(), n_nodes), 5)[native], 1e-300)

    own, with_sky, sky = (summed(*pair) for pair in ((parts[0], parts[0]), (parts[0], parts[1]), (parts[1], parts[1])))
    sky = sky / np.maximum(left, 1e-9)
    if beneath is None:
        return np.clip(with_sky**2 / np.maximum(own * sky, 1e-300), 0.0, 0.9)
    with_more, between, more = (
        summed(*pair) for pair in ((parts[0], parts[2]), (parts[1], parts[2]), (parts[2], parts[2]))
    )
    more = more / np.maximum(beneath_left, 1e-9)
    lost = (with_sky**2 * more - 2 * with_sky * with_more * between + with_more**2 * sky) / np.maximum(
        sky * more - between**2, 1e-300
    )
    return np.clip(lost / np.maximum(own, 1e-300), 0.0, 0.9)
