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


@pytest.mark.parametrize("n", range(1, 12))
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
            "median": lambda n=n: stacking.median_of(list(flats[:n])),
            "flats": lambda n=n: stack_flats(flats[:n], flats[:n], masks[:n], [1.0] * n, clip_sigma=5, clip_ratio=0.1),
        }.items():
            tracemalloc.start()
            stack()
            largest[name, n] = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
    of_strips = 3 * 10 * STRIP * flats[0].shape[1] * 8  # a few copies of ten frames' rows, in double precision
    for name in ("mean", "median", "flats"):
        assert largest[name, 10] < largest[name, 4] + of_strips < 12 * flats[0].nbytes


@pytest.mark.parametrize("n", [2, 3, 6])
def test_a_stack_is_that_of_its_definition(rng, n):
    values = np.array(frames(rng, n, 20.0, shape=(31, 23)))
    values[0, 5] += 500  # cosmic rays
    reference = values.min(0) if n == 2 else np.median(values, axis=0)
    variance = np.maximum(reference, 0) + READ**2
    residual = values - reference
    kept = np.abs(residual) <= 4 * np.sqrt(variance * (2 if n == 2 else 1 + np.pi / (2 * n)))
    stack = stacking.stack_mean(list(values), read_variance=READ**2, clip_sigma=4)
    np.testing.assert_array_equal(stack.count, kept.sum(0))
    np.testing.assert_allclose(stack.mean, (values * kept).sum(0) / kept.sum(0), rtol=1e-5, atol=1e-4)
    chi2 = (kept * residual**2 / variance).sum(0) / np.maximum(kept.sum(0) - 1, 1)
    np.testing.assert_allclose(stack.excess, chi2 if n > 2 else 0 * chi2, rtol=1e-4)


@pytest.mark.parametrize("n", [1, 2, 3, 6])
def test_a_stack_of_flats_is_that_of_its_definition(rng, n):
    fluxes = np.array(frames(rng, n, 1000.0, shape=(31, 23)))
    fluxes[0, 5] += 5000
    masks, scales = rng.random(fluxes.shape) < 0.1, 1.0 + 0.2 * np.arange(n)
    masks[:, 3, 3] = True
    floors = rng.uniform(10, 20, fluxes.shape).astype(np.float32)
    of_each = scales[:, None, None]
    scaled = fluxes / of_each
    reference = scaled.min(0) if n == 2 else np.median(scaled, axis=0)
    noise = np.sqrt(2 * (floors / of_each**2 + np.maximum(reference, 0) / of_each))
    kept = ~masks & (scaled - reference <= 5 * noise + 0.1 * np.abs(reference))
    light = (kept * of_each).sum(0)
    safe = np.where(light > 0, light, 1)
    expected = (
        np.where(light > 0, (kept * fluxes).sum(0) / safe, reference),
        (kept * floors).sum(0) / safe**2,
        safe,
        kept.sum(0),
    )
    found = stack_flats(list(fluxes), list(floors), list(masks), list(scales), clip_sigma=5, clip_ratio=0.1)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)
