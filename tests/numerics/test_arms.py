"""Two arms become one spectrum. Right answers: the factor that was put in, the noise as it was drawn, and the inputs' own bins."""

from dataclasses import replace

import numpy as np
import pytest

from soxslib.datamodel import MergedSpectrum, Quality
from soxslib.numerics.arms import best_switch, joined, measured_ratio, overlap, scaled

BANDS = np.array([[811.0, 836.0]])
HOW = dict(bin_nm=1.0, clip_sigma=5.0)
KERNEL = np.array([0.25, 0.5, 0.25])  # noise of a bin is shared with its neighbours', as after a change of grid


def spectrum(low, high, step_nm, level=1.0, sigma=0.1, rng=None, slope=-0.003, **changes):
    """A straight continuum, sunk within BANDS, with noise that neighbouring bins share; sigma: of a bin of 0.02 nm."""
    wave = np.round(np.arange(low, high, step_nm), 6)
    flux = level * (1 + slope * (wave - 820)) * np.where((wave > 812) & (wave < 835), 0.7, 1.0)
    sigma = np.broadcast_to(sigma, wave.shape) * np.sqrt(0.02 / step_nm)
    norm = np.sqrt((KERNEL**2).sum())
    noise = 0.0 if rng is None else np.convolve(rng.normal(size=wave.size), KERNEL / norm, "same") * sigma
    shares = [(KERNEL[:-lag] * KERNEL[lag:]).sum() / norm**2 for lag in (1, 2)]
    error = sigma.copy()
    covariance = tuple(np.r_[share * error[:-lag] * error[lag:], np.zeros(lag)] for lag, share in enumerate(shares, 1))
    made = MergedSpectrum(
        wave, flux + noise, error, np.zeros(wave.size, np.uint16), 0.1 * flux, covariance, 0 * wave + 1e-3,
        flux_calibrated=True, systematic_error=0.03 * flux,
        telluric=dict(TELLURIC=np.zeros(wave.size, np.float32), FLUX_TELLURIC=flux + noise, ERR_TELLURIC=error),
    )  # fmt: skip
    return replace(made, **changes)


def arms(rng=None, factor=1.0, sigma=(0.1, 0.1)):
    return (
        spectrum(780.0, 850.0, 0.02, sigma=sigma[0], rng=rng),
        spectrum(796.0, 900.0, 0.04, factor, factor * sigma[1], rng),
    )


@pytest.mark.parametrize(("factor", "sigma"), [(0.8, (0.1, 0.1)), (1.3, (0.05, 0.4)), (1.0, (0.6, 0.2))])
def test_the_ratio_is_found_within_its_error(factor, sigma):
    pulls = []
    for seed in range(300):
        ratio = measured_ratio(*arms(np.random.default_rng(seed), factor, sigma), BANDS, **HOW)
        pulls.append((ratio.value - factor) / ratio.error)
    assert abs(np.mean(pulls)) < 4 / np.sqrt(300)
    # errors grow with the bins' scatter but never shrink: with 30 bins quoted errors are a mean of 5 per cent too large
    assert 0.95 - 4 / np.sqrt(600) < np.std(pulls) < 1.0 + 4 / np.sqrt(600)


def test_what_lies_in_a_band_or_under_a_flag_is_never_read(rng):
    blue, red = arms(rng, 0.9)
    before = measured_ratio(blue, red, BANDS, **HOW)
    flux, quality = red.flux.copy(), red.quality.copy()
    flux[(red.wavelength_nm > 811.5) & (red.wavelength_nm < 835)] = 50.0
    assert measured_ratio(blue, replace(red, flux=flux), BANDS, **HOW) == before
    hit = slice(100, 105)
    quality[hit] = int(Quality.COSMIC_RAY)
    values = [flux.copy(), flux.copy()]
    values[0][hit], values[1][hit] = np.nan, 1e6
    found = [measured_ratio(blue, replace(red, flux=f, quality=quality), BANDS, **HOW) for f in values]
    assert found[0] == found[1]


def test_a_bin_that_is_wrong_is_left_out(rng):
    blue, red = arms(rng, 0.9, (0.02, 0.02))
    flux = np.where((red.wavelength_nm > 840.2) & (red.wavelength_nm < 840.8), 30.0, red.flux)
    ratio = measured_ratio(blue, replace(red, flux=flux), BANDS, **HOW)
    assert ratio.value == pytest.approx(0.9, abs=5 * ratio.error) and ratio.error < 0.0015  # of noise alone: 0.0011


