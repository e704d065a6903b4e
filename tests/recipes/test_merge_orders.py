"""Merged spectra in the medium and frame that the user wants."""

from types import SimpleNamespace

import numpy as np
import pytest

from soxslib.datamodel import Exposure, OrderSpectrum
from soxslib.numerics.air import to_vacuum
from soxslib.recipes.merge_orders import merge_extracted, velocity_of, with_blaze


def exposure(**facts):
    base = dict(file="x", instrument="SOXS", arm="VIS", category="SCIENCE", type="OBJECT", technique="", mjd=61068.03)
    return Exposure(**{**base, "exposure_s": 0.0, "ra_deg": 130.38, "dec_deg": -32.94, **facts})


def line(at_nm=510.0):
    wavelength = 500 + 0.03 * np.arange(700)
    one = np.ones(700)
    flux = 10 + 1000 * np.exp(-0.5 * ((wavelength - at_nm) / 0.05) ** 2)
    return OrderSpectrum(
        1, wavelength, 0.03 * one, np.arange(700), one, flux, flux + 9, flux, flux, one, 0 * one.astype(int)
    )


def centre_of(**choice):
    settings = dict(
        merge_step_nm=0.02, merge_taper=0.05, merge_smooth_px=101, wavelength_medium="air", wavelength_frame="observer"
    )
    merged = merge_extracted([line()], exposure(), SimpleNamespace(**{**settings, **choice}))
    light = np.nan_to_num(merged.flux - np.nanmedian(merged.flux))
    return np.sum(light * merged.wavelength_nm) / light.sum(), merged


def test_lines_are_where_the_user_wants_them():
    assert centre_of()[0] == pytest.approx(510.0, abs=1e-3)
    assert centre_of(wavelength_medium="vacuum")[0] == pytest.approx(to_vacuum(510.0), abs=1e-3)
    velocity = velocity_of(exposure())
    assert abs(velocity) > 1  # or the next line tests nothing
    centre, merged = centre_of(wavelength_frame="barycentre")
    assert centre == pytest.approx(510.0 * (1 + velocity / 299792.458), abs=1e-3)
    assert merged.velocity_km_s == velocity


def test_the_blaze_is_taken_at_the_pixels():
    flat = SimpleNamespace(blaze={1: np.linspace(0, 699, 700) ** 2})
    np.testing.assert_allclose(with_blaze([line()], flat)[0].blaze, np.arange(700.0) ** 2)
    assert with_blaze([line()], None)[0].blaze is None
    assert with_blaze([line()], SimpleNamespace(blaze={2: np.ones(3)}))[0].blaze is None
