"""Merging of orders. The right answer is the smooth spectrum that both orders saw."""

import numpy as np
import pytest

from soxslib.datamodel import OrderSpectrum, Quality
from soxslib.numerics.merge import merge_calibrated, merge_orders

OPTIONS = dict(step_nm=0.02, taper_fraction=0.05, smooth_px=101)


def order(
    number, first_nm, n=1200, pixel_nm=0.028, blaze=lambda x: np.ones_like(x), light=100.0, noise=None, falling=False
):
    wavelength = first_nm + pixel_nm * np.arange(n)
    expected = light * blaze(np.linspace(-1, 1, n))
    variance = expected + 25.0
    flux = expected if noise is None else expected + noise.normal(size=n) * np.sqrt(variance)
    sky, quality = 10.0 * expected, np.zeros(n, np.uint16)
    turn = slice(None, None, -1) if falling else slice(None)
    arrays = [
        a[turn] for a in (wavelength, np.full(n, pixel_nm), np.arange(n), np.arange(n), flux, variance, flux, flux, sky)
    ]
    return OrderSpectrum(number, *arrays, quality[turn].copy(), wavelength_error_nm=0.002)


def bell(x):
    return 0.02 + np.cos(0.5 * np.pi * x) ** 2


def pair(noise=None, blaze=bell, **kw):
    return [order(1, 500.0, blaze=blaze, noise=noise, **kw), order(2, 522.0, blaze=blaze, noise=noise, **kw)]


def test_a_constant_stays_constant():
    merged = merge_orders(pair(blaze=np.ones_like), **OPTIONS)
    ok = np.isfinite(merged.flux)
    np.testing.assert_allclose(merged.flux[ok], 100.0 * 0.02 / 0.028, rtol=1e-6)


def test_counts_are_conserved_outside_overlaps():
    """What the bins hold is what of the pixels, each of even light, falls within them, to a millionth."""
    one = order(1, 500.0, blaze=bell)
    merged = merge_orders([one], **OPTIONS)
    held = np.isfinite(merged.flux)  # the two bins at the ends, not wholly inside the order, are left empty
    step = np.median(np.diff(merged.wavelength_nm))
    ends = merged.wavelength_nm[held][[0, -1]] + 0.5 * step * np.array([-1, 1])
    edges = np.append(one.wavelength_nm - 0.5 * one.pixel_nm, one.wavelength_nm[-1] + 0.5 * one.pixel_nm[-1])
    within = np.diff(np.interp(ends, edges, np.append(0.0, np.cumsum(one.flux))))
    assert abs(merged.flux[held].sum() / within[0] - 1) < 1e-6


def test_falling_wavelengths_make_no_difference():
    up, down = merge_orders(pair(), **OPTIONS), merge_orders(pair(falling=True), **OPTIONS)
    np.testing.assert_allclose(up.flux, down.flux, rtol=1e-12)
    np.testing.assert_array_equal(up.quality, down.quality)


@pytest.mark.parametrize("n_bins", [1, 2, 4, 16])
def test_errors_are_honest_at_any_binning(n_bins, rng):
    exact = merge_orders(pair(), **OPTIONS)
    sums, variance = [], None
    for _ in range(60):
        merged = merge_orders(pair(noise=rng), **OPTIONS)
        start = np.arange(300, merged.flux.size - 300, n_bins * 3)
        add = lambda y, n, start=start: np.array([y[s : s + n].sum() for s in start])
        if variance is None:
            variance = add(merged.error**2, n_bins)
            for lag, c in enumerate(merged.covariance, 1):
                variance += 2 * add(c, max(n_bins - lag, 0))
        sums.append(add(merged.flux - exact.flux, n_bins) / np.sqrt(variance))
    # 60 trials of some 100 to 500 sums: the scatter is known to half a per cent
    assert abs(np.std(sums) - 1) < 0.03
    assert abs(np.mean(sums)) < 0.03


def test_orders_that_disagree_leave_no_zigzag():
    first, second = pair()
    louder = order(2, 522.0, blaze=bell, light=105.0)
    merged, agreeing = merge_orders([first, louder], **OPTIONS), merge_orders([first, second], **OPTIONS)
    ratio = merged.flux / agreeing.flux
    ratio = ratio[np.isfinite(ratio)]
    # from 1 to 1.05 and never back; in steps of what the ratio of these steep blazes changes from bin to bin
    assert ratio.min() > 0.999
    assert ratio.max() < 1.051
    assert np.diff(ratio).min() > -1e-3
    assert np.diff(ratio).max() < 0.015


def test_overlap_has_the_information_of_both_orders():
    merged = merge_orders(pair(blaze=np.ones_like), **OPTIONS)
    middle = (merged.wavelength_nm > 527) & (merged.wavelength_nm < 529)
    alone = (merged.wavelength_nm > 508) & (merged.wavelength_nm < 510)
    # means: a bin's own error depends on how it lies on the pixels
    assert np.mean(merged.error[middle] ** 2) / np.mean(merged.error[alone] ** 2) == pytest.approx(0.5, rel=0.02)


def test_poison_under_a_flag_changes_nothing():
    orders = pair()
    at = [600, 1150]  # one alone in its order, one where the other order is there too
    for value in (np.nan, 1e9):
        spoiled = orders[0].flux.copy()
        spoiled[at] = value
        quality = orders[0].quality.copy()
        quality[at] = int(Quality.COSMIC_RAY)
        first = OrderSpectrum(**{**vars(orders[0]), "flux": spoiled, "quality": quality})
        merged = merge_orders([first, orders[1]], **OPTIONS)
        exact = merge_orders(orders, **OPTIONS)
        good = merged.quality == 0
        np.testing.assert_allclose(merged.flux[good], exact.flux[good], rtol=2e-3)
        hit = np.abs(merged.wavelength_nm - orders[0].wavelength_nm[600]) < 0.01
        assert (merged.quality[hit] & int(Quality.COSMIC_RAY)).all()
        shared = np.abs(merged.wavelength_nm - orders[0].wavelength_nm[1150]) < 0.01
        assert (merged.quality[shared] == 0).all()


def test_gaps_are_nan_and_flagged():
    merged = merge_orders([order(1, 500.0), order(2, 540.0)], **OPTIONS)
    hole = (merged.wavelength_nm > 534) & (merged.wavelength_nm < 539.5)
    assert np.isnan(merged.flux[hole]).all()
    assert (merged.quality[hole] == int(Quality.GAP)).all()
    assert np.isfinite(merged.covariance[0]).all()


def test_calibrated_orders_keep_their_systematic_error():
    orders = [order(1, 500.0), order(2, 522.0)]
    merged = merge_calibrated(orders, [np.full(1200, 0.03)] * 2, **OPTIONS)
    ok = np.isfinite(merged.flux)
    np.testing.assert_allclose(merged.flux[ok], 100.0 / 0.028, rtol=1e-6)
    np.testing.assert_allclose(merged.systematic_error[ok], 0.03 * merged.flux[ok], rtol=1e-6)
