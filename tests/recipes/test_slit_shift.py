"""Right answers: the slit of the simulator, against a flat whose edges were put so many pixels off it."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from soxslib.recipes.slit_profiles import profiles_on_pixels
from soxslib.recipes.slit_shift import slit_shifts
from soxslib.recipes.stare import subtract_background
from soxslib.recipes.windows import cut_orders, windows_of
from soxslib.simulate.small import small_bench, small_frame, small_shot
from tests.helpers.small_science import flat_before, reduced, settings


@pytest.mark.parametrize(
    ("arm", "orders", "along", "moved", "sky"),
    [("NIR", (12, 14), (700, 1300), {12: -1.4, 14: -1.0}, 5.0), ("VIS", (1, 3), (1800, 2400), {1: 3.1, 3: 2.6}, 50.0)],
)
def test_the_slit_is_found_where_it_has_moved_and_its_illumination_with_it(arm, orders, along, moved, sky, rng):
    small = small_frame(small_bench(orders, arm=arm, along=along), small_shot(arm=arm, sky_brightness=sky), rng)
    flat = flat_before(small, moved)
    shifts = slit_shifts(small.frame, flat)
    assert {o: pytest.approx(moved[o], abs=0.15) for o in orders} == shifts
    cuts = cut_orders(small.frame.exposure, small.frame.shape, flat, small.solution, settings(arm))
    for order, window in windows_of(small.frame, cuts, flat, shifts).items():
        inside, true = window.cutout.is_inside, small.bench.slit_transmission(window.cutout.slit_arcsec)
        assert np.nanmin(true[inside]) > 0.5  # no pixel beyond the slit's image
        inner = inside & (np.abs(window.cutout.slit_arcsec) < 4.8)
        as_it_was = windows_of(small.frame, cuts, flat, {})[order].slit_light
        assert np.std((window.slit_light / true)[inner]) < 0.1 * np.std(true[inner])
        assert np.std((as_it_was / true)[inner]) > 0.2 * np.std(true[inner])


def test_a_slit_that_has_moved_casts_no_light_between_the_orders(rng):
    moved = {1: 3.5, 3: 3.5}
    small = small_frame(small_bench(), small_shot(), rng)
    flat = flat_before(small, moved)
    error = lambda shifts: np.abs(
        subtract_background(small.frame, flat, shifts, settings("VIS"))[1] - small.light.scattered
    ).max()
    assert error(moved) < 0.5 * error({})


def test_a_frame_without_light_moves_nothing(rng):
    small = small_frame(small_bench(), small_shot(exposure_s=0.01), rng, cosmic_rays=False)
    assert slit_shifts(small.frame, flat_before(small, {})) == {1: 0.0, 3: 0.0}


def test_light_that_fills_the_slit_is_as_uneven_as_the_sky_and_a_source_is_as_it_was_seen(rng):
    small = small_frame(small_bench((1,)), small_shot(), rng)
    out = reduced(small)
    window, place = out.windows[1], out.windows[1].cutout.slit_arcsec
    even = SimpleNamespace(at=lambda distance, wavelength: np.ones(distance.shape))
    lit = {1: replace(window, slit_light=1.0 + 0.02 * place)}
    source, host = profiles_on_pixels(lit, out.traces, out.slit_profiles, even, 0.0)[1]
    assert np.array_equal(source, profiles_on_pixels(out.windows, out.traces, out.slit_profiles, None, 0.0)[1][0])
    inside = window.cutout.is_inside
    assert np.allclose((host / window.cutout.arcsec)[inside], (1.0 + 0.02 * place)[inside])
