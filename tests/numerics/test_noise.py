import numpy as np
import pytest

from soxslib.numerics.noise import box_mean, median, model_variance, pair_noise, robust_std
from tests.helpers.pulls import assert_unit_pulls


def test_box_mean_is_the_mean_of_the_neighbourhood(rng):
    image = rng.normal(size=(20, 30)).astype(np.float32)
    slow = np.pad(image, 2, mode="edge")
    expected = [[slow[y : y + 5, x : x + 5].mean() for x in range(30)] for y in range(20)]
    np.testing.assert_allclose(box_mean(image, size=5), expected, atol=1e-5)  # float32 sums of 25


@pytest.mark.parametrize("level", [0.0, 10.0, 300.0, 60_000.0])
@pytest.mark.parametrize("integrations", [1, 4])
def test_variance_makes_unit_pulls_at_every_level(rng, level, integrations):
    floor = np.full((200, 200), 3.8**2 / integrations, np.float32)
    flux = rng.poisson(level * integrations, floor.shape) / integrations + rng.normal(0, np.sqrt(floor))
    variance = model_variance(flux.astype(np.float32), floor, integrations=integrations, size=5, contrast=3.0)
    assert_unit_pulls(flux, level, variance)


def test_variance_does_not_follow_the_noisy_pixel(rng):
    # weights 1/variance would otherwise bias a mean low by about one electron per pixel
    floor = np.full((300, 300), 10.0, np.float32)
    flux = (rng.poisson(50, floor.shape) + rng.normal(0, np.sqrt(10), floor.shape)).astype(np.float32)
    weight = 1.0 / model_variance(flux, floor, integrations=1, size=5, contrast=3.0)
    mean = (weight * flux).sum() / weight.sum()
    assert abs(mean - 50) < 0.35  # of the 50 / 60 electrons that weights from the pixel itself would lose


def test_variance_at_a_sharp_line_is_that_of_the_line():
    flux = np.zeros((21, 21), np.float32)
    flux[:, 10] = 10_000
    variance = model_variance(flux, np.full_like(flux, 10.0), integrations=1, size=5, contrast=3.0)
    np.testing.assert_allclose(variance[:, 10], 10_010, rtol=0.01)
    np.testing.assert_allclose(variance[10, 9], 10, atol=30)  # not the mean of the line and its surroundings: 2000


def test_robust_std_ignores_outliers(rng):
    values = rng.normal(0, 2.0, 50_000)
    values[:500] = 1000
    assert robust_std(values) == pytest.approx(2.0, rel=0.02)  # 1 / sqrt(2 n) and the clip at 4 sigma


def test_pair_noise_drops_what_both_share(rng):
    shared = rng.normal(0, 50, (200, 200))
    one, two = (shared + rng.normal(0, 3.0, shared.shape) for _ in range(2))
    assert pair_noise(one, two) == pytest.approx(3.0, rel=0.02)


def test_integrations_of_each_pixel_are_those_of_all_where_they_are_equal(rng):
    flux = rng.poisson(50.0, (70, 40)).astype(np.float32)  # more than one strip
    floor = np.full(flux.shape, 9.0, np.float32)
    options = dict(size=5, contrast=3.0)
    for count in (1, 4):
        one = model_variance(flux, floor, integrations=count, **options)
        assert np.array_equal(one, model_variance(flux, floor, integrations=np.full(flux.shape, count), **options))
    halves = np.where(np.arange(40) < 20, 1, 4)[None, :] * np.ones((70, 1))
    mixed = model_variance(flux, floor, integrations=halves, **options)
    assert np.array_equal(mixed[:, 25:], one[:, 25:])


@pytest.mark.parametrize("n", [1, 2, 9, 1000])
def test_median_is_that_of_numpy(rng, n):
    values = rng.normal(size=n)
    assert median(values) == np.median(values)


@pytest.mark.parametrize("n", [5, 1003])
def test_robust_std_is_that_of_its_definition(rng, n):
    values = rng.standard_cauchy(n)  # much to clip
    centre = np.median(values)
    spread = 1.4826 * np.median(np.abs(values - centre))
    for _ in range(5):
        kept = values[np.abs(values - centre) < 4.0 * spread]
        centre, spread = kept.mean(), kept.std()
    assert robust_std(values) == pytest.approx(spread, rel=1e-9)
