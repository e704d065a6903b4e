"""Filters and special functions against scipy's, whose import is what they save."""

import numpy as np
import pytest
from scipy import linalg, ndimage
from scipy.special import erf as reference

from soxslib.numerics import filters, lapack
from soxslib.numerics.special import erf


@pytest.mark.parametrize("size", [3, 8, 101])
def test_running_median(rng, size):
    values = rng.standard_normal(500)
    expected = ndimage.median_filter(values, size, mode="nearest")
    assert np.array_equal(filters.running_median(values, size), expected)


def test_medians_of_images(rng):
    image = rng.standard_normal((9, 60))
    assert np.array_equal(filters.median_of_five(image), ndimage.median_filter(image, (1, 5)))
    assert np.array_equal(filters.median_3x3(image), ndimage.median_filter(image, 3, mode="nearest"))


def test_short_convolutions(rng):
    values = rng.standard_normal(200)
    kernel = [0.25, 0.5, 0.2]
    assert np.allclose(
        filters.convolved(values, kernel), ndimage.convolve1d(values, kernel, mode="nearest"), atol=1e-14
    )
    assert np.allclose(filters.box_mean_1d(values, 5), ndimage.uniform_filter1d(values, 5), atol=1e-14)
    image = rng.standard_normal((40, 90))
    expected = ndimage.gaussian_filter(image, 1.7, mode="constant")
    assert np.allclose(filters.gaussian_blurred(image, 1.7), expected, atol=1e-13)


def test_dilation(rng):
    mask = rng.random(300) < 0.02
    assert np.array_equal(filters.dilated(mask, 7), ndimage.binary_dilation(mask, iterations=7))


def test_error_function():
    x = np.concatenate([np.linspace(-9, 9, 100_001), [np.inf, -np.inf, 1e-300]])
    assert np.allclose(erf(x), reference(x), rtol=2e-15, atol=0)  # digits of double precision


@pytest.mark.parametrize("lower", [False, True])
def test_banded_systems_against_dense_ones(rng, lower):
    n, width = 30, 3
    half = np.triu(np.tril(rng.standard_normal((n, n)), width))
    dense = half @ half.T + 5 * np.eye(n)
    bands = np.zeros((width + 1, n))
    for k in range(width + 1):
        if lower:
            bands[k, : n - k] = np.diag(dense, -k)
        else:
            bands[width - k, k:] = np.diag(dense, k)
    right = rng.standard_normal((n, 2))
    expected = np.linalg.solve(dense, right)
    factor = lapack.cholesky_banded(bands, lower=lower)
    assert np.allclose(factor, linalg.cholesky_banded(bands, lower=lower))
    assert np.allclose(lapack.cho_solve_banded(factor, right, lower=lower), expected)
    if not lower:
        assert np.allclose(lapack.solve_banded(bands, right), expected)
    assert np.allclose(lapack.cho_solve(lapack.cho_factor(dense), right), expected)


def test_what_is_not_positive_is_refused():
    with pytest.raises(np.linalg.LinAlgError, match="not determined"):
        lapack.cho_factor(-np.eye(3))
    with pytest.raises(np.linalg.LinAlgError):
        lapack.solve_banded(np.array([[0.0, 2.0, 2.0], [1.0, 1.0, 1.0]]), np.ones(3))


@pytest.mark.parametrize("n", [1, 2, 3, 8, 21, 64])
def test_column_medians_are_those_of_numpy(rng, n):
    values, used = rng.normal(size=(n, 70)), rng.random((n, 70)) < 0.8
    used[:, 7] = False
    expected = [np.median(values[used[:, k], k]) if used[:, k].any() else np.nan for k in range(70)]
    assert np.array_equal(filters.column_medians(values, used), expected, equal_nan=True)
    assert np.array_equal(filters.column_medians(values), np.median(values, axis=0))
