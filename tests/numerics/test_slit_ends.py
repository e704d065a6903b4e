"""The step put into a simulated order is the truth: where it lies to a fraction of a pixel."""

import numpy as np
import pytest

from soxslib.numerics.slit_ends import end_place, shift_of, shifts_together
from soxslib.numerics.special import erf

RON2 = 9.0


def an_end(rng, place, level, blur=0.8, pixel=1.0, scattered=0.0):
    """(distance, flux, floor, usable) of a curved order's end, whose sky has lines."""
    columns = np.arange(1500)
    expected = 20.3 + 6.0 * (columns / 1500.0 - 0.4) ** 2
    distance = np.arange(0.0, 60.0, pixel)[:, None] - expected[None, :]
    light = level * (1.0 + 8.0 * (np.sin(columns / 7.0) > 0.95)) * pixel
    edge = 0.5 * (1.0 + erf((distance - place) / (np.sqrt(2.0) * np.hypot(blur, pixel / np.sqrt(12.0)))))
    mean = scattered + light * edge
    flux = rng.poisson(mean) + rng.normal(0.0, np.sqrt(RON2), mean.shape) - 0.5 * scattered
    return distance, flux, np.full(flux.shape, RON2 + 0.5 * scattered), np.ones(flux.shape, bool)


@pytest.mark.parametrize("pixel", [1.0, 2.0])
@pytest.mark.parametrize("place", [-3.4, 0.0, 0.6, 2.7])
def test_a_moved_end_is_found_within_its_error(rng, place, pixel):
    found, error = end_place(*an_end(rng, place, 20.0, pixel=pixel), pixel)
    assert error < 0.1
    assert abs(found - place) < max(4.0 * error, 0.05)


def test_errors_are_those_of_repeated_measures():
    found = np.array([end_place(*an_end(np.random.default_rng(k), 1.3, 3.0)) for k in range(40)])
    assert 0.7 < np.std(found[:, 0]) / np.median(found[:, 1]) < 1.4
    assert abs(np.mean(found[:, 0]) - 1.3) < 4.0 * np.median(found[:, 1]) / np.sqrt(40) + 0.02


def test_scattered_light_and_cosmic_rays_move_no_end(rng):
    distance, flux, floor, usable = an_end(rng, 1.0, 20.0, scattered=10.0)
    hit = rng.random(flux.shape) < 0.01
    found, error = end_place(distance, np.where(hit, flux + 3000.0, flux), floor, usable)
    assert abs(found - 1.0) < max(4.0 * error, 0.1)


def test_an_end_without_light_is_not_seen(rng):
    assert end_place(*an_end(rng, 1.0, 0.0)) == (0.0, np.inf)
    distance, flux, floor, usable = an_end(rng, 1.0, 20.0)
    assert end_place(distance, flux, floor, usable & (distance > 5.0))[1] == np.inf
    assert end_place(distance, np.full(flux.shape, np.nan), floor, usable) == (0.0, np.inf)
    assert end_place(distance, np.full(flux.shape, -1e4), floor, usable) == (0.0, np.inf)


def test_pixels_without_a_value_are_not_read(rng):
    distance, flux, floor, usable = an_end(rng, 1.0, 20.0)
    dead = rng.random(flux.shape) < 0.02
    assert end_place(distance, np.where(dead, np.nan, flux), floor, usable) == end_place(
        distance, flux, floor, usable & ~dead
    )


def test_an_end_farther_than_is_searched_is_not_seen(rng):
    assert end_place(*an_end(rng, -7.0, 20.0))[1] == np.inf


def test_both_ends_move_alike():
    shift, error = shift_of((1.2, 0.1), (-1.0, 0.1))  # inward of the lower end is outward of the upper
    assert shift == pytest.approx(1.1)
    assert error == pytest.approx(np.hypot(0.5 * np.hypot(0.1, 0.1), 0.1))
    assert shift_of((1.2, 0.1), (0.0, np.inf)) == (1.2, pytest.approx(np.hypot(0.1, 0.3)))
    assert shift_of((0.0, np.inf), (-1.0, 0.1)) == (1.0, pytest.approx(np.hypot(0.1, 0.3)))


def test_an_order_that_is_not_seen_moves_with_the_others_and_a_far_one_too():
    measured = {1: (3.0, 0.1), 2: (3.2, 0.1), 3: (0.0, np.inf), 4: (3.1, 0.1), 5: (-4.0, 0.1)}
    shifts = shifts_together(measured, scatter=0.4)
    assert shifts[3] == shifts[5] == pytest.approx(3.1)
    assert 3.0 < shifts[1] < 3.02  # nearly its own measure
    assert shifts_together({1: (0.0, np.inf)}, scatter=0.4) == {1: 0.0}