def test_bins_that_scatter_more_than_their_noise_make_a_larger_error(rng):
    blue, red = arms(rng, 1.0, (0.02, 0.02))
    wavy = red.flux * (1 + 0.03 * np.sin(red.wavelength_nm / 0.8))
    assert measured_ratio(blue, replace(red, flux=wavy), BANDS, **HOW).error > 3 * measured_ratio(
        blue, red, BANDS, **HOW
    ).error  # fmt: skip


def test_without_an_overlap_nothing_is_measured(rng):
    blue, red = spectrum(780.0, 800.0, 0.02, rng=rng), spectrum(805.0, 900.0, 0.04, rng=rng)
    low, high = overlap(blue, red)
    assert low > high and measured_ratio(blue, red, BANDS, **HOW) is None
    switch = best_switch(blue, red, bin_nm=1.0)
    assert 800 < switch < 805
    both, arm = joined(blue, red, switch)
    assert np.array_equal(both.wavelength_nm, np.r_[blue.wavelength_nm, red.wavelength_nm])
    assert np.bincount(arm)[1:].tolist() == [blue.flux.size, red.flux.size]
    empty = replace(blue, flux=np.full(blue.flux.size, np.nan))
    assert measured_ratio(empty, red, BANDS, **HOW) is None
    assert np.all(np.diff(joined(empty, red, best_switch(empty, red, bin_nm=1.0))[0].wavelength_nm) > 0)


def test_arms_change_where_their_signal_to_noise_per_nm_is_equal():
    """Errors of the bluer arm grow, those of the redder one fall: they cross at 825 nm, per nm and not per bin."""
    grow = lambda low, high, step: np.exp((np.arange(low, high, step) - 825) / 30)
    blue = spectrum(780.0, 850.0, 0.02, sigma=0.1 * grow(780.0, 850.0, 0.02))
    red = spectrum(796.0, 900.0, 0.04, sigma=0.1 / grow(796.0, 900.0, 0.04))
    assert best_switch(blue, red, bin_nm=1.0) == pytest.approx(825.0, abs=0.75)  # half a bin, and how errors vary in it


@pytest.mark.parametrize("switch", [797.0, 815.013, 830.0, 849.9])
def test_each_arm_keeps_its_bins_as_they_are(switch, rng):
    blue, red = arms(rng)
    both, arm = joined(blue, red, switch)
    below, above = arm == 1, arm == 2
    n, m = below.sum(), red.wavelength_nm.size - above.sum()
    assert np.all(np.diff(both.wavelength_nm) > 0) and n and above.any()
    for name in ("wavelength_nm", "flux", "error", "quality", "sky", "wavelength_error_nm", "systematic_error"):
        found = getattr(both, name)
        assert np.array_equal(found[below], getattr(blue, name)[:n]), name
        assert np.array_equal(found[above], getattr(red, name)[m:]), name
    for name, column in both.telluric.items():
        assert np.array_equal(column, np.r_[blue.telluric[name][:n], red.telluric[name][m:]]), name
    # no gap and no bin twice: what lies between the two is less than a bin of the redder arm
    between = both.wavelength_nm[n] - 0.02 - (both.wavelength_nm[n - 1] + 0.01)
    assert -1e-6 < between < 0.02
    for lag, covariance in enumerate(both.covariance, 1):
        expected = np.r_[blue.covariance[lag - 1][:n], red.covariance[lag - 1][m:]]
        expected[n - lag : n] = 0.0  # the next bin is another arm's
        assert np.array_equal(covariance, expected)


def test_a_scaled_spectrum_is_multiplied_and_nothing_else(rng):
    _, red = arms(rng)
    assert scaled(red, 1.0) is red
    twice = scaled(red, 2.0)
    for name in ("flux", "error", "sky", "systematic_error"):
        assert np.array_equal(getattr(twice, name), 2.0 * getattr(red, name)), name
    for name in ("wavelength_nm", "quality", "wavelength_error_nm"):
        assert getattr(twice, name) is getattr(red, name)
    assert np.array_equal(twice.covariance[0], 4.0 * red.covariance[0])
    assert np.array_equal(twice.telluric["FLUX_TELLURIC"], 2.0 * red.flux)
    assert np.array_equal(twice.telluric["TELLURIC"], red.telluric["TELLURIC"])


def test_an_arm_without_telluric_columns_has_its_flux_there(rng):
    blue, red = arms(rng)
    both, arm = joined(blue, replace(red, telluric=None), 830.0)
    assert np.array_equal(both.telluric["FLUX_TELLURIC"][arm == 2], both.flux[arm == 2])
    assert np.isnan(both.telluric["TELLURIC"][arm == 2]).all()
    assert joined(replace(blue, telluric=None), replace(red, telluric=None), 830.0)[0].telluric is None
