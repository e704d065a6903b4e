"""Which pixels are cosmic rays. The right answers are the pixels that were hit."""

import numpy as np
import pytest
from scipy.special import erf

from soxslib.numerics.extraction import basis_of
from soxslib.numerics.hits import MOST_LEVERAGE, Hits, spikes


def untilted(shape):
    basis = basis_of(np.tile(np.arange(float(shape[1])), (shape[0], 1)), shape[1])
    return Hits(basis, np.ones(shape, bool), [np.ones(shape) / shape[0]])


def rejected(z, rounds=3):
    """Pixels rejected of an untilted order whose residuals are z errors."""
    hits = untilted(z.shape)
    for _ in range(rounds):
        pulls = hits.pulls(z, np.zeros(z.shape), np.zeros(z.shape), np.ones(z.shape), 0.0, 0.0)
        hits.rejected = hits.found(pulls, np.zeros(z.shape), 5.0, 3.0)
    return hits.rejected


def test_a_ray_is_rejected_with_what_it_left_between_its_ends():
    """Its middle fell on a source, whose counts took most of it; alone as little says nothing."""
    z = np.zeros((12, 60))
    z[3, 20], z[4, 20], z[5, 20] = 8.0, 2.0, 7.0
    z[6, 30], z[7, 31], z[8, 32] = 9.0, 1.5, 6.0  # on a diagonal
    z[3, 40], z[4, 45] = 2.0, 4.0
    expected = {(3, 20), (4, 20), (5, 20), (6, 30), (7, 31), (8, 32)}
    assert set(zip(*np.nonzero(rejected(z)), strict=True)) == expected


def test_what_touches_a_ray_is_part_of_it_from_a_lesser_height():
    z = np.zeros((12, 60))
    z[3, 20], z[3, 21], z[2, 20], z[4, 20] = 8.0, 3.5, 3.5, 2.5
    assert set(zip(*np.nonzero(rejected(z)), strict=True)) == {(3, 20), (3, 21), (2, 20)}


def test_noise_is_no_ray(rng):
    assert rejected(np.clip(rng.normal(size=(40, 2000)), -10, 4.9)).sum() == 0


@pytest.mark.parametrize("true, told", [(0.0, 0.005), (0.01, 0.01), (0.04, 0.02)])
def test_the_skys_error_is_what_its_bright_lines_scatter_more_than_noise(rng, true, told):
    """Noise is a hundredth of the sky; rays on a few pixels in a hundred do not count, nor does what is no line."""
    sky = np.full((40, 200), 1e4)
    sky[:, 100:] = 100.0
    noise = rng.normal(0, np.sqrt(sky)) + rng.normal(0, true, sky.shape) * sky
    noise[:, 100:] *= 10.0
    noise.ravel()[::70] += 5e3
    keywords = {"least": 0.005, "most": 0.02}
    error = untilted(sky.shape).sky_error(sky + noise, sky, sky, sky, **keywords)
    assert error == pytest.approx(told, rel=0.1)  # 2.3 / sqrt(4000) of the squares, and the rays' 2 %
    dark = np.full(sky.shape, 100.0)
    assert untilted(sky.shape).sky_error(dark, dark, dark, dark, **keywords) == 0.005


def test_a_spike_is_what_no_line_is_as_sharp_as(rng):
    sigma = 0.75
    image = np.zeros((40, 80))
    for row, place in enumerate(np.linspace(30.0, 31.0, 40)):  # lines of the sharpest width at all phases
        image[row] = 1e6 * np.diff(erf((np.arange(81.0) - 0.5 - place) / sigma / np.sqrt(2.0))) / 2
    image += 50.0
    light = rng.poisson(image).astype(float)
    light[3:30, 60] += 1000.0  # a ray along the slit
    found = spikes(light, np.full(image.shape, 9.0), np.ones(image.shape, bool), 1, sigma)
    assert found.sum() == 27 and found[3:30, 60].all()
    assert not spikes(
        light, np.full(image.shape, 9.0), np.ones(image.shape, bool), 1, 0.2
    ).any()  # sharper lines may be


def test_a_pixel_has_the_leverage_of_its_information_on_the_sources():
    """Light in three rows as 1 : 2 : 1 and equal noise: 1/6, 4/6, 1/6; without the first 0, 4/5, 1/5."""
    basis = basis_of(np.tile(np.arange(20.0), (5, 1)), 20)
    light = np.repeat([[0.0], [0.25], [0.5], [0.25], [0.0]], 20, axis=1)
    hits = Hits(basis, np.ones((5, 20), bool), [light])
    np.testing.assert_allclose(hits.leverage(np.full((5, 20), 7.0))[:, 3], [0, 1 / 6, 4 / 6, 1 / 6, 0])
    hits.rejected = np.zeros((5, 20), bool)
    hits.rejected[1, 3] = True
    np.testing.assert_allclose(hits.leverage(np.full((5, 20), 7.0))[:, 3], [0, 0, MOST_LEVERAGE, 1 / 5, 0])
