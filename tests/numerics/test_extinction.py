"""Atmosphere and slit."""

import numpy as np
import pytest

from soxslib.numerics.extinction import extinction_mag, slit_fraction, transmission

TABLE = np.array([400.0, 500.0, 900.0]), np.array([0.3, 0.2, 0.02])


def test_extinction_is_linear_in_the_table_and_falls_beyond_it():
    np.testing.assert_allclose(extinction_mag([400.0, 450.0, 900.0], *TABLE), [0.3, 0.25, 0.02])
    beyond = extinction_mag([1000.0, 1600.0, 2000.0], *TABLE)
    assert np.all(np.diff(beyond) < 0)
    assert np.all((beyond > 0) & (beyond < 0.02))
    assert transmission(1.0, 2.5) == pytest.approx(0.1)


def test_slit_fraction_is_the_integral_of_a_moffat_disc():
    # sum of the disc over a fine grid
    beta, fwhm, slit = 3.0, 0.9, 1.0
    alpha = fwhm / (2 * np.sqrt(2 ** (1 / beta) - 1))
    x = np.linspace(-20, 20, 2001)
    disc = (1 + (x[:, None] ** 2 + x**2) / alpha**2) ** -beta
    numeric = np.trapezoid(disc.sum(axis=0)[np.abs(x) <= slit / 2], x[np.abs(x) <= slit / 2]) / np.trapezoid(
        disc.sum(axis=0), x
    )
    assert slit_fraction(500.0, slit_arcsec=slit, seeing_arcsec=fwhm) == pytest.approx(
        numeric, abs=0.02
    )  # grid of 0.02"


def test_more_light_passes_in_the_red():
    fraction = slit_fraction(np.array([400.0, 800.0, 2000.0]), slit_arcsec=1.0, seeing_arcsec=1.0)
    assert np.all(np.diff(fraction) > 0)
