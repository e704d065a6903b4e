"""Spots found on a noisy image: answers from where they were put."""

import numpy as np

from soxslib.numerics.peaks import find_peaks, smooth_background


def image_with_spots(rng, at, flux=2000.0, width=0.9, shape=(120, 400), noise=4.0):
    y, x = np.indices(shape)
    image = noise * rng.normal(size=shape)
    for row, column in at:
        image += flux / (2 * np.pi * width**2) * np.exp(-((y - row) ** 2 + (x - column) ** 2) / (2 * width**2))
    return image


def test_finds_every_spot_and_little_else(rng):
    at = [(20.3, 30.7), (20.0, 35.2), (60.5, 200.5), (100.1, 380.0)]
    image = image_with_spots(rng, at)
    rows, columns, heights = find_peaks(image, np.full(image.shape, 4.0), np.zeros(image.shape, bool), threshold=6.0)
    assert len(rows) == 4
    assert (np.diff(heights) <= 0).all()
    for row, column in at:
        assert np.hypot(rows - row, columns - column).min() < 0.35  # px, enough to start a fit


def test_single_hot_pixels_and_bad_pixels_are_no_spots(rng):
    image = image_with_spots(rng, [])
    image[50, 100] += 1e4
    image[70, 100:103] = np.nan
    bad = np.isnan(image)
    rows, _, _ = find_peaks(image, np.full(image.shape, 4.0), bad, threshold=6.0)
    assert len(rows) == 0


def test_background_follows_scattered_light_under_crowded_spots_and_never_reads_bad_pixels(rng):
    at = [(60.0, c) for c in range(10, 390, 5)]
    light = 50 + 0.2 * np.arange(400)
    image = image_with_spots(rng, at) + light
    image[5:9, 5:50] = np.nan
    background = smooth_background(image, np.isnan(image), box=(30, 80), quantile=0.3)
    assert np.isfinite(background).all()
    # the 30 % quantile of noise of 4 lies 2 below its mean; half a block at the ends is constant
    assert np.abs(background - light + 2)[:, 50:350].max() < 6
