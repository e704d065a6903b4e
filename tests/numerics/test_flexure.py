"""Right answers: the linear model itself with drawn shifts; the published relations of the instrument."""

import numpy as np
import pytest

from soxslib.datamodel import OrderSolution
from soxslib.instruments import load_instrument
from soxslib.numerics.flexure import (
    Evidence,
    arm_shifts,
    evidence_of_rotator,
    evidence_of_tie,
)
from soxslib.numerics.lineshift import LineOffsets, Shift, shift_of_lines

MODEL = load_instrument("SOXS").yaml("flexure.yaml")
RATE = {1: 0.038, 2: -0.0224, 3: -0.0301, 4: 0.0463}  # nm per pixel of r, u, g, i
RANGE = {1: (524.5, 685.0), 2: (347.0, 442.0), 3: (423.5, 549.5), 4: (660.0, 853.0)}


def sky_shift(rng, true, slope=0.0, error=0.05, n=10, unit=None):
    unit = rng.uniform(-1, 1, n) if unit is None else unit
    lines = LineOffsets(unit, true + slope * unit + rng.normal(0, error, unit.size), np.full(unit.size, error))
    return shift_of_lines(lines, line_error_px=1e-3, slope_px=0.15)


def solution(order):
    """Linear in wavelength."""
    low, high = RANGE[order]
    along = np.array([[2000.0, 0.0], [0.5 * (high - low) / RATE[order], 0.0]])
    return OrderSolution(order, (low, high), (-6.0, 6.0), along, np.zeros((2, 2)))


def test_near_infrared_orders_without_lines_follow_the_others():
    rng = np.random.default_rng(1)
    orders = range(10, 25)
    true = {o: 1.2 + 0.02 * (o - 17) for o in orders}
    sky = {o: sky_shift(rng, true[o]) for o in orders if o not in (14, 24)}
    shifts = arm_shifts(orders, sky, MODEL["NIR"], doubt_sigma=4)
    for o in orders:
        assert abs(shifts[o].pixels - true[o]) < 0.05  # the aim
    assert shifts[14].method == "model"


def test_an_order_whose_arc_was_off_is_believed_when_its_lines_agree():
    rng = np.random.default_rng(2)
    orders = range(10, 25)
    sky = {o: sky_shift(rng, 3.0 if o in (10, 18) else 0.5, error=0.02) for o in orders}
    shifts = arm_shifts(orders, sky, MODEL["NIR"], doubt_sigma=4)
    assert abs(shifts[10].pixels - 3.0) < 0.05
    assert abs(shifts[18].pixels - 3.0) < 0.05
    assert abs(shifts[17].pixels - 0.5) < 0.05


def test_blue_orders_are_predicted_as_published():
    rng = np.random.default_rng(3)
    sky = {1: sky_shift(rng, 1.0, error=1e-3), 4: sky_shift(rng, 0.6, error=1e-3)}
    rotator = evidence_of_rotator(MODEL["VIS"], angle_deg=90.0, arc_angle_deg=None, hours=9.0)
    shifts = arm_shifts([1, 2, 3, 4], sky, MODEL["VIS"], evidence=rotator, doubt_sigma=4)
    # m (r + i) / 2 + c dcos + s dsin with m, c, s = (-2.714, -4.624, -5.170), (-3.489, -5.233, -5.935)
    assert shifts[2].pixels == pytest.approx(-2.714 * 0.8 + 4.624 - 5.170, abs=0.1)  # the prior of 6 px shrinks it
    assert shifts[3].pixels == pytest.approx(-3.489 * 0.8 + 5.233 - 5.935, abs=0.15)
    assert 0.8 < shifts[2].error < 1.1
    assert 1.0 < shifts[3].error < 1.3


def test_an_arc_near_in_angle_and_time_makes_the_prediction_better():
    far = evidence_of_rotator(MODEL["VIS"], angle_deg=50.0, arc_angle_deg=None, hours=9.0)
    near = evidence_of_rotator(MODEL["VIS"], angle_deg=50.0, arc_angle_deg=48.0, hours=0.1)
    unknown = evidence_of_rotator(MODEL["VIS"], angle_deg=None, arc_angle_deg=None, hours=9.0)
    for a, b, c in zip(near, far, unknown, strict=True):
        assert a.error < 0.6 * b.error < c.error
    assert abs(near[1].value) < 0.3


def test_ties_carry_the_shift_from_order_to_order_with_their_signs():
    true = {1: 0.7, 2: -3.1, 3: -2.2, 4: 0.5}
    rng = np.random.default_rng(4)
    solutions = {o: solution(o) for o in true}
    sky = {o: sky_shift(rng, true[o], error=1e-3) for o in (1, 4)}
    ties = []
    for red, blue, place in ((1, 3, 535.0), (3, 2, 434.0)):
        # a feature that moved by x px is given a wavelength x * rate too large
        difference = RATE[blue] * true[blue] - RATE[red] * true[red]
        ties.append(evidence_of_tie(red, blue, difference, 1e-4, wavelength_nm=place, solutions=solutions))
    shifts = arm_shifts(true, sky, MODEL["VIS"] | {"slope_px": 1e-3}, evidence=ties, doubt_sigma=4)
    for o in true:
        assert shifts[o].pixels == pytest.approx(true[o], abs=0.02)


