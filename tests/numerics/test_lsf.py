"""Width of lines: answers from the widths put in."""

import numpy as np

from soxslib.numerics.lsf import FWHM, fit_widths, sampled_fwhm


def test_smooth_width_is_recovered_among_blends(rng):
    w, s = rng.uniform(500, 600, 500), rng.uniform(-5, 5, 500)
    true = lambda w, s: 0.8 + 0.05 * ((w - 550) / 50) ** 2 + 0.01 * s / 5
    error = np.full(500, 0.02)
    width = true(w, s) + error * rng.normal(size=500)
    width[::20] += 0.5  # blends are wider
    model = fit_widths(w, s, width, error, (500, 600), (-5, 5), degrees=(2, 1), cut=5.0)
    at = np.linspace(505, 595, 9)
    found, quoted = model.at(at, np.zeros(9))
    assert np.abs((found - true(at, 0)) / quoted).max() < 5
    assert quoted.max() < 0.005


def test_pixels_widen_a_line_by_their_own_variance():
    assert np.isclose(sampled_fwhm(0.0, 1.0), FWHM / np.sqrt(12))
    assert np.isclose(sampled_fwhm(2.0, 2.0), FWHM * np.sqrt(4 + 4 / 12))
