import tracemalloc

import numpy as np
import pytest

from soxslib.numerics import stacking
from soxslib.numerics.flatstack import stack_flats
from soxslib.numerics.noise import STRIP
from tests.helpers.pulls import assert_unit_pulls

READ = 5.0


def frames(rng, n, signal=0.0, shape=(100, 120)):
    return [(rng.poisson(signal, shape) + rng.normal(0, READ, shape)).astype(np.float32) for _ in range(n)]


@pytest.mark.parametrize("n", [1, 2, 3, 5, 10])
def test_mean_of_clean_frames_has_the_noise_of_all(rng, n):
    stack = stacking.stack_mean(frames(rng, n, 20.0), read_variance=READ**2, clip_sigma=5)
    assert_unit_pulls(stack.mean, 20.0, (READ**2 + 20.0) / stack.count)
    assert stack.count.mean() > 0.999 * n  # nothing of clean frames is thrown away


@pytest.mark.parametrize("n", [2, 3, 5])
def test_cosmic_rays_are_left_out_and_nothing_is_read_there(rng, n):
    cube = frames(rng, n)
    cube[-1][40:45, 50] = 1e6
    stack = stacking.stack_mean(cube, read_variance=READ**2, clip_sigma=5)
    np.testing.assert_allclose(stack.mean[40:45, 50], np.mean([f[40:45, 50] for f in cube[:-1]], axis=0), rtol=1e-4)
    assert (stack.count[40:45, 50] == n - 1).all()


def test_unstable_pixels_stand_out(rng):
    cube = frames(rng, 6)
    for frame in cube:
        frame[10, :] += rng.normal(0, 25.0, 120)
    stack = stacking.stack_mean(cube, read_variance=READ**2, clip_sigma=50)
    limit = stacking.chi2_limit(5, 4)
    assert (stack.excess[10] > limit).mean() > 0.85  # chi-square 26 times that of noise
    assert (stack.excess[20:] > limit).mean() < 3e-4  # one-sided 4 sigma, about


def test_read_noise_of_pairs_and_of_one_frame(rng):
    cube = frames(rng, 3, shape=(400, 400))
    assert stacking.read_noise_of(cube) == pytest.approx(READ, rel=0.015)
    assert stacking.read_noise_of(cube[:1]) == pytest.approx(READ, rel=0.015)


def test_a_light_leak_is_named_and_drifts_of_the_level_are_not(rng):
    cube = [f + level for f, level in zip(frames(rng, 4, shape=(256, 256)), (0, 3, -2, 1), strict=True)]
    options = dict(noise=READ, blocks=(4, 4), limit_sigma=6, least=0.5)
    assert stacking.discrepant(cube, **options) == {}
    cube[2] = cube[2] + np.linspace(0, 10, 256)[:, None]
    assert list(stacking.discrepant(cube, **options)) == [2]
    assert list(stacking.discrepant(cube[1:3], **options)) == [1]  # of two, the higher one


@pytest.mark.parametrize("n", range(3, 12))
def test_median_of_frames_is_numpys(rng, n):
    frames = rng.integers(0, 20, (n, 7, 9)).astype(np.float32)  # with equal values
    assert np.array_equal(stacking.median_of(frames), np.median(frames, axis=0))


def test_memory_of_a_stack_does_not_grow_with_its_frames(rng):
    flats = frames(rng, 10, 1000.0, shape=(1200, 120))
    masks = [np.zeros(f.shape, bool) for f in flats]
    largest = {}
    for n in (4, 10):
        for name, stack in {
            "mean": lambda n=n: stacking.stack_mean(list(flats[:n]), read_variance=READ**2, clip_sigma=5),
            "median": lambda n=n: stacking.strip_median(list(flats[:n])),
            "flats": lambda n=n: stack_flats(flats[:n], flats[:n], masks[:n], [1.0] * n, clip_sigma=5, clip_ratio=0.1),
        }.items():
            tracemalloc.start()
            stack()
            largest[name, n] = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
    of_strips = 3 * 10 * STRIP * flats[0].shape[1] * 8  # a few copies of ten frames' rows, in double precision
    for name in ("mean", "median", "flats"):
        assert largest[name, 10] < largest[name, 4] + of_strips < 12 * flats[0].nbytes


def test_strip_median_is_that_of_whole_frames(rng):
    cube = frames(rng, 4, 20.0)
    np.testing.assert_array_equal(stacking.strip_median(list(cube)), np.median(cube, axis=0))
