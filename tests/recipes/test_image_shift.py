"""The right answer is the shift between the solution that is given and the one that made the frame."""

import numpy as np
import pytest

from soxslib.recipes.image_shift import image_shift, is_told, moved_solution
from soxslib.recipes.science import estimate_sky
from soxslib.recipes.windows import cut_orders, windows_of
from soxslib.simulate.bench import Target
from soxslib.simulate.small import small_bench, small_frame, small_shot
from tests.helpers.small_science import STAR, settings

ORDERS = (1, 3)  # upside down to each other


TARGET = Target(dict(STAR, mag=17.0), -0.6)


def seen(rng, px, *targets):
    """(solution that is `px` off, what it makes of a frame's light along the slit, settings)."""
    small = small_frame(small_bench(ORDERS, along=(1800, 2400)), small_shot(targets=targets), rng)
    solution, s = moved_solution(small.solution, -px), settings()
    windows = windows_of(small.frame, cut_orders(small.frame.exposure, small.frame.shape, None, solution, s), None, {})
    return solution, estimate_sky(windows, small.frame.exposure.ndit, s), s


@pytest.mark.parametrize("px", [-7, -3, 3, 5])
def test_a_shift_that_parts_the_light_of_a_star_is_found(rng, px):
    solution, blocks, s = seen(rng, px, TARGET)
    assert image_shift(solution, blocks, 1.0, s) == pytest.approx(
        px, abs=1
    )  # a pixel is 0.28 arcsec in 1 arcsec of seeing


@pytest.mark.parametrize("px", [0, 1])
def test_what_the_traces_of_orders_hold_is_left_to_them(rng, px):
    solution, blocks, s = seen(rng, px, TARGET)
    assert image_shift(solution, blocks, 1.0, s) == 0


@pytest.mark.parametrize("fainter", [0.5, 1.0, 1.5, 2.0])
def test_two_stars_of_unlike_colour_are_not_one_that_is_parted(rng, fainter):
    """A red one is the brighter in one order, a blue one in the other: a shift by 3 px would bring these together."""
    red = Target(dict(STAR, type="host", mag=16.0, z=2.0), -0.9)
    blue = Target(dict(STAR, mag=16.0 + fainter, z=-0.7), 0.9)
    solution, blocks, s = seen(rng, 0, red, blue)
    assert image_shift(solution, blocks, 1.0, s) == 0


def test_an_empty_slit_tells_nothing(rng):
    solution, blocks, s = seen(rng, 4)
    assert image_shift(solution, blocks, 1.0, s) == 0


def test_orders_that_stand_alike_tell_nothing():
    bench = small_bench((12, 13), arm="NIR", along=(700, 1300))
    assert not is_told(bench.solution)
    assert is_told(small_bench(ORDERS, along=(1800, 2400)).solution)


def test_solutions_are_moved_from_where_they_are(rng):
    solution = small_bench(ORDERS, along=(1800, 2400)).solution
    moved = moved_solution(moved_solution(solution, 3), -5)
    assert moved.across_px == -2
    wave = np.array([0.5 * sum(solution[1].wavelength_nm)])
    (_, before), (_, after) = (s[1].position(wave, np.zeros(1)) for s in (solution, moved))
    assert after - before == pytest.approx(-2.0)
