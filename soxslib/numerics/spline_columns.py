"""Cubic B-splines on a uniform grid as columns, without the seconds that importing scipy.interpolate takes."""

import numpy as np

from soxslib import kernels
from soxslib.numerics.splines import TAPS, bspline_weights, nodes_of

_normal = kernels.function("columns_normal", "ddnnid")


def spline_taps(position, n_intervals):
    """(splines, values), each [position, tap], of n_intervals + 3 splines on unit intervals from 0; positions are clipped."""
    first, phase = nodes_of(np.clip(position, 0.0, n_intervals * (1 - 1e-12)))
    return (first + 1)[:, None] + np.arange(TAPS), np.stack(bspline_weights(phase), axis=1)


def spline_columns(position, n_intervals):
    """Matrix, positions x (n_intervals + 3) splines."""
    splines, values = spline_taps(position, n_intervals)
    out = np.zeros((len(values), n_intervals + 3))
    out[np.arange(len(values))[:, None], splines] = values
    return out


def normal_of(columns, weight):
    """columns.T @ (weight * columns), for columns [datum, column] in which each datum has but a few."""
    columns, weight = np.ascontiguousarray(columns, float), np.ascontiguousarray(weight, float)
    k = columns.shape[1]
    out = np.zeros((k, k))
    _normal(columns, weight, *columns.shape, np.empty(k, np.intp), out)
    return out
