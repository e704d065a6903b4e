"""Spatial solution: answers from the geometry that made the arcs."""

from dataclasses import replace

import arc_frames as made
import numpy as np
import pytest

from soxslib.errors import ReductionError
from soxslib.instruments import load_instrument
from soxslib.qc.limits import limits_table
from soxslib.qc.spatial_solution import measure
from soxslib.qc.verdicts import FAIL, judge
from soxslib.recipes.arcs import _common_motion
from soxslib.recipes.spatial_solution import spatial_solution

STEP = "spatial_solution"


def solve(raw, first=None, **user):
    return spatial_solution(
        raw, None, (), first, made.tables(raw.exposure.arm), made.settings(STEP, raw.exposure.arm, **user)
    )


@pytest.fixture(scope="module")
def moved():
    """(true solution, result) of an arc 31 px off along and 17 px across, u order without its last pinhole."""
    true = made.true_solution(along_px=31.0, across_px=-17.0)
    slit = made.slit_positions()
    raw = made.arc_frame(true, slit, np.random.default_rng(1), vignetted={2: slit[-1:]})
    return true, solve(raw), raw


def test_map_is_right_over_the_whole_slit_in_every_order(moved):
    true, result, _ = moved
    for order, (along, slit) in made.map_error(result.solution, true).items():
        assert np.median(along) < 0.02, order  # px
        assert np.percentile(along, 95) < 0.06, order
        assert np.median(slit) < 0.03, order  # arcsec
        assert np.percentile(slit, 95) < 0.08, order


def test_an_arc_without_half_of_its_lines_fails_its_checks(moved):
    """Each order of the whole arc has lines all along; of half of the frame, half of the order's wavelengths are guessed."""
    _, whole, raw = moved
    gaps = lambda result: [m.value for m in measure(result) if m.name == "LINES GAP"]
    assert len(gaps(whole)) == 1 + len(list(whole.solution)) and max(gaps(whole)) < 0.3
    adu, middle = raw.adu.copy(), raw.adu.shape[1] // 2
    adu[:, :middle] = np.median(adu)
    half = solve(replace(raw, adu=adu))
    assert min(gaps(half)) > 0.4
    limits = limits_table(load_instrument("SOXS"))
    sidecar = {"step": STEP, "arm": raw.exposure.arm, "metrics": [m.as_dict() for m in measure(half)]}
    verdict = judge(sidecar, limits)
    assert verdict.state == FAIL and any(reason.startswith("LINES GAP is") for reason in verdict.reasons)


def test_images_are_the_solution_at_the_pixels(moved):
    _, result, _ = moved
    rows, columns = np.nonzero(result.order == 3)
    along, across = result.solution[3].position(result.wavelength_nm[rows, columns], result.slit_arcsec[rows, columns])
    assert np.abs(along - columns).max() < 0.005  # px, float32 of 500 nm
    assert np.abs(across - rows).max() < 0.005
    assert np.abs(result.slit_arcsec[rows, columns]).max() > 6.2


def test_unblended_lines_are_kept_with_true_errors(moved):
    true, result, _ = moved
    m = result.lines.where(result.lines.weight > 0.2)
    for o in true:
        k = m.order == o
        pull = (m.position[k] - np.stack(true[o].position(m.wavelength_nm[k], m.slit_arcsec[k]), axis=1)) / m.error[k]
        scatter = 1.4826 * np.median(np.abs(pull), axis=0)
        assert (scatter > 0.6).all(), o  # neighbours' light that is not described is counted as error
        assert (scatter < 1.25).all(), o
    metrics = {(q.name, q.order): q.value for q in measure(result)}
    assert all(metrics["LINES FRACTION", o] > 0.9 for o in true)
    assert metrics["PINHOLES", 2] == 8
    assert metrics["PINHOLES", 3] == 9
    assert abs(metrics["SHIFT ALONG", 3] - 31) < 3
    assert abs(metrics["SHIFT ACROSS", 3] + 17) < 3


