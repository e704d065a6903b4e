"""Straight images. The right answer is the light's density times the size of a bin."""

import numpy as np
import pytest

from soxslib.datamodel import Quality
from soxslib.numerics.rectify import merge_rectified, rectified_order, rectify_order, scaled


def maps(n_across=45, n_along=600):
    y, x = np.mgrid[:n_across, :n_along].astype(float)
    slit = (y - 22 - 2 * np.sin(x / 200)) * 0.28
    return 500.0 + 0.03 * x + 0.5 * 0.03 * slit, slit


def cut(rng=None, level=100.0):
    wavelength, slit = maps()
    variance = np.full(wavelength.shape, level)
    flux = variance if rng is None else variance + rng.normal(size=variance.shape) * np.sqrt(variance)
    return flux, variance, np.zeros(wavelength.shape, np.uint16), wavelength, slit


GRID = dict(step_nm=0.02, step_arcsec=0.28, half_slit_arcsec=5.0)


def inner(image):
    return np.s_[4:-4, 40:-40]


def test_density_is_right_and_nothing_is_lost():
    image = rectified_order(3, *cut(), **GRID)
    k = inner(image)
    # 0.02 nm of a pixel of 0.03 nm; edges of neighbouring rows do not meet exactly
    assert image.flux[k].mean() == pytest.approx(100 * 0.02 / 0.03, rel=1e-3)
    assert (image.quality[k] == 0).all()


def test_every_count_arrives():
    flux, variance, quality, wavelength, slit = cut()
    edges = np.arange(490, 530, 0.02), np.arange(-10, 10, 0.25)
    out = rectify_order(flux, variance, quality, wavelength, slit, wavelength_edges=edges[0], slit_edges=edges[1])
    assert out[0].sum() == pytest.approx(flux.sum(), rel=1e-6)


def test_errors_are_honest_for_bins_and_for_sums(rng):
    exact, noisy = rectified_order(3, *cut(), **GRID), rectified_order(3, *cut(rng), **GRID)
    k = inner(exact)
    difference, variance = (noisy.flux - exact.flux)[k], noisy.variance[k]
    assert np.std(difference / np.sqrt(variance)) == pytest.approx(1.0, abs=0.05)
    h, w = (n // 6 * 6 for n in difference.shape)
    block = lambda a, d: a[:h, :w].reshape(h // 6, 6, w // d, d).sum(axis=(1, 3))
    w = w // 40 * 40
    pull = block(difference, 40) / np.sqrt(block(variance, 40) * noisy.correlation)
    assert np.std(pull) == pytest.approx(1.0, abs=0.3)  # some 70 blocks


def test_poison_under_a_flag_changes_little():
    flux, variance, quality, wavelength, slit = (a.copy() for a in cut())
    flux[20, 300], quality[20, 300] = np.nan, int(Quality.COSMIC_RAY)
    image, exact = (
        rectified_order(3, flux, variance, quality, wavelength, slit, **GRID),
        rectified_order(3, *cut(), **GRID),
    )
    assert np.isfinite(image.flux).all()
    good = image.quality == 0
    np.testing.assert_allclose(image.flux[good], exact.flux[good], rtol=0.02)
    assert (image.quality & int(Quality.COSMIC_RAY)).any()


def test_orders_merge_to_one_image_with_gaps():
    first = rectified_order(3, *cut(), **GRID)
    later = rectified_order(4, *cut()[:3], maps()[0] + 30.0, maps()[1], **GRID)
    merged = merge_rectified(
        [scaled(o, np.ones(o.wavelength_nm.size)) for o in (first, later)], taper_fraction=0.05, smooth_bins=101
    )
    hole = (merged.wavelength_nm > 519) & (merged.wavelength_nm < 529)
    assert np.isnan(merged.flux[:, hole]).all()
    assert (merged.quality[:, hole] == int(Quality.GAP)).all()
    assert np.nanmedian(merged.flux[4:-4]) == pytest.approx(100 * 0.02 / 0.03, rel=1e-3)


def test_bins_hold_what_slow_sums_over_pixels_give(rng):
    """Every pixel with every bin, one by one, by the lengths that their intervals have in common."""
    wavelength, slit = (a[:12, :25] for a in maps())
    wavelength = wavelength.copy()
    wavelength[3, 7] = np.nan
    flux, variance = rng.uniform(50, 100, wavelength.shape), rng.uniform(1, 2, wavelength.shape)
    quality = np.where(rng.random(wavelength.shape) < 0.2, int(Quality.NONLINEAR), 0).astype(np.uint16)
    quality[rng.random(wavelength.shape) < 0.3] |= int(Quality.COSMIC_RAY)
    flux[5, 5], variance[6, 6] = np.nan, np.inf
    # beginning and ending within the pixels
    edges = np.arange(wavelength[0, 3], 500.5, 0.04), np.arange(slit[1, 0], slit[-3, 0], 0.31)
    found = rectify_order(flux, variance, quality, wavelength, slit, wavelength_edges=edges[0], slit_edges=edges[1])
    dw, ds = np.abs(np.gradient(wavelength, axis=1)), np.abs(np.gradient(slit, axis=0))
    sums, bits = np.zeros((4, edges[1].size - 1, edges[0].size - 1)), [[[] for _ in edges[0]] for _ in edges[1]]
    for p in zip(*np.nonzero(np.isfinite(wavelength * dw * ds)), strict=True):
        part = np.multiply.outer(
            *(
                np.clip(np.minimum(at + size / 2, e[1:]) - np.maximum(at - size / 2, e[:-1]), 0, None) / size
                for at, size, e in ((slit[p], ds[p], edges[1]), (wavelength[p], dw[p], edges[0]))
            )
        )
        bad = bool(quality[p] & int(Quality.COSMIC_RAY)) or not np.isfinite(flux[p] * variance[p])
        area = dw[p] * ds[p] * part
        sums += 0 * area if bad else [part * flux[p], part**2 * variance[p], area, 0 * area]
        sums[3] += area * bad
        for i, j in zip(*np.nonzero(part > 1e-6), strict=True):
            bits[i][j].append((int(quality[p]) or int(Quality.BAD) * bad, bad))
    good, bad = sums[2:]
    with np.errstate(all="ignore"):
        fill = np.where(good > 0, np.minimum((good + bad) / good, 2.0), 1.0)
        share = np.nan_to_num(bad / (good + bad))
    np.testing.assert_allclose(found[0], sums[0] * fill, rtol=1e-6)
    np.testing.assert_allclose(found[1], sums[1] * fill**2, rtol=1e-6)
    for i, j in np.ndindex(share.shape):
        expected = np.bitwise_or.reduce([0] + [b for b, is_bad in bits[i][j] if not is_bad or share[i, j] > 0.5])
        expected |= int(Quality.INTERPOLATED) * (0.1 < share[i, j] <= 0.5)
        expected |= int(Quality.NO_CALIBRATION) * (good[i, j] + bad[i, j] < 0.5 * 0.04 * 0.31)
        assert found[2][i, j] == expected
