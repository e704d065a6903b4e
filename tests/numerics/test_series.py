"""Sums of powers against the equations made of the weights themselves, which are tested against dense algebra."""

import numpy as np
import pytest

from soxslib.numerics import series, splines

N_NODES = 40
WEIGHTS = {
    "bspline": (series.BSPLINE, splines.bspline_weights),
    "convolution": (series.CONVOLUTION, splines.convolution_weights),
}


@pytest.mark.parametrize("kind", WEIGHTS)
def test_weights_are_polynomials_of_the_phase(rng, kind):
    matrix, weights = WEIGHTS[kind]
    phase = rng.uniform(0, 1, 100)
    assert matrix @ phase ** np.arange(4)[:, None] == pytest.approx(np.array(weights(phase)), abs=1e-14)


@pytest.mark.parametrize(
    "kinds", [["convolution"], ["convolution", "bspline"], ["convolution", "convolution", "bspline"]]
)
def test_equations_are_those_of_the_weights(rng, kinds):
    shape = (12, 30)
    first, phase = splines.nodes_of(rng.uniform(1, N_NODES - 3, shape))
    usable = rng.random(shape) < 0.8
    values, weight = rng.standard_normal(shape), rng.uniform(0.1, 1, shape)
    factors = [rng.uniform(0, 1, shape) for _ in kinds]
    values[~usable] = np.nan  # never read
    found = series.equations(
        first, phase, [WEIGHTS[k][0] for k in kinds], factors, np.where(usable, weight, 0.0), values, N_NODES
    )
    taps = [[w * f for w in WEIGHTS[k][1](phase)] for k, f in zip(kinds, factors, strict=True)]
    expected = splines.normal_equations(first, taps, np.where(usable, weight, 0.0), values, N_NODES)
    for a, b in zip(found, expected, strict=True):
        assert a == pytest.approx(b, abs=1e-12)


def test_no_data_make_empty_equations():
    nothing, unread = np.zeros((2, 3)), np.full((2, 3), np.nan)
    first = np.zeros((2, 3), int)
    bands, vector = series.equations(first, nothing, [series.BSPLINE], [unread], nothing, unread, N_NODES)
    assert not bands.any() and not vector.any()


@pytest.mark.parametrize("kind", WEIGHTS)
def test_series_are_evaluated_as_the_taps_add_up(rng, kind):
    matrix, weights = WEIGHTS[kind]
    first, phase = splines.nodes_of(rng.uniform(1, N_NODES - 3, (5, 20)))
    coefficients = rng.standard_normal(N_NODES)
    expected = splines.evaluate(coefficients, first, weights(phase))
    assert series.evaluate(coefficients, matrix, first, phase) == pytest.approx(expected, abs=1e-13)


def test_half_way_splines_complete_those_of_half_the_step(rng):
    """By the two-scale relation a cubic B-spline of step 1 is a sum of those of step 1/2, weights 1, 4, 6, 4, 1 over 8."""
    first, phase = splines.nodes_of(rng.uniform(3, N_NODES - 5, 300))
    half_first, half_phase = splines.nodes_of(2 * (first + 1 + phase))
    fine = lambda index: series.evaluate(
        np.eye(2 * N_NODES + 8)[index], series.BSPLINE, half_first + 2, half_phase
    )  # the spline of step 1/2 that stands at index - 2 half nodes
    for node in (5, 12):
        unit = np.eye(N_NODES)[node]
        own = series.evaluate(unit, series.HALF_WAY, first, phase)
        assert own == pytest.approx(fine(2 * node + 1 + 2), abs=1e-13)
        whole = series.evaluate(unit, series.BSPLINE, first, phase)
        parts = sum(w * fine(2 * node + i + 2) for i, w in zip(range(-2, 3), (1, 4, 6, 4, 1), strict=True)) / 8
        assert whole == pytest.approx(parts, abs=1e-13)


def test_equations_with_half_way_splines_are_those_of_their_values(rng):
    first, phase = splines.nodes_of(rng.uniform(1, N_NODES - 3, 400))
    values, weight = rng.standard_normal(400), rng.uniform(0.1, 1, 400)
    kinds = [series.CONVOLUTION, series.HALF_WAY, series.BSPLINE]
    factors = [rng.uniform(0, 1, 400) for _ in kinds]
    bands, vector = series.equations(first, phase, kinds, factors, weight, values, N_NODES)
    design = np.zeros((400, N_NODES * 3))
    for c, kind in enumerate(kinds):
        for node in range(N_NODES):
            design[:, node * 3 + c] = series.evaluate(np.eye(N_NODES)[node], kind, first, phase) * factors[c]
    normal = design.T @ (weight[:, None] * design)
    assert vector == pytest.approx(design.T @ (weight * values), abs=1e-11)
    for offset in range(bands.shape[0]):
        assert bands[-1 - offset, offset:] == pytest.approx(np.diagonal(normal, offset), abs=1e-11)
