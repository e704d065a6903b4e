"""Cubic B-splines on a uniform grid as sparse columns, without the seconds that importing scipy.interpolate takes."""

import numpy as np
from scipy import sparse

from soxslib.numerics.splines import TAPS, bspline_weights, nodes_of


def spline_columns(position, n_intervals):
    """Sparse matrix, positions x (n_intervals + 3) splines, on unit intervals from 0 to which positions are clipped."""
    first, phase = nodes_of(np.clip(position, 0.0, n_intervals * (1 - 1e-12)))
    columns = (first + 1)[:, None] + np.arange(TAPS)
    values = np.stack(bspline_weights(phase), axis=1)
    starts = TAPS * np.arange(len(phase) + 1)
    return sparse.csr_matrix((values.ravel(), columns.ravel(), starts), shape=(len(phase), n_intervals + 3))
