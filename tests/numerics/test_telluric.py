"""Absorption by molecules. The right answers are the amounts and the spectrum that the light was made of."""

import numpy as np
import pytest

from soxslib.datamodel import OrderSpectrum, Quality
from soxslib.numerics.telluric import OPAQUE, fitted_amounts, star_absorption, without_absorption

BANDS = np.array([[620.0, 640.0], [660.0, 690.0]])
MOLECULES = [0, 1]  # O2, H2O
PIXEL_NM = 0.05
HOW = dict(model_error=0.05)


def atmosphere(wavelength, amount):
    """Transmission at the instrument's resolution: lines of two bands, unresolved, some of them black."""
    rng = np.random.default_rng(1)
    fine = np.arange(wavelength[0] - 5, wavelength[-1] + 5, 0.005)
    depth = np.zeros(fine.size)
    for (low, high), f in zip(BANDS, amount, strict=True):
        for centre in rng.uniform(low + 0.5, high - 0.5, 40):
            depth += f * rng.uniform(0.1, 2.5) * np.exp(-0.5 * ((fine - centre) / 0.06) ** 2)
    return fine, np.exp(-depth)


def seen(wavelength, amount, fwhm_px, spectrum):
    fine, transmission = atmosphere(wavelength, amount)
    x = np.arange(-100, 101) * 0.005
    kernel = np.exp(-0.5 * (x / (fwhm_px / 2.355 * PIXEL_NM)) ** 2)
    return np.interp(wavelength, fine, np.convolve(transmission * spectrum(fine), kernel / kernel.sum(), "same"))


def flat(wavelength):
    return np.ones_like(wavelength)


def star(rng, snr=200.0):
    wavelength = 600.0 + PIXEL_NM * np.arange(2200)
    value = seen(wavelength, (1.0, 1.0), 3.0, flat) + rng.normal(0, 1 / snr, wavelength.size)
    return star_absorption(3, wavelength, value, np.full(wavelength.size, 1 / snr), BANDS, MOLECULES, airmass=1.2)


def target(rng, amount, snr, *, fwhm_px=2.6, spectrum=flat, airmass=1.2):
    wavelength = 600.01 + PIXEL_NM * np.arange(2200)
    truth = 5.0 * PIXEL_NM * spectrum(wavelength)
    flux = 5.0 * PIXEL_NM * seen(wavelength, amount, fwhm_px, spectrum)
    error = np.full(flux.size, 5.0 * PIXEL_NM / snr)
    one = np.ones(flux.size)
    noisy = flux + rng.normal(0, error)
    order = OrderSpectrum(
        3, wavelength, PIXEL_NM * one, one, one, noisy, error**2, noisy, noisy, 0 * one, np.zeros(flux.size, np.uint16)
    )
    return order, truth


def test_amounts_and_the_spectrum_are_found(rng):
    """Sharper than the star, with a tenth more oxygen and two tenths more water, on a sloping continuum."""
    slope = lambda w: 1.0 + 0.004 * (w - 650.0)
    order, truth = target(rng, (1.1, 1.2), 60.0, spectrum=slope)
    absorption = star(rng)
    amounts = fitted_amounts([order], {3: absorption}, BANDS, airmass=1.2, **HOW)
    for molecule, right in (("O2", 1.1), ("H2O", 1.2)):
        amount, error = amounts.of[molecule]
        assert amount == pytest.approx(right, abs=0.06) and error < 0.05
    free = without_absorption(order, absorption, amounts, airmass=1.2, **HOW)
    inside = ((order.wavelength_nm > 622) & (order.wavelength_nm < 638)) & np.isfinite(free.flux)
    before, after = (np.mean((f / truth)[inside]) for f in (order.flux, free.flux))
    assert before < 0.9 and after == pytest.approx(1.0, abs=0.02)
    pulls = ((free.flux - truth) / np.sqrt(free.variance))[inside]
    assert 0.8 < 1.4826 * np.median(np.abs(pulls)) < 1.3


def test_the_star_gets_its_own_spectrum_back(rng):
    absorption = star(rng, 500.0)
    order, truth = target(rng, (1.0, 1.0), 500.0, fwhm_px=3.0)
    amounts = fitted_amounts([order], {3: absorption}, BANDS, airmass=1.2, **HOW)
    free = without_absorption(order, absorption, amounts, airmass=1.2, **HOW)
    known = np.isfinite(free.flux)
    assert known.mean() > 0.95
    assert np.median(np.abs(free.flux / truth - 1)[known]) < 0.005


def test_a_faint_target_follows_the_airmass(rng):
    order, _ = target(rng, (1.5, 1.5), 0.2, airmass=1.8)
    amounts = fitted_amounts([order], {3: star(rng)}, BANDS, airmass=1.8, **HOW)
    assert amounts.of["O2"][0] == pytest.approx(1.5, rel=0.1)
    assert amounts.of["H2O"][1] > 0.3


def test_an_emission_line_within_a_band_stays(rng):
    line = lambda w: 1.0 + 4.0 * np.exp(-0.5 * ((w - 675.0) / 0.3) ** 2)
    order, truth = target(rng, (1.0, 1.0), 100.0, spectrum=line)
    absorption = star(rng)
    amounts = fitted_amounts([order], {3: absorption}, BANDS, airmass=1.2, **HOW)
    free = without_absorption(order, absorption, amounts, airmass=1.2, **HOW)
    near = np.abs(order.wavelength_nm - 675.0) < 1.0
    assert np.nansum(free.flux[near]) / truth[near].sum() == pytest.approx(1.0, abs=0.05)


def test_what_nothing_came_through_is_not_known(rng):
    absorption = star(rng)
    black = absorption.molecule == 1
    opaque = type(absorption)(**vars(absorption) | {"depth": np.where(black, -np.log(OPAQUE) + 1.0, absorption.depth)})
    order, _ = target(rng, (1.0, 1.0), 100.0)
    amounts = fitted_amounts([order], {3: absorption}, BANDS, airmass=1.2, **HOW)
    free = without_absorption(order, opaque, amounts, airmass=1.2, **HOW)
    assert np.isnan(free.flux[(order.wavelength_nm > 662) & (order.wavelength_nm < 688)]).all()
    assert np.isfinite(free.flux[(order.wavelength_nm > 641) & (order.wavelength_nm < 659)]).all()


def test_flagged_samples_are_not_read(rng):
    order, _ = target(rng, (1.0, 1.2), 100.0)
    absorption = star(rng)
    spoilt = order.flux.copy()
    spoilt[::9] = 1e9
    quality = np.zeros(spoilt.size, np.uint16)
    quality[::9] = int(Quality.COSMIC_RAY)
    poisoned = type(order)(**vars(order) | {"flux": spoilt, "quality": quality})
    amount = fitted_amounts([poisoned], {3: absorption}, BANDS, airmass=1.2, **HOW).of["H2O"][0]
    assert amount == pytest.approx(1.2, abs=0.06)
