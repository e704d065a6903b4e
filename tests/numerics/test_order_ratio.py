"""Ratio of neighbouring orders."""

import numpy as np
import pytest

from soxslib.numerics.order_ratio import CHUNKS, fit_log_ratio


@pytest.mark.parametrize("level", [3.0, 300.0])
def test_is_unbiased_for_faint_and_bright_light(level, rng):
    x = np.linspace(-1, 1, 4000)
    chunk = np.arange(x.size) * CHUNKS // x.size
    true = 2.0 * x + 0.5
    found = []
    for _ in range(20):
        a, b = level / (1 + np.exp(true)), level / (1 + np.exp(-true))
        va, vb = a + 16.0, b + 16.0
        noisy = a + rng.normal(size=x.size) * np.sqrt(va), b + rng.normal(size=x.size) * np.sqrt(vb)
        c = fit_log_ratio(x, chunk, *noisy, va, vb, np.zeros(CHUNKS), 3.0)
        found.append(np.polynomial.chebyshev.chebval(np.array([-0.3, 0.0, 0.3]), c))
    error = np.std(found, axis=0) / np.sqrt(20)
    assert np.all(np.abs(np.mean(found, axis=0) - np.interp([-0.3, 0, 0.3], x, true)) < 4 * error + 0.01)


def test_without_light_the_prior_stands(rng):
    x = np.linspace(-1, 1, 4000)
    chunk = np.arange(x.size) * CHUNKS // x.size
    noise = rng.normal(size=(2, x.size))
    prior = np.linspace(-1, 1, CHUNKS)
    c = fit_log_ratio(x, chunk, *noise, np.ones(x.size), np.ones(x.size), prior, 0.1)
    np.testing.assert_allclose(np.polynomial.chebyshev.chebval(0.5, c), 0.5, atol=0.2)
