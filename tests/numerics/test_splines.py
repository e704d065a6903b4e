"""The right answers come from scipy's splines and dense least squares."""

import numpy as np
import pytest
from scipy.interpolate import BSpline

from soxslib.numerics import splines


def test_bspline_weights_are_scipys(rng):
    phase = rng.uniform(0, 1, 50)
    cubic = BSpline.basis_element(np.arange(-2, 3))
    for offset, weights in zip((-1, 0, 1, 2), splines.bspline_weights(phase), strict=True):
        assert weights == pytest.approx(cubic(phase - offset), abs=1e-12)


def test_cubic_convolution_is_exact_for_parabolas(rng):
    position = rng.uniform(3, 16, 100)
    samples = 2.0 - 0.3 * np.arange(20.0) + 0.05 * np.arange(20.0) ** 2
    first, phase = splines.nodes_of(position)
    assert splines.evaluate(samples, first, splines.convolution_weights(phase)) == pytest.approx(
        2.0 - 0.3 * position + 0.05 * position**2, abs=1e-12
    )


def dense(first, components, n_nodes):
    k = len(components)
    design = np.zeros((first.size, n_nodes * k))
    for c, taps in enumerate(components):
        for q, values in enumerate(taps):
            design[np.arange(first.size), (first + q) * k + c] = values
    return design


@pytest.mark.parametrize("k", [1, 2, 3])
def test_normal_equations_are_the_dense_ones(rng, k):
    n, n_nodes = 200, 15
    first = rng.integers(0, n_nodes - 3, n)
    components = [[rng.normal(size=n) for _ in range(4)] for _ in range(k)]
    weight, data = rng.uniform(0, 1, n), rng.normal(size=n)
    weight[:20] = 0
    design = dense(first, components, n_nodes)
    data[:20] = np.nan  # never read
    bands, vector = splines.normal_equations(first, components, weight, data, n_nodes)
    normal = design.T @ (weight[:, None] * design)
    for d in range(4 * k):
        assert bands[4 * k - 1 - d, d:] == pytest.approx(np.diagonal(normal, d), abs=1e-10)
    right = design[20:].T @ (weight * data)[20:]
    assert vector == pytest.approx(right, abs=1e-10)
    assert splines.solve(bands, vector, ridge=1e-12) == pytest.approx(
        np.linalg.solve(normal, right), rel=1e-5, abs=1e-6
    )


def test_nodes_without_data_stay_at_zero():
    bands, vector = splines.normal_equations(
        np.full(5, 2), [[np.full(5, w) for w in (0.1, 0.4, 0.4, 0.1)]], np.ones(5), np.ones(5), 20
    )
    solution = splines.solve(bands, vector, ridge=1e-9)
    assert np.all(np.isfinite(solution))
    assert solution[10:] == pytest.approx(0, abs=1e-12)


def test_second_differences_are_the_quadratic_form(rng):
    strength, values = rng.uniform(0, 2, 12), rng.normal(size=12)
    bands = splines.second_differences(strength, 2, 1)
    coefficients = np.zeros(24)
    coefficients[1::2] = values
    total = bands[-1] @ coefficients**2
    for d in range(1, 8):
        total += 2 * np.sum(bands[-1 - d, d:] * coefficients[d:] * coefficients[:-d])
    assert total == pytest.approx(np.sum(strength[1:-1] * np.diff(values, 2) ** 2))
