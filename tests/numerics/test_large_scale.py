"""The field put into simulated flats is the truth."""

import numpy as np
import pytest

from soxslib.numerics import large_scale

SCALE_PX = 150.0
COLUMNS = np.arange(2048.0)


def field(rng, rows, scatter):
    """A smooth random field of the detector's surface along curves of constant row: {row: log response}."""
    waves, phases = rng.normal(0, 1 / SCALE_PX, (200, 2)), rng.uniform(0, 2 * np.pi, 200)
    return {
        row: scatter * np.sqrt(2 / 200) * np.cos(waves[:, :1] * COLUMNS + waves[:, 1:] * row + phases[:, None]).sum(0)
        for row in rows
    }


def lamp(steep):
    """Light of a lamp through a blaze; with a dichroic's fall at the red end when steep."""
    phase = (COLUMNS - 1000.0) / 1400.0
    light = 1e5 * np.sinc(phase) ** 2 * np.exp(0.4 * phase)
    return light / (1 + np.exp((COLUMNS - 1850.0) / 30.0)) if steep else light


def found_field(light_of, scatter, seed=1, error=1e-3):
    """({row: true log response}, {row: Nodes}, what `response_field` finds)."""
    rng = np.random.default_rng(seed)
    truth = field(rng, (200.0, 260.0, 320.0, 380.0), scatter)
    nodes = {}
    for row, log_response in truth.items():
        light = light_of * np.exp(log_response) * (1 + rng.normal(0, error, COLUMNS.size))
        nodes[row] = large_scale.nodes_of(
            light, error * light, np.full(COLUMNS.size, row), along_px=COLUMNS, step_px=20.0, steepest=1.0
        )
    out = large_scale.response_field(
        nodes,
        lamp_scales_px=[600.0, 1000.0, 2000.0],
        scale_px=SCALE_PX,
        scatters=[0.0, 0.003, 0.01, 0.02, 0.04],
        model_error=0.002,
    )
    return truth, nodes, out


def found_and_true(light_of, scatter, seed=1):
    """{row: (log response found, true one)} at the nodes, each without what bends over more than the lamp's scale."""
    truth, nodes, out = found_field(light_of, scatter, seed)
    rest = lambda y, x: y - np.polynomial.Polynomial.fit(x, y, 8)(x)
    return {
        row: (rest(out[row][0], n.column), rest(np.interp(n.column, COLUMNS, truth[row]), n.column))
        for row, n in nodes.items()
    }


@pytest.mark.parametrize(("steep", "part"), [(False, 0.5), (True, 0.6)])  # a fall hides the field where it is
def test_most_of_the_field_is_told_from_the_lamp(steep, part):
    pairs = [pair for seed in range(1, 7) for pair in found_and_true(lamp(steep), 0.02, seed).values()]
    left = np.std(np.concatenate([found - true for found, true in pairs]))
    assert left < part * np.std(np.concatenate([true for _, true in pairs]))


def test_the_error_of_the_field_is_what_is_left_of_it():
    left, told = [], []
    for seed in range(1, 9):
        truth, nodes, out = found_field(lamp(False), 0.02, seed)
        for row, n in nodes.items():
            difference = out[row][0] - np.interp(n.column, COLUMNS, truth[row])
            left.append(np.var(difference))
            told.append(out[row][1] ** 2)
    assert np.sqrt(np.mean(told)) == pytest.approx(np.sqrt(np.mean(left)), rel=0.25)  # 32 curves of some ten waves


@pytest.mark.parametrize("steep", [False, True])
def test_a_detector_without_structure_is_left_alone(steep):
    for seed in range(1, 4):
        for found, _ in found_and_true(lamp(steep), 0.0, seed).values():
            assert np.std(found) < 5e-4  # a quarter of the light's accuracy that is assumed


def test_an_order_that_begins_abruptly_is_read_from_where_it_shines():
    light = np.where(COLUMNS < 400, 1e-2, lamp(False))
    nodes = large_scale.nodes_of(light, 1e-3 * light, COLUMNS * 0, along_px=COLUMNS, step_px=20.0, steepest=1.0)
    assert 400 <= nodes.column[0] < 430


def test_too_little_light_tells_nothing():
    error = np.full(COLUMNS.size, np.inf)
    error[:60] = 1.0
    assert large_scale.nodes_of(lamp(False), error, COLUMNS, along_px=COLUMNS, step_px=20.0, steepest=1.0) is None
