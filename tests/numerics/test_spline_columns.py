"""Right answers: scipy's own B-splines; a cubic is reproduced by any cubic spline space."""

import numpy as np
import pytest
from scipy.interpolate import BSpline

from soxslib.numerics.spline_columns import normal_of, spline_columns


def test_they_are_the_splines_of_scipy():
    position = np.linspace(0, 7, 101)
    expected = BSpline.design_matrix(position, np.arange(-3, 11, dtype=float), 3).toarray()
    np.testing.assert_allclose(spline_columns(position, 7), expected, atol=1e-9)


def test_a_cubic_is_drawn_exactly():
    position = np.linspace(0, 5, 60)
    columns, cubic = spline_columns(position, 5), 1 + position - 0.3 * position**3
    coefficients = np.linalg.lstsq(columns, cubic, rcond=None)[0]
    np.testing.assert_allclose(columns @ coefficients, cubic, atol=1e-9)


def test_normal_equations_are_those_of_dense_algebra(rng):
    columns = np.where(rng.random((90, 14)) < 0.2, rng.standard_normal((90, 14)), 0.0)
    weight = rng.uniform(0, 2, 90)
    assert normal_of(columns, weight) == pytest.approx(columns.T @ (weight[:, None] * columns), abs=1e-13)