def test_widths_are_those_of_the_spots(moved):
    _, result, _ = moved
    fwhm = 2.3548 * np.hypot(made.WIDTH[0], 12**-0.5)
    assert abs(np.median(result.lsf["fwhm_px"]) / fwhm - 1) < 0.03
    np.testing.assert_allclose(result.lsf["resolution"] * result.lsf["fwhm_nm"], result.lsf["wavelength"])


def test_a_pattern_one_pinhole_off_is_put_right():
    """The first solution, of a single pinhole, lies one spacing (5 px) off; two orders lack an end pinhole."""
    slit = made.slit_positions()
    true = made.true_solution(across_px=5.0)
    raw = made.arc_frame(true, slit, np.random.default_rng(2), vignetted={2: slit[-1:], 1: slit[:1]})
    result = solve(raw, first=made.true_solution())
    for order, (along, across) in made.map_error(result.solution, true).items():
        assert np.median(along) < 0.02, order
        assert np.percentile(across, 95) < 0.08, order


@pytest.mark.parametrize(("binning", "limit"), [((2, 1), 0.06), ((2, 2), 0.08)])
def test_binned_frames_give_unbinned_positions(binning, limit):
    true = made.true_solution(along_px=-6.0, across_px=4.0)
    result = solve(made.arc_frame(true, made.slit_positions(), np.random.default_rng(3), binning))
    assert result.order.shape == (808 // binning[0], 4096 // binning[1])
    for order, (along, slit) in made.map_error(result.solution, true).items():
        assert np.median(along) < 0.02, order
        assert np.percentile(along, 95) < limit, order
        assert np.percentile(slit, 95) < 0.08, order


def test_all_orders_of_an_echelle_are_found():
    true = made.true_solution("NIR", along_px=-12.0, across_px=8.0)
    result = solve(made.arc_frame(true, made.slit_positions("NIR"), np.random.default_rng(4)))
    errors = made.map_error(result.solution, true)
    assert sorted(errors) == list(range(10, 25))
    for order, (along, slit) in errors.items():
        assert np.median(along) < 0.02, order
        assert np.percentile(slit, 95) < 0.08, order


def test_saturated_lines_are_left_out():
    true = made.true_solution()
    result = solve(made.arc_frame(true, made.slit_positions(), np.random.default_rng(5), light=20.0))
    assert result.lines.saturated.any()
    assert not (result.lines.weight[result.lines.saturated] > 0).any()
    for order, (along, _) in made.map_error(result.solution, true).items():
        assert np.median(along) < 0.02, order


def test_a_blank_arc_is_one_clear_line(moved):
    raw = made.without_lamp(moved[2], np.random.default_rng(7))
    with pytest.raises(
        ReductionError, match="^ARC.fits: holds no pinhole spots.*slit wheel at BLANK.*exclude the frame$"
    ) as e:
        solve(raw)
    assert "\n" not in str(e.value)


def test_an_arc_of_another_lamp_is_one_clear_line(moved):
    raw = moved[2]
    flipped = type(raw)(raw.adu[:, ::-1], raw.exposure, raw.prescan, raw.overscan)
    with pytest.raises(ReductionError, match="holds no pinhole spots of its lamp: found .* pattern in 0 of 4 orders"):
        solve(flipped)


def test_orders_that_show_the_slit_upside_down_move_the_other_way():
    """Two orders moved by one spacing along the slit (-3 px, +5 px) and by 1 px on the detector."""
    step = np.array([-3.0, 5.0])
    assert np.isclose(_common_motion(1.0 + step, step, np.array([-4.0]))[0], -3.0, atol=0.3)
    same = _common_motion(np.array([7.0, 7.0]), step, np.array([-4.0, 4.0]))
    np.testing.assert_allclose(same, 7.0, atol=0.3)
