"""Response and flux calibration together: a standard reduced as science has its catalogue's flux."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from soxslib.config.settings import settings_for
from soxslib.datamodel import Exposure, OrderSpectrum, Quality
from soxslib.errors import ReductionError
from soxslib.io.standards import Standard
from soxslib.numerics.extinction import extinction_mag, slit_fraction, transmission
from soxslib.numerics.merge import merge_orders
from soxslib.qc import flux_calibration as flux_qc
from soxslib.qc import response as response_qc
from soxslib.recipes.flux_calibration import flux_calibration, mean_response
from soxslib.recipes.response import response

EXTINCTION = np.array([400.0, 900.0]), np.array([0.3, 0.02])
WAVELENGTH = np.linspace(400.0, 800.0, 4001)
STAR = Standard(
    "TEST", WAVELENGTH, 1e-13 * (WAVELENGTH / 500) ** -3, np.array([[560.0, 565.0]]), np.array([1]), np.array([530.0])
)


def exposure(**facts):
    base = dict(file="x", instrument="SOXS", arm="VIS", category="CALIB", type="STD,FLUX", technique="", mjd=61068.0)
    return Exposure(**{**base, "exposure_s": 60.0, "airmass": 1.2, "seeing_arcsec": 1.0, "slit": "SLIT5.0", **facts})


def spectrum(number, low, high, e, flux, rng=None, pixel_nm=0.04):
    """What an instrument of 20 % at the blaze's peak counts."""
    wavelength = np.arange(low, high, pixel_nm)
    x = (wavelength - low) / (high - low)
    photons = 10 * 89000.0 * wavelength / 1.98644586e-9
    seen = np.interp(wavelength, WAVELENGTH, flux) * photons * 0.2 * (0.05 + 0.95 * np.sin(np.pi * x) ** 2)
    seen *= transmission(extinction_mag(wavelength, *EXTINCTION), e.airmass) * e.exposure_s * pixel_nm
    seen *= slit_fraction(wavelength, slit_arcsec=e.slit_width_arcsec, seeing_arcsec=1.0 * e.airmass**0.6)
    variance = seen + 25.0
    counts = seen if rng is None else seen + rng.normal(size=seen.size) * np.sqrt(variance)
    one = np.ones(seen.size)
    return OrderSpectrum(
        number, wavelength, pixel_nm * one, one, one, counts, variance, counts, counts, one, 0 * one.astype(int)
    )


def arm(e, flux, rng=None, pixel_nm=0.04):
    return [spectrum(1, 500.0, 580.0, e, flux, rng, pixel_nm), spectrum(2, 565.0, 660.0, e, flux, rng, pixel_nm)]


def settings(step, **changes):
    return SimpleNamespace(**{**settings_for(step, "VIS"), **changes})


def calibrate(orders, e, responses, **changes):
    counts = merge_orders(orders, step_nm=0.02, taper_fraction=0.05, smooth_px=101)
    return flux_calibration(orders, e, responses, EXTINCTION, settings("flux_calibration", **changes), counts)


def test_a_standard_gets_its_own_flux_back(rng):
    e = exposure()
    orders = arm(e, STAR.flux, rng)
    found = response(orders, e, STAR, EXTINCTION, settings("response"))
    assert np.median(found.efficiency.value[np.abs(found.efficiency.wavelength_nm - 540) < 3]) == pytest.approx(
        0.2, rel=0.02
    )
    s = calibrate(orders, e, [found.response], correct_slit_loss=True).spectrum
    good = np.isfinite(s.flux) & (s.wavelength_nm > 503) & (s.wavelength_nm < 657)
    ratio = s.flux / np.interp(s.wavelength_nm, WAVELENGTH, STAR.flux)
    smooth = np.convolve(np.where(good, ratio, 1.0), np.ones(101) / 101, "same")[good]
    assert np.abs(smooth - 1).max() < 0.02
    assert np.all(s.systematic_error[good] > 0.01 * s.flux[good])


def test_another_binning_airmass_exposure_and_slit_make_no_difference(rng):
    e = exposure()
    found = response(arm(e, STAR.flux, rng), e, STAR, EXTINCTION, settings("response"))
    faint = exposure(exposure_s=900.0, airmass=1.7, slit="SLIT1.0")
    orders = arm(faint, 1e-2 * STAR.flux, pixel_nm=0.08)
    corrected = calibrate(orders, faint, [found.response], correct_slit_loss=True)
    s = corrected.spectrum
    good = np.isfinite(s.flux) & (s.wavelength_nm > 505) & (s.wavelength_nm < 655)
    expected = 1e-2 * np.interp(s.wavelength_nm, WAVELENGTH, STAR.flux)
    assert np.median((s.flux / expected)[good]) == pytest.approx(1.0, abs=0.01)
    plain = calibrate(orders, faint, [found.response]).spectrum
    assert np.median((plain.flux / s.flux)[good]) == pytest.approx(corrected.slit_fraction, rel=0.02)


def test_quality_tells_what_was_assumed(rng):
    e = exposure()
    orders = arm(e, STAR.flux, rng)
    found = response(orders, e, STAR, EXTINCTION, settings("response"))
    told = {(m.name, m.order): m.value for m in response_qc.measure(found)}
    assert told["STAR", None] == "TEST"
    assert 0.98 < told["SLIT FRACTION", None] < 1
    assert told["RESP RESIDUAL", None] < 0.01
    told = {(m.name, m.order): m.value for m in flux_qc.measure(calibrate(orders, e, [found.response]))}
    assert told["MERGE RATIO", 2] == pytest.approx(1.0, abs=0.01)


def test_the_part_that_the_star_tells_is_measured(rng):
    """Of orders of 80 and 95 nm half of the longer one's samples are flagged: 127.5 of 175 nm are left."""
    e = exposure()
    good, lost = arm(e, STAR.flux, rng)
    bad = np.arange(lost.flux.size) < lost.flux.size / 2
    lost = replace(lost, quality=np.where(bad, int(Quality.INTERPOLATED), 0))
    result = response([good, lost], e, STAR, EXTINCTION, settings("response"))
    told = {(m.name, m.order): m.value for m in response_qc.measure(result)}
    assert told["RESP MEASURED", 2] == pytest.approx(0.5, abs=0.05)  # ends of stretches are a matter of chunks
    assert told["RESP MEASURED", None] == pytest.approx(127.5 / 175, abs=0.05)


def test_several_standards_have_one_mean(rng):
    e = exposure()
    found = [response(arm(e, STAR.flux, rng), e, STAR, EXTINCTION, settings("response")).response for _ in range(2)]
    mean = mean_response(found)
    both = np.mean([f[1].log_response for f in found], axis=0)
    np.testing.assert_allclose(mean[1].log_response, both, atol=0.01)


def test_a_star_without_light_is_told():
    e = exposure()
    with pytest.raises(ReductionError, match="no order of TEST has enough counts for a response"):
        response(arm(e, 1e-9 * STAR.flux), e, STAR, EXTINCTION, settings("response"))


def test_a_response_without_the_orders_is_told(rng):
    e = exposure()
    orders = arm(e, STAR.flux, rng)
    found = response(orders[:1], e, STAR, EXTINCTION, settings("response")).response
    result = calibrate(orders, e, [found])
    assert result.missing == (2,)
    with pytest.raises(ReductionError, match="the response of TEST has none of its orders"):
        calibrate(orders[1:], e, [found])
