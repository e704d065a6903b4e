import numpy as np
import pytest

from soxslib.numerics import detector


def strip(rng, level, noise=3.0, rows=50, n=1000):
    return (level + rng.normal(0, noise, (rows, n))).astype(np.float32)


def test_strips_tell_level_and_noise_in_spite_of_cosmic_rays(rng):
    drift = 1000 + np.linspace(0, 3, 1000)
    one, two = strip(rng, drift), strip(rng, drift)
    one[10, 500:520] = 30_000
    level, noise = detector.strips_level([one, two], smooth_px=20, clip_sigma=4, tolerance=1)
    # a Gaussian of 20 px averages 71 columns of 100 pixels; at the ends half of them; the drift is linear there
    np.testing.assert_allclose(level[30:-30], drift[30:-30], atol=5 * 3 / np.sqrt(7100))
    assert noise == pytest.approx(3.0, rel=0.02)


def test_strips_that_see_light_are_not_used(rng):
    assert detector.strips_level([strip(rng, 1000), strip(rng, 1010)], smooth_px=20, clip_sigma=4, tolerance=1) is None
    assert detector.strips_level([None, None], smooth_px=20, clip_sigma=4, tolerance=1) is None


def test_a_pile_up_below_the_converter_is_the_full_well(rng):
    image = rng.uniform(0, 50_000, (200, 200))
    image[:3] = 54_830 + rng.normal(0, 3, (3, 200))
    level = detector.well_level(image, nominal=65_000, least=0.5, count=8)
    assert 54_700 < level < 54_820
    assert (image >= level).sum() == 600


def test_bright_pixels_without_a_pile_up_are_not_saturated(rng):
    image = rng.exponential(8000, (300, 300)).clip(0, 60_000)
    image[image >= 60_000] = 100
    assert detector.well_level(image, nominal=65_000, least=0.5, count=8) == 65_000


def test_growth_is_wider_along_the_bleeding():
    mask = np.zeros((9, 9), bool)
    mask[4, 4] = True
    grown = detector.grown(mask, across=1, along=2)
    assert grown[4, 2] and grown[4, 6] and grown[3, 4] and not grown[2, 4] and not grown[4, 1]


def test_darks_bracket_the_wanted_time():
    times = [10.0, 30.0, 300.0]
    assert detector.dark_weights(times, 30.1, tolerance=0.02) == {1: 1.0}
    assert detector.dark_weights(times, 20.0, tolerance=0.02) == {0: 0.5, 1: 0.5}
    assert detector.dark_weights(times, 600.0, tolerance=0.02) == {2: 1.0}
    assert detector.dark_weights(times, 1.0, tolerance=0.02) == {0: 1.0}


def test_a_dark_takes_its_charge_and_leaves_its_noise(rng):
    shape = (6, 9)
    flux, floor, dark, noise = (rng.uniform(-5, 100, shape).astype(np.float32) for _ in range(4))
    quality, bits = (rng.integers(0, 64, shape).astype(np.uint16) for _ in range(2))
    expected = flux - 0.3 * dark, floor + 0.09 * noise + 0.3 * np.clip(dark, 0, None) / 4, quality | bits
    detector.subtract_dark(flux, floor, quality, (dark, noise, bits), 0.3, integrations=4)
    for found, right in zip((flux, floor, quality), expected, strict=True):
        np.testing.assert_allclose(found, right, rtol=1e-6, atol=1e-5)
