"""Right answers: simulated exposures whose arc is the truth moved by known pixels."""

from dataclasses import replace
from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest

from soxslib.config.settings import settings_for
from soxslib.datamodel import DispersionSolution
from soxslib.instruments import load_instrument
from soxslib.io.products import read_table
from soxslib.io.tables import read_ecsv
from soxslib.numerics.flexure import Evidence, OrderShift
from soxslib.recipes import flexure
from soxslib.recipes.science import reduce_exposure
from soxslib.recipes.stare import Calibrations
from soxslib.simulate.small import small_bench, small_frame, small_shot

STAR = dict(name="EG274", type="standard")
MINUTE = 1 / 1440


@cache
def settings(arm):
    return SimpleNamespace(**settings_for("stare", arm, {}))


@cache
def sky_lines(arm):
    table = read_ecsv(load_instrument("SOXS").table_path(arm, "sky_lines"))
    order = np.argsort(table["wavelength"])
    return table["wavelength"][order], table["flux"][order]


def template(arm):
    table = read_table(load_instrument("SOXS").table_path(arm, "flux_standards"))
    known = np.isfinite(table["EG274"]) & (table["EG274"] > 0)
    return table["wavelength"][known].astype(float), table["EG274"][known].astype(float)


def arc_of(small, moved_px):
    """The wavelengths of an arc since which each order has moved by so many pixels, and its exposure."""
    orders = {o: small.solution[o].shifted(along_px=-px) for o, px in moved_px.items()}
    arc = replace(small.frame.exposure, mjd=small.frame.exposure.mjd - 0.4, rotator_deg=None)
    return DispersionSolution(small.bench.arm, orders), arc


def reduced(small, moved_px, minutes=0.0):
    solution, arc = arc_of(small, moved_px)
    exposure = replace(small.frame.exposure, mjd=small.frame.exposure.mjd + minutes * MINUTE)
    target = small.shot.targets[0].slit_arcsec
    out = reduce_exposure(small.frame.with_(exposure=exposure), None, solution, target, settings(small.bench.arm))
    return out, Calibrations(solution, arc, sky_lines=sky_lines(small.bench.arm))


def test_sky_lines_show_how_far_an_order_has_moved(rng):
    true = {1: 1.3, 4: -2.4}
    small = small_frame(small_bench((1, 4), along=(1000, 2600)), small_shot(), rng)
    exposure, calibrations = reduced(small, true)
    (shifts,) = flexure.observation_shifts([exposure], calibrations)
    for order, px in true.items():
        assert shifts[order].method.startswith("sky")
        assert abs(shifts[order].pixels - px) < 3 * shifts[order].error
    assert abs(shifts[4].pixels - true[4]) < 0.05  # the aim; r has few lines


def test_orders_that_stand_where_none_ever_stood_are_found_by_their_sky_lines(rng):
    """As with the arc of another setting of the grating: an error of two pixels had been quoted there."""
    small = small_frame(small_bench((4,), along=(1000, 2600)), small_shot(), rng)
    exposure, calibrations = reduced(small, {4: 25.3})
    (shifts,) = flexure.observation_shifts([exposure], calibrations)
    assert shifts[4].n_lines > 10
    assert abs(shifts[4].pixels - 25.3) < min(3 * shifts[4].error, 0.1)


@pytest.mark.parametrize("seed", range(3))
def test_a_wide_slit_is_as_wide_as_the_sky_says(seed, monkeypatch):
    """A grating stretches the slit's image: drawn a quarter too narrow, its lines would fit anywhere within a pixel."""
    rng = np.random.default_rng(seed)
    shot = small_shot(arm="NIR", slit="SLIT5.0", exposure_s=100.0)
    small = small_frame(small_bench((12, 13), arm="NIR", along=(600, 1400), height=240), shot, rng)
    exposure, calibrations = reduced(small, {12: 0.7, 13: 0.7})
    across = flexure._px_per_arcsec
    monkeypatch.setattr(flexure, "_px_per_arcsec", lambda reduced, order: 0.78 * across(reduced, order))
    seen = [flexure._sky_setup(exposure, o, calibrations) for o in (12, 13)]
    optics = load_instrument("SOXS").yaml("simulate.yaml")["arms"]["NIR"]["optics"]
    width = flexure._slit_scale(seen) * seen[0][1]["slit_px"]
    assert width == pytest.approx(5.0 * optics["slit_px_arcsec"], rel=0.02)  # 0.15 px at each edge
    (shifts,) = flexure.observation_shifts([exposure], calibrations)
    for order in (12, 13):
        assert abs(shifts[order].pixels - 0.7) < 3 * shifts[order].error
        assert shifts[order].error < 0.05  # the aim


