import numpy as np
import pytest

from soxslib.numerics.background import between_orders, row_noise, scattered_light

OPTIONS = dict(nodes=(8, 8), block_px=(16, 32), clip_sigma=4.5, stiffness=1e-3)


def scene(rng, level):
    y, x = np.mgrid[:300, :400] / 400.0
    truth = level * (0.5 + 0.5 * np.exp(-((x - 0.4) ** 2 + (y - 0.3) ** 2) / 0.1))
    variance = np.full(truth.shape, 25.0, np.float32) + truth.astype(np.float32)
    edges = [(np.full(400, c - 20.0), np.full(400, c + 20.0)) for c in (60, 150, 240)]
    flux = truth + rng.normal(0, np.sqrt(variance))
    for lower, upper in edges:
        flux[int(lower[0]) : int(upper[0]) + 1] += 20_000
    return truth, flux.astype(np.float32), variance, edges


@pytest.mark.parametrize("level", [0.0, 200.0])
def test_model_is_unbiased_in_the_dark_too_and_its_error_true(rng, level):
    truth, flux, variance, edges = scene(rng, level)
    usable = between_orders(flux.shape, edges, margin_px=3)
    model, error, _ = scattered_light(flux, variance, usable, **OPTIONS)
    difference = model - truth
    assert abs(difference.mean()) < 0.15 + 0.003 * level  # 5 / sqrt of 500 independent pixels, and the surface's limits
    assert 0.6 < np.std(difference[20:-20, 20:-20] / error[20:-20, 20:-20]) < 1.6


def test_cosmic_rays_between_the_orders_do_not_count(rng):
    truth, flux, variance, edges = scene(rng, 50.0)
    usable = between_orders(flux.shape, edges, margin_px=3)
    hit = flux.copy()
    hit[100:104, 200:204] += 5000
    clean, spoiled = (scattered_light(f, variance, usable, **OPTIONS)[0] for f in (flux, hit))
    assert np.abs(clean - spoiled).max() < 1.5  # 16 of 150 pixels of that gap's block are gone; 5000 / 10 otherwise


def test_light_of_the_orders_is_never_read(rng):
    _, flux, variance, edges = scene(rng, 50.0)
    usable = between_orders(flux.shape, edges, margin_px=3)
    poisoned = np.where(usable, flux, np.nan).astype(np.float32)
    np.testing.assert_array_equal(
        scattered_light(flux, variance, usable, **OPTIONS)[0], scattered_light(poisoned, variance, usable, **OPTIONS)[0]
    )


def test_margin_is_a_distance_from_the_edges():
    outside = between_orders((30, 5), [(np.full(5, 10.0), np.full(5, 15.0))], margin_px=2)
    assert np.flatnonzero(~outside[:, 0]).tolist() == list(range(8, 18))


def test_row_noise_is_found_where_it_is_and_only_there(rng):
    usable = rng.random((300, 1000)) < 0.4
    variance = np.full(usable.shape, 49.0, np.float32)
    quiet = rng.normal(0, 7, usable.shape).astype(np.float32)
    offsets = rng.normal(0, 1.0, 300).astype(np.float32)
    found = row_noise(quiet + offsets[:, None], variance, usable, smooth_px=25, least_pixels=100)
    assert np.std(found - offsets) < 0.45  # 7 / 20 of noise, and the smooth part of the offsets
    assert np.std(row_noise(quiet, variance, usable, smooth_px=25, least_pixels=100)) < 0.12  # shrunk from 0.35
