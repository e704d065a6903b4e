"""Response of an order. The right answer is the sensitivity that made the counts."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from soxslib.numerics import sensitivity as sensitivity_module
from soxslib.numerics.sensitivity import StarOrder, fit_order, shared_reference

FIT = dict(
    knot_nm=3.0,
    stiffness=[0.003, 0.01, 0.03, 0.1, 0.3],
    chunk_nm=1.0,
    model_error=0.005,
    zero_error=0.001,
    clip_sigma=5.0,
)


def sensitivity(wavelength, low=500.0, high=600.0):
    """Blaze with a dichroic's steep ends."""
    x = (wavelength - low) / (high - low)
    ends = 1 / (1 + np.exp(-(x - 0.05) * 100)) / (1 + np.exp((x - 0.95) * 100))
    return 1e3 * (0.3 + np.sin(np.pi * x) ** 2) * ends


def star(rng, order=1, low=500.0, high=600.0, curve=sensitivity, level=2.0, hidden=(), absorbed=(), blaze=None):
    wavelength = np.linspace(low, high, 2500)
    expected = level * (1 + 0.5 * np.sin(wavelength / 9.0))  # the star's known spectrum
    model = expected * curve(wavelength)
    seen = model.copy()
    for a, b in (*hidden, *absorbed):
        seen[(wavelength > a) & (wavelength < b)] *= 0.5
    counts = seen + rng.normal(size=seen.size) * np.sqrt(seen + 25)
    is_continuum = np.ones(wavelength.size, bool)
    for a, b in hidden:
        is_continuum &= (wavelength < a) | (wavelength > b)
    log_blaze = np.zeros(wavelength.size) if blaze is None else np.log(blaze(wavelength))
    return StarOrder(order, wavelength, counts, seen + 25, expected, is_continuum, log_blaze)


def test_finds_the_sensitivity_with_honest_errors(rng):
    grid = np.linspace(505.0, 595.0, 200)
    off, pulls = [], []
    for _ in range(8):
        curve = fit_order(star(rng), np.zeros_like, grid_nm=grid, amplitude=None, **FIT)
        difference = curve.log_sensitivity - np.log(sensitivity(grid))
        off.append(difference)
        pulls.append(difference / curve.log_error)
    assert np.std(off) < 0.01  # a per cent, steep ends included
    assert 0.4 < np.std(pulls) < 1.6
    assert curve.is_measured.all()


def test_does_not_follow_lines_that_no_list_holds(rng):
    grid = np.linspace(520.0, 580.0, 100)
    curve = fit_order(star(rng, absorbed=[(548.0, 550.0)]), np.zeros_like, grid_nm=grid, amplitude=None, **FIT)
    assert np.abs(curve.log_sensitivity - np.log(sensitivity(grid))).max() < 0.02
    assert curve.is_rejected.any()


def test_crosses_a_band_with_growing_errors(rng):
    grid = np.linspace(505.0, 595.0, 200)
    blaze = lambda w: sensitivity(w) * (w / 550.0) ** 2  # the lamp's colour is not the star's
    one = star(rng, hidden=[(530.0, 560.0)], blaze=blaze)
    curve = fit_order(
        one, lambda w: np.interp(w, one.wavelength_nm, one.log_blaze), grid_nm=grid, amplitude=None, **FIT
    )
    off = curve.log_sensitivity - np.log(sensitivity(grid))
    inside = (grid > 535) & (grid < 555)
    assert not curve.is_measured[inside].any()
    assert curve.log_error[inside].min() > curve.log_error[~inside & curve.is_measured].max()
    assert np.abs(off[inside]).max() < 5 * curve.log_error[inside].max()
    assert np.abs(off[inside]).max() < 0.02


def test_poison_outside_the_continuum_changes_nothing(rng):
    clean = star(rng, hidden=[(530.0, 560.0)])
    counts = np.where(clean.is_continuum, clean.counts, np.nan)
    poisoned = StarOrder(**{**vars(clean), "counts": counts})
    grid = np.linspace(510.0, 590.0, 50)
    a, b = (fit_order(s, np.zeros_like, grid_nm=grid, amplitude=None, **FIT) for s in (clean, poisoned))
    np.testing.assert_array_equal(a.log_sensitivity, b.log_sensitivity)


def echelle(wavelength, order):
    return 1e3 * np.sinc(0.8 * (order - 20000.0 / wavelength)) ** 2 * (wavelength / 1500.0)


@pytest.mark.parametrize("has_blaze", [True, False])
@pytest.mark.parametrize("slope", [0.0, 0.06])
def test_an_order_without_continuum_learns_from_the_others(has_blaze, slope, rng):
    """Also when the lamp's blaze leans against the star's, by `slope` in log from an order's centre to the next."""
    stars = []
    for m in range(12, 19):
        low, high = 20000 / (m + 0.55), 20000 / (m - 0.55)
        curve = lambda w, m=m: echelle(w, m)
        hidden = [(low - 1, high + 1)] if m == 15 else []
        lamp = lambda w, m=m: echelle(w, m) * (w / 1500.0) * np.exp(slope * (m - 20000 / w))
        blaze = lamp if has_blaze else None
        stars.append(star(rng, m, low, high, curve=curve, level=5.0, hidden=hidden, blaze=blaze))
    shared = shared_reference(stars, has_blaze=has_blaze, knot_nm=60.0, chunk_nm=2.0, clip_sigma=5.0)
    lost = stars[3]
    reference = lambda w: np.interp(w, lost.wavelength_nm, lost.log_blaze) + shared(15)(w)
    grid = np.linspace(20000 / 15.45, 20000 / 14.55, 100)
    curve = fit_order(lost, reference, grid_nm=grid, amplitude=0.1, **FIT)
    off = curve.log_sensitivity - np.log(echelle(grid, 15))
    assert np.abs(off).max() < (0.012 if has_blaze else 0.05)
    assert not curve.is_measured.any()


def test_nothing_to_fit_is_told(rng):
    dark = star(rng, hidden=[(490.0, 610.0)])
    assert fit_order(dark, np.zeros_like, grid_nm=np.linspace(510, 590, 5), amplitude=None, **FIT) is None


@pytest.mark.parametrize(("scores", "chosen"), [([9.0, 1.05, 1.0], 1), ([9.0, 1.3, 1.0], 2), ([1.1, 1.3, 1.0], 0)])
def test_a_freer_curve_must_be_better_by_more_than_its_score_is_sure(scores, chosen):
    """Of 200 chunks a score is sure to a tenth: sqrt(2 / 200)."""
    fits = [SimpleNamespace(score=s, residual=np.zeros(200)) for s in scores]
    assert sensitivity_module._simplest(fits) is fits[chosen]


def test_the_dark_end_of_an_order_does_not_bend_the_rest(rng):
    """Counts there that are off by a per cent of the brightest tell nothing: the curve is as good as without them."""
    one = star(rng, level=10.0)
    dark = sensitivity(one.wavelength_nm) < 0.1 * sensitivity(one.wavelength_nm).max()
    spoilt = replace(one, counts=one.counts + 0.002 * one.counts.max() * dark)
    grid = np.linspace(510.0, 590.0, 200)
    how = dict(grid_nm=grid, amplitude=None, **FIT)
    error = lambda star: np.std(fit_order(star, np.zeros_like, **how).log_sensitivity - np.log(sensitivity(grid)))
    assert error(spoilt) < 1.2 * error(one) + 1e-4