def test_a_standard_tells_the_shift_of_an_order_without_sky_lines(rng):
    shot = small_shot(target=dict(STAR), slit="SLIT5.0", exposure_s=60.0)
    small = small_frame(small_bench((3,), along=(1500, 3900)), shot, rng)
    exposure, calibrations = reduced(small, {3: 2.5})
    (blind,) = flexure.observation_shifts([exposure], calibrations)
    (shifts,) = flexure.observation_shifts([exposure], replace(calibrations, template=template("VIS")))
    assert blind[3].error > 1.0
    assert shifts[3].method.startswith("template")
    assert shifts[3].error < 0.5
    assert abs(shifts[3].pixels - 2.5) < 3 * shifts[3].error


def test_exposures_help_each_other_as_far_as_they_are_near_in_time(rng):
    bench = small_bench((4,), along=(1000, 2200))
    smalls = [small_frame(bench, small_shot(exposure_s=60.0), rng) for _ in range(2)]
    errors = {}
    for minutes in (1.0, 600.0):
        pair = [reduced(s, {4: 1.0}, i * minutes) for i, s in enumerate(smalls)]
        shifts = flexure.observation_shifts([p[0] for p in pair], pair[0][1])
        errors[minutes] = shifts[0][4].error
        assert all(abs(s[4].pixels - 1.0) < 4 * s[4].error for s in shifts)
    (alone,) = flexure.observation_shifts([pair[0][0]], pair[0][1])
    assert errors[1.0] < 0.85 * alone[4].error
    assert errors[600.0] == pytest.approx(alone[4].error, rel=0.02)


def test_what_the_object_tells_moves_with_the_exposure():
    statement = Evidence("tie", {3: (2.0, 0.5), 2: (-1.0, 0.0)}, 1.0, 0.3)
    moved = flexure._moved(statement, {3: (0.1, 0.2), 2: (0.4, 0.0)})
    assert moved.value == pytest.approx(1.0 + 2.0 * 0.1 - 0.4)
    assert moved.error == pytest.approx(np.hypot(0.3, 0.4))


def test_added_exposures_are_the_mean_with_its_noise(rng):
    bench = small_bench((1,), along=(1800, 2400), dead=0)
    star = dict(name="R15", type="continuum", mag=15.0)
    smalls = [small_frame(bench, small_shot(target=star), rng, cosmic_rays=False) for _ in range(2)]
    pair = [reduced(s, {1: 0.0})[0] for s in smalls]
    still = [{1: (0.0, 0.0)}] * 2
    wave, one, one_variance = flexure._added(pair[:1], still[:1], 1, None)
    _, both, variance = flexure._added(pair, still, 1, None)
    middle = slice(30, -30)
    assert np.median(variance[middle] / one_variance[middle]) == pytest.approx(0.5, rel=0.05)
    true = np.interp(wave, *smalls[0].spectrum(1)[:2])
    pulls = ((both - true) / np.sqrt(variance))[middle]
    assert np.median(pulls) == pytest.approx(0.0, abs=1.0)  # the slit lets 1 % less through than its truth says
    assert np.std(np.diff(pulls)) / np.sqrt(2) == pytest.approx(1.0, abs=0.15)


def test_light_where_the_lamp_has_none_is_not_read(rng):
    small = small_frame(small_bench((1,), along=(1800, 2400)), small_shot(), rng)
    exposure, _ = reduced(small, {1: 0.0})
    lamp = np.ones(600)
    lamp[:200] = 1e-4
    flux, _ = flexure._object_spectrum(exposure, 1, SimpleNamespace(blaze={1: lamp}))
    columns = exposure.windows[1].cutout.columns
    assert np.isnan(flux[columns < 200]).all()
    assert np.isfinite(flux[columns > 250]).mean() > 0.9


def test_the_rotator_is_doubted_where_it_moves_an_order_farther_than_any_was_seen_to_move():
    rotator = Evidence("rotator", {2: (1.0, 0.0), 1: (1.357, 0.0)}, 12.0, 1.0)
    sky = Evidence("sky", {2: (1.0, 0.0)}, 12.0, 0.1)
    shift = {o: OrderShift(px, 1.0, 0.0, 0.0, "rotator") for o, px in ((1, -1.0), (2, 13.0))}
    doubtful, same = flexure.doubted([rotator, sky], shift, {"largest_px": 6.0})
    assert doubtful.error == pytest.approx(np.hypot(1.0, 7.0))  # its own error and the excess over 6 px
    assert same is sky
