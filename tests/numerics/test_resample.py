"""Sharing of pixels between bins."""

import numpy as np

from soxslib.numerics.resample import covered, pixel_edges, rebin, rebin_covariance, share, uniform_grid


def pixels(n=400, width=0.031):
    centre = 500 + np.cumsum(np.linspace(width, 0.8 * width, n))
    return pixel_edges(centre, np.abs(np.gradient(centre)))


def dense(low, high, grid):
    """The slow obvious overlap matrix: part of every pixel in every bin."""
    step = grid[1] - grid[0]
    edges = np.append(grid - step / 2, grid[-1] + step / 2)
    overlap = np.minimum(high[None], edges[1:, None]) - np.maximum(low[None], edges[:-1, None])
    return np.clip(overlap, 0, None) / (high - low)


def test_agrees_with_the_dense_matrix(rng):
    low, high = pixels()
    grid = uniform_grid(low[0], high[-1], 0.02)
    bins, parts = share(low, high, grid)
    matrix = dense(low, high, grid)
    values, variance = rng.normal(size=low.size), rng.uniform(1, 2, low.size)
    np.testing.assert_allclose(rebin(values, bins, parts, grid.size), matrix @ values, atol=1e-9)
    covariance = matrix @ np.diag(variance) @ matrix.T
    for lag, row in enumerate(rebin_covariance(variance, bins, parts, grid.size)):
        np.testing.assert_allclose(row[: grid.size - lag], np.diagonal(covariance, lag), atol=1e-9)
    assert np.abs(np.diagonal(covariance, bins.shape[1])).max() == 0  # no lag is missing


def test_conserves_flux():
    low, high = pixels()
    grid = uniform_grid(low[0], high[-1], 0.02)
    values = np.linspace(1, 100, low.size)
    assert abs(rebin(values, *share(low, high, grid), grid.size).sum() / values.sum() - 1) < 1e-9


def test_grid_depends_on_nothing_but_the_step():
    a, b = uniform_grid(500.003, 510.0, 0.02), uniform_grid(499.0, 512.7, 0.02)
    assert np.isin(a, b).all()


def test_knows_partly_covered_bins():
    grid = np.array([1.0, 2.0, 3.0])
    np.testing.assert_allclose(covered(np.array([0.5, 1.5]), np.array([1.5, 1.75]), grid), [1.0, 0.25, 0.0])


def test_missing_pixels_leave_a_hole():
    low, high = pixel_edges(np.array([1.0, 2.0, 5.0, 6.0]), np.ones(4))
    np.testing.assert_allclose(low, [0.5, 1.5, 4.5, 5.5])
    np.testing.assert_allclose(high, [1.5, 2.5, 5.5, 6.5])