def test_a_single_wrong_line_gives_way_to_what_the_other_orders_tell():
    rng = np.random.default_rng(5)
    sky = {4: sky_shift(rng, 0.5), 1: sky_shift(rng, 7.0, n=1)}  # 557.7 nm alone was seen 7 px off
    rotator = evidence_of_rotator(MODEL["VIS"], angle_deg=0.0, arc_angle_deg=None, hours=9.0)
    shifts = arm_shifts([1, 2, 3, 4], sky, MODEL["VIS"], evidence=rotator, doubt_sigma=4)
    assert abs(shifts[1].pixels - 0.55) < 3 * shifts[1].error < 1.5


def test_errors_of_all_orders_are_true():
    pulls = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        true = {4: rng.normal(0, 2)}
        true[1] = 1.104 * true[4] + rng.normal(0, 0.364)
        true[2] = -1.357 * (true[1] + true[4]) + rng.normal(0, 0.96)
        true[3] = -1.7445 * (true[1] + true[4]) + rng.normal(0, 1.14)
        slope = {o: rng.normal(0, 0.15) for o in true}
        sky = {o: sky_shift(rng, true[o], slope[o], error=0.2) for o in (1, 4)}
        evidence = evidence_of_rotator(MODEL["VIS"], angle_deg=0.0, arc_angle_deg=None, hours=100.0)
        evidence.append(Evidence("template", {3: (1.0, 0.0)}, true[3] + rng.normal(0, 0.3), 0.3))
        shifts = arm_shifts(true, sky, MODEL["VIS"] | {"order_px": 10.0}, evidence=evidence, doubt_sigma=9)
        where = rng.uniform(-1, 1)
        pulls.append(
            [(shifts[o].pixels + where * shifts[o].slope - true[o] - where * slope[o]) / shifts[o].error for o in true]
        )
    scatter = np.sqrt(np.mean(np.square(pulls), axis=0))
    assert np.all((scatter > 0.75) & (scatter < 1.25))  # 60 pulls: 1 +- 0.09


def test_a_common_unknown_of_the_object_is_found_with_the_orders():
    """Offset of the object in the slit moves all its features, the sky tells it from flexure."""
    sky = {o: Shift(0.3, 0.01, 9, lines=LineOffsets(np.zeros(9), np.full(9, 0.3), np.full(9, 0.03))) for o in (1, 4)}
    features = [Evidence("template", {o: (1.0, 0.0)}, 0.3 + 0.4, 0.01, centring=1.0) for o in (1, 2, 3)]
    shifts = arm_shifts([1, 2, 3, 4], sky, MODEL["VIS"], evidence=features, centring_px=1.0, doubt_sigma=4)
    assert shifts[2].pixels == pytest.approx(0.3, abs=0.02)


def test_the_shifted_solution_puts_a_line_where_the_shift_says():
    original = solution(3)
    rng = np.random.default_rng(6)
    shift = arm_shifts([3], {3: sky_shift(rng, 2.0, 0.1, error=1e-3)}, MODEL["VIS"], doubt_sigma=4)[3]
    for place, unit in ((423.5, -1.0), (486.5, 0.0), (549.5, 1.0)):
        moved = shift.applied_to(original).position(place, 0.0)[0] - original.position(place, 0.0)[0]
        assert moved == pytest.approx(2.0 + 0.1 * unit, abs=0.01)


def test_a_false_tie_is_left_out():
    """A join of orders taken for a feature, at the edge of the search, against a measured shift and the rotator."""
    rng = np.random.default_rng(8)
    sky = {1: sky_shift(rng, 0.2), 4: sky_shift(rng, 0.1)}
    solutions = {o: solution(o) for o in RANGE}
    rotator = evidence_of_rotator(MODEL["VIS"], angle_deg=0.0, arc_angle_deg=0.0, hours=1.0)
    template = Evidence("template", {3: (1.0, 0.0)}, 0.3, 0.2, 1.0)
    false = evidence_of_tie(1, 3, 0.45, 0.005, wavelength_nm=535.0, solutions=solutions)
    told = [*rotator, template]
    kwargs = dict(centring_px=0.07, doubt_sigma=4.0)
    shifts = arm_shifts(RANGE, sky, MODEL["VIS"], evidence=[*told, false], **kwargs)
    assert shifts == arm_shifts(RANGE, sky, MODEL["VIS"], evidence=told, **kwargs)
    assert "tie" not in shifts[3].method


def test_sky_lines_after_the_shift_tell_its_zero_point_and_their_scatter():
    rng = np.random.default_rng(8)
    sky = {o: sky_shift(rng, 0.5, slope=0.1, error=0.05, n=200) for o in (1, 4)}
    shifts = arm_shifts([1, 2, 3, 4], sky, MODEL["VIS"], doubt_sigma=4)
    assert abs(shifts[4].zero_point) < 5 * 0.05 / np.sqrt(200)
    assert shifts[4].scatter == pytest.approx(0.05, abs=5 * 0.05 / np.sqrt(2 * 200))
    assert np.isnan(shifts[2].zero_point) and shifts[2].n_lines == 0
    faint = {1: sky[1], 4: sky_shift(rng, 0.5, error=0.3, n=5)}
    assert np.isnan(arm_shifts([1, 2, 3, 4], faint, MODEL["VIS"], doubt_sigma=4)[4].zero_point)
