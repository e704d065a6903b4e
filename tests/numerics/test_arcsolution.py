"""Corrections of a reference solution: answers from the solution that placed the lines."""

from dataclasses import replace

import numpy as np
import pytest

from soxslib.datamodel import OrderSolution
from soxslib.numerics.arcsolution import (
    corrected,
    fit_correction,
    held_out_residual,
    position_variance,
    solution_of_table,
)
from soxslib.numerics.polynomials import falling_prior

DEGREES = (8, 2)
PRIOR = falling_prior(DEGREES, scale=30.0, decay=0.45, decay_second=0.2)
FIT = dict(degrees=DEGREES, prior=PRIOR, cut=5.0, floor_px=0.0, line_floor_px=0.01)
PINHOLES = np.linspace(-5.5, 5.5, 9)


def reference():
    along = np.array([[2000.0, 2.0], [2000.0, 0.2], [-50.0, 0.0], [10.0, 0.0]])
    across = np.array([[300.0, 20.0], [5.0, 0.1], [-8.0, 0.0]])
    return OrderSolution(2, (350.0, 440.0), (-5.5, 5.5), along, across)


def truth():
    """The reference moved by 20 px, stretched, tilted and rippled."""
    along = np.array(
        [[20.0, 0.5, 0.1], [1.5, 0.1, 0.0], [0.4, 0.0, 0.0], [-0.3, 0.0, 0.0], [0.1, 0, 0], [0.2, 0, 0], [0.03, 0, 0]]
    )
    return corrected(reference(), along, np.array([[-11.0, 0.2], [0.5, 0.0]]))


def lines_of(rng, n_lines=60, error=0.02, line_error=0.0):
    wavelength = np.repeat(np.sort(rng.uniform(352, 438, n_lines)), 9)
    slit = np.tile(PINHOLES, n_lines)
    line = np.repeat(np.arange(n_lines), 9)
    position = np.stack(truth().position(wavelength, slit), axis=1)
    position += error * rng.normal(size=position.shape) + line_error * rng.normal(size=(n_lines, 2))[line]
    return wavelength, slit, position, np.full(position.shape, error), line


def test_correction_recovers_a_moved_and_distorted_order(rng):
    w, s, position, error, line = lines_of(rng)
    c = fit_correction(reference(), w, s, position, error, line, **FIT)
    grid = np.meshgrid(np.linspace(353, 437, 50), [-5.0, 0.0, 5.0])
    missed = np.array(c.solution.position(*grid)) - np.array(truth().position(*grid))
    assert np.abs(missed).max() < 0.02  # px
    assert 0.8 < c.chi2 < 1.2


def test_quoted_error_is_the_true_one(rng):
    w = np.linspace(353, 437, 40)
    pulls = []
    for _ in range(60):
        data = lines_of(rng, 40, line_error=0.02)
        c = fit_correction(reference(), *data, **FIT)
        missed = c.solution.position(w, 0.0)[0] - truth().position(w, 0.0)[0]
        pulls.append(missed / np.sqrt(position_variance(c, w, np.zeros(40), DEGREES)))
    assert 0.8 < np.std(pulls) < 1.25  # some 8 free coefficients in each of 60 fits, and an estimated line scatter


def test_whole_lines_and_single_spots_that_are_off_lose_their_weight(rng):
    w, s, position, error, line = lines_of(rng)
    position[line == 7, 0] += 0.2
    position[line == 33, 0] -= 3.0
    position[100] += (0.0, 0.5)
    c = fit_correction(reference(), w, s, position, error, line, **FIT)
    assert not c.weights[(line == 7) | (line == 33)].any()
    assert c.weights[100] == 0
    assert (c.weights > 0).mean() > 0.94
    assert np.abs(c.solution.position(w, s)[0] - truth().position(w, s)[0]).max() < 0.03


def test_few_lines_leave_the_reference_shape(rng):
    """With two lines only the shift is known: far from them the order keeps its shape within the prior."""
    w, s, position, error, line = lines_of(rng)
    k = (line == 20) | (line == 40)
    c = fit_correction(reference(), w[k], s[k], position[k], error[k], line[k], **FIT)
    missed = np.array(c.solution.position(w, s)) - np.array(truth().position(w, s))
    assert np.abs(missed[:, k]).max() < 0.1
    assert np.abs(missed).max() < 20


def test_held_out_residuals_are_as_large_as_the_errors(rng):
    data = lines_of(rng, 80)
    c = fit_correction(reference(), *data, **FIT)
    out = held_out_residual(reference(), *data, c.weights, degrees=DEGREES, prior=PRIOR, folds=5)
    assert 0.9 < np.nanstd(out) / 0.02 < 1.2


@pytest.mark.parametrize("order_degree", [None, 1])
def test_a_published_table_becomes_a_solution(rng, order_degree):
    """Two orders of a grating: positions depend on order * wavelength and, weakly, on the order."""

    def place(order, w, s):
        t = order * w / 1000.0 - 10.0
        return 1000 + 900 * t - 30 * t**2 + 0.7 * s, 100 * order + 10 * t + 3 * s + 0.02 * s**2

    order = np.repeat([10, 11], 300)
    w = rng.uniform(9.0, 11.0, 600) * 1000 / order
    s = rng.uniform(-5.5, 5.5, 600)
    along, across = place(order, w, s)
    along[::50] += 30.0  # misprints
    limits = {10: (900.0, 1100.0), 11: (820.0, 1000.0)}
    solution = solution_of_table(
        "X", order, w, s, along, across, limits, degrees=(3, 2), order_degree=order_degree, cut=6.0
    )
    for o, (low, high) in limits.items():
        grid = np.meshgrid(np.linspace(low + 5, high - 5, 20), [-5.0, 5.0])
        np.testing.assert_allclose(solution[o].position(*grid), place(o, *grid), atol=1e-3)


def test_corrections_of_any_degree_can_be_added():
    low = replace(reference(), along=np.array([[1.0]]), across=np.array([[2.0]]))
    out = corrected(low, np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[5.0]]))
    np.testing.assert_array_equal(out.along, [[2, 2], [3, 4]])
    np.testing.assert_array_equal(out.across, [[7]])
