"""Right answers: the spectra that the noise was added to."""

import numpy as np
import pytest

from soxslib.numerics.expected import expected_counts


def noisy(rng, truth, sigma):
    return truth + rng.normal(0, sigma, truth.size), np.full(truth.size, sigma**-2)


def test_a_faint_continuum_loses_its_noise(rng):
    truth = np.linspace(20.0, 40.0, 2000)
    counts, information = noisy(rng, truth, 12.0)
    expected = expected_counts(counts, information)
    assert np.std(expected - truth) < 0.35 * 12.0
    assert np.mean(expected - truth) == pytest.approx(0.0, abs=3 * 12.0 / np.sqrt(2000))


def test_lines_keep_their_photons(rng):
    """Unresolved lines of 15 and of 70 sigma, an absorption line in bright light, and what is beside them."""
    x = np.arange(400)
    line = 180.0 * np.exp(-0.5 * ((x - 200) / 1.1) ** 2)
    counts, information = noisy(rng, 20.0 + line, 12.0)
    assert expected_counts(counts, information)[200] == pytest.approx(200.0, abs=36.0)
    brighter = 5000.0 / 180.0 * line  # whose noise makes its information a fortieth of the continuum's
    counts = 20.0 + brighter + rng.normal(0, np.sqrt(120.0 + brighter))
    expected = expected_counts(counts, 1.0 / (120.0 + brighter))
    np.testing.assert_allclose(expected[198:203], counts[198:203], rtol=0.02)
    absorbed = 1e4 * (1.0 - 0.8 * line / 180.0)
    counts, information = noisy(rng, absorbed, 100.0)
    np.testing.assert_allclose(expected_counts(counts, information)[180:220], absorbed[180:220], rtol=0.25)


def test_never_negative_and_nothing_told_is_nothing():
    assert np.array_equal(expected_counts(np.full(50, -3.0), np.ones(50)), np.zeros(50))
    assert np.array_equal(expected_counts(np.full(50, 5.0), np.zeros(50)), np.zeros(50))
    told = np.r_[np.ones(25), np.zeros(25)]  # the end of an order
    np.testing.assert_allclose(expected_counts(np.where(told > 0, 5.0, 1e9), told)[:25], 5.0)
