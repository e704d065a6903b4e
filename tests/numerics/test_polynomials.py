"""Linear fits: answers from the polynomials that made the data, errors from repeated noise."""

import numpy as np

from soxslib.numerics.polynomials import (
    chebyshev_design,
    chebyshev_series,
    falling_prior,
    fit_with_prior,
    robust_fit,
    tukey_weights,
)


def samples(rng, n=400):
    return rng.uniform(-1, 1, n), rng.uniform(-1, 1, n)


def test_design_holds_products_of_both_polynomials(rng):
    u, v = samples(rng, 5)
    design = chebyshev_design(u, v, (2, 1))
    np.testing.assert_allclose(design[:, 5], (2 * u**2 - 1) * v)  # T_2(u) T_1(v), last of 3 x 2


def test_a_wide_prior_leaves_the_least_squares_fit(rng):
    u, v = samples(rng)
    design = chebyshev_design(u, v, (3, 1))
    truth = rng.normal(size=8)
    coefficients, _ = fit_with_prior(design, design @ truth, np.full(u.size, 1e-6), np.full(8, 1e3))
    np.testing.assert_allclose(coefficients, truth, atol=1e-8)


def test_covariance_is_that_of_repeated_fits(rng):
    u, v = samples(rng)
    design = chebyshev_design(u, v, (3, 1))
    noise = 0.1 * rng.normal(size=(u.size, 500))
    coefficients, covariance = fit_with_prior(design, noise, np.full(u.size, 0.01), np.full(8, 1e3))
    scatter = coefficients.std(axis=1) / np.sqrt(np.diag(covariance))
    assert np.all(np.abs(scatter - 1) < 5 / np.sqrt(2 * 500))  # 5 sigma of a standard deviation of 500


def test_without_data_the_prior_stays():
    prior = falling_prior((3, 1), scale=2.0, decay=0.5, decay_second=0.1)
    coefficients, covariance = fit_with_prior(np.zeros((0, 8)), np.zeros(0), np.zeros(0), prior)
    np.testing.assert_array_equal(coefficients, 0)
    np.testing.assert_allclose(np.sqrt(np.diag(covariance)), prior)
    assert prior[0] == 2.0
    assert np.isclose(prior[3], 2.0 * 0.5 * 0.1)  # T_1 T_1


def test_robust_fit_ignores_a_third_of_outliers(rng):
    u, v = samples(rng)
    design = chebyshev_design(u, v, (2, 1))
    truth = rng.normal(size=(6, 2))
    values = design @ truth + 0.01 * rng.normal(size=(u.size, 2))
    values[::3] += rng.uniform(1, 5, (values[::3].shape))
    coefficients, inliers = robust_fit(design, values, np.full(6, 1e3), rounds=20, cut=5.0)
    assert not inliers[::3].any()
    np.testing.assert_allclose(coefficients, truth, atol=5 * 0.01 / np.sqrt(250 / 4))


def test_tukey_weights_end_at_the_cut():
    np.testing.assert_array_equal(tukey_weights([0.0, 5.0, -9.0], cut=5.0), [1, 0, 0])


def test_series_are_numpys(rng):
    x, coefficients = rng.uniform(400.0, 500.0, (6, 30)), rng.normal(size=5)
    x[2, 3] = np.nan
    u = np.clip((x - 450.0) / 40.0, -1.1, 1.1)
    expected = np.polynomial.chebyshev.chebval(u, coefficients)
    found = chebyshev_series(x, coefficients, limits=(410.0, 490.0), reach=1.1)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13)
    assert chebyshev_series(450.0, coefficients[:1], limits=(410.0, 490.0)) == coefficients[0]
