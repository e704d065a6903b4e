"""Flux-calibrated straight images. (Spectra: test_response.py, where a standard gets its own flux back.)"""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np

from soxslib.config.settings import settings_for
from soxslib.datamodel import Exposure, OrderResponse, OrderSpectrum, RectifiedOrder, Response
from soxslib.numerics.merge import merge_orders
from soxslib.recipes.flux_calibration import calibrate_images, flux_calibration

EXTINCTION = np.array([400.0, 900.0]), np.array([0.3, 0.02])
SETTINGS = SimpleNamespace(**settings_for("flux_calibration", "VIS"))
EXPOSURE = Exposure(
    "x", "SOXS", "VIS", "SCIENCE", "OBJECT", "", 100.0, 61068.0, slit="SLIT1.0", airmass=1.3, seeing_arcsec=1.0
)
PROFILE = np.exp(-0.5 * (np.arange(-20, 21) * 0.28 / 0.5) ** 2)


def response(number, low, high, level):
    wavelength = np.linspace(low, high, 200)
    return OrderResponse(number, wavelength, np.full(200, np.log(level)), np.full(200, 0.02), np.ones(200, bool))


def order(number, low, level):
    """10^-16 erg/s/cm2/Angstrom, as counts."""
    wavelength = low + 0.03 * np.arange(1500)
    one = np.ones(1500)
    air = 10 ** (-0.4 * 1.3 * np.interp(wavelength, *EXTINCTION))
    counts = 1e-16 / level * 100.0 * 0.03 * air
    return OrderSpectrum(
        number, wavelength, 0.03 * one, one, one, counts, counts, counts, counts, one, 0 * one.astype(int)
    )


def image(spectrum):
    grid = np.round(np.arange(np.ceil(spectrum.wavelength_nm[1] / 0.02), spectrum.wavelength_nm[-2] / 0.02) * 0.02, 9)
    counts = np.interp(grid, spectrum.wavelength_nm, spectrum.flux) * 0.02 / 0.03
    flux = counts * (PROFILE / PROFILE.sum())[:, None]
    return RectifiedOrder(
        spectrum.order, grid, 0.28 * np.arange(-20, 21), flux, flux + 1.0, np.zeros(flux.shape, np.uint16)
    )


def test_a_sum_along_the_slit_is_the_spectrum():
    levels = {1: 1e-17, 2: 3e-17}
    orders = [order(1, 500.0, levels[1]), order(2, 530.0, levels[2])]
    known = Response("TEST", (response(1, 500.0, 545.0, levels[1]), response(2, 530.0, 575.0, levels[2])))
    counts = merge_orders(orders, step_nm=0.02, taper_fraction=0.05, smooth_px=101)
    result = flux_calibration(orders, EXPOSURE, [known], EXTINCTION, SETTINGS, counts)
    np.testing.assert_allclose(result.spectrum.flux[5:-5], 1e-16, rtol=1e-3)
    straight = calibrate_images([image(o) for o in orders], EXPOSURE, EXTINCTION, result, SETTINGS)
    np.testing.assert_allclose(straight.flux.sum(axis=0)[5:-5], 1e-16, rtol=1e-3)
    assert straight.flux.shape[0] == 41


def test_what_a_host_leaves_of_the_scale_is_part_of_the_systematic_error():
    """2 per cent of the response's and 5 of the host's, in squares with the extinction's."""
    spectrum = order(1, 500.0, 1e-17)
    known = Response("TEST", (response(1, 500.0, 545.0, 1e-17),))
    counts = merge_orders([spectrum], step_nm=0.02, taper_fraction=0.05, smooth_px=101)
    relative = []
    for error in (0.0, 0.05):
        one = flux_calibration(
            [replace(spectrum, scale_error=error)], EXPOSURE, [known], EXTINCTION, SETTINGS, counts
        ).spectrum
        relative.append((one.systematic_error / one.flux)[5:-5])
    np.testing.assert_allclose(relative[1] ** 2 - relative[0] ** 2, 0.05**2, rtol=1e-3)


def test_without_images_there_is_no_straight_image():
    known = Response("TEST", (response(1, 500.0, 545.0, 1e-17),))
    orders = [order(1, 500.0, 1e-17)]
    counts = merge_orders(orders, step_nm=0.02, taper_fraction=0.05, smooth_px=101)
    result = flux_calibration(orders, EXPOSURE, [known], EXTINCTION, SETTINGS, counts)
    assert calibrate_images([], EXPOSURE, EXTINCTION, result, SETTINGS) is None
