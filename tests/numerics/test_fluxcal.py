"""Flux calibration of orders."""

import numpy as np
import pytest

from soxslib.datamodel import OrderResponse, OrderSpectrum, Quality
from soxslib.numerics.fluxcal import calibrate_order, combine_responses, efficiency


def order(pixel_nm=0.05, low=500.0, n=400, density=1000.0):
    """1000 electrons per nm, whatever the pixel."""
    one = np.ones(n)
    wavelength = low + pixel_nm * np.arange(n)
    flux = density * pixel_nm * one
    return OrderSpectrum(1, wavelength, pixel_nm * one, one, one, flux, flux, flux, flux, flux, np.zeros(n, np.uint16))


RESPONSE = OrderResponse(1, np.linspace(500, 520, 81), np.full(81, np.log(1e-17)), np.full(81, 0.02), np.ones(81, bool))
FACTS = dict(exposure_s=100.0, extinction_mag=0.2, airmass=1.25, slit_fraction=0.5)


@pytest.mark.parametrize("pixel_nm", [0.025, 0.05])
def test_fits_any_binning(pixel_nm):
    calibrated, systematic = calibrate_order(order(pixel_nm, n=300), RESPONSE, **FACTS)
    # 10 electrons/s/nm x 1e-17, a quarter magnitude of air, half of the light lost
    np.testing.assert_allclose(calibrated.flux / pixel_nm, 1e-16 * 10**0.1 / 0.5, rtol=1e-9)
    np.testing.assert_allclose(calibrated.variance / calibrated.flux**2, 1 / (1000 * pixel_nm), rtol=1e-9)
    np.testing.assert_allclose(systematic, 0.02)


def test_beyond_the_response_is_flagged():
    calibrated, _ = calibrate_order(order(n=600), RESPONSE, **FACTS)
    far = calibrated.wavelength_nm > 521
    assert (calibrated.quality[far] & int(Quality.NO_CALIBRATION)).all()
    assert (calibrated.quality[calibrated.wavelength_nm < 520] == 0).all()


def test_efficiency_counts_photons():
    # 1 erg/s/cm2/A at 500 nm is 10 / (3.9729e-12 erg) photons/s/cm2/nm (hc = 1.98645e-9 erg nm)
    photons = 10.0 / (1.98644586e-9 / 500.0) * 89000.0
    assert efficiency(500.0, 0.2 * photons, 89000.0) == pytest.approx(0.2, rel=1e-6)


def test_stars_are_brought_to_one_level(rng):
    true = np.sin(np.linspace(0, 3, 50))
    curves = [(true + grey + 0.01 * rng.normal(size=50), np.full(50, 0.01)) for grey in (0.0, 0.1, -0.1)]
    mean, error = combine_responses(curves)
    np.testing.assert_allclose(mean, true, atol=0.04)
    assert np.all(error > 0.1 * np.sqrt(2 / 3) / np.sqrt(3))  # how far their levels agree is part of the error
