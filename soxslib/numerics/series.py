"""Least squares for series of local cubics, from sums of powers of the phase over the data of each node.

The four weights of a datum are cubic polynomials of its phase, so that all products of weights are polynomials of degree
six: seven sums for each pair of components serve all their taps. The same equations as `splines.normal_equations` makes
of the weights themselves, many times faster; that is its test.
"""

import numpy as np

from soxslib import kernels
from soxslib.numerics.splines import TAPS

_evaluate = kernels.function("series_evaluate", "dnniddnndn")
_equations = kernels.function("series_equations", "idpddnndnnndddd")

# weights [tap, power of the phase]: cubic B-splines, and cubic convolution (see splines.py)
BSPLINE = np.array([[1, -3, 3, -1], [4, 0, -6, 3], [1, 3, 3, -3], [0, 0, 0, 1]]) / 6.0
CONVOLUTION = np.array([[0, -1, 2, -1], [2, 0, -5, 3], [0, 1, 4, -3], [0, 0, -1, 1]]) / 2.0


def _half_way():
    """Weights [half of the phase, tap, power] of cubic B-splines with knots every half node that stand half-way between
    the nodes: together with BSPLINE they span all such splines."""
    pieces = BSPLINE[[3, 2, 1, 0]]  # of one spline, from its beginning to its end, as powers of its own phase
    lower = np.zeros((TAPS, TAPS)), np.zeros((TAPS, TAPS))
    lower[0][0], lower[0][1], lower[1][1], lower[1][2] = pieces[3], pieces[1], pieces[2], pieces[0]
    to_phase = [
        np.array([np.polynomial.polynomial.polypow([start, 2.0], m).tolist() + [0] * (3 - m) for m in range(TAPS)])
        for start in (0.0, -1.0)
    ]
    return np.array([weights @ powers for weights, powers in zip(lower, to_phase, strict=True)])


HALF_WAY = _half_way()


def equations(first, phase, kinds, factors, weight, values, n_nodes):
    """(bands, vector) of the weighted least squares problem values ~ sum over components of factor * series.

    first, phase: where each datum stands, images of one shape, as are weight (0: not read, whatever the rest) and values;
    kinds: BSPLINE, CONVOLUTION or HALF_WAY of each component; factors: an image of each; layout as in `splines`.
    """
    k, (rows, columns) = len(kinds), np.atleast_2d(weight).shape
    halves = 2 if any(kind.ndim == 3 for kind in kinds) else 1
    weights = np.array([np.broadcast_to(kind, (halves, TAPS, TAPS)) for kind in kinds])
    pairs = k * (k + 1) // 2
    products, sums = (
        np.zeros((pairs, halves, 2 * TAPS, TAPS**2)),
        np.zeros((n_nodes, halves, 1 + 2 * TAPS * (k + pairs))),
    )
    bands, vector = np.zeros((TAPS * k, n_nodes * k)), np.zeros(n_nodes * k)
    images = [np.ascontiguousarray(f, float) for f in factors]
    weight, values = (np.ascontiguousarray(a, float) for a in (weight, values))
    at = kernels.addresses(images, weight.shape)
    _equations(
        first, phase, at, weight, values, rows, columns, weights, k, halves, n_nodes, products, sums, bands, vector
    )
    return bands, vector


def evaluate(coefficients, kind, first, phase, factor=1.0, out=None):
    """The series at positions given by first node and phase, times a factor; added to `out` where that is given."""
    halves = kind if kind.ndim == 3 else kind[None]
    padded = np.append(coefficients, np.zeros(TAPS - 1))
    taps = np.lib.stride_tricks.sliding_window_view(padded, TAPS)
    cubic = np.ascontiguousarray(taps @ halves)  # [half of the phase, node, power]
    add, scale = out is not None, np.ndim(factor) > 0
    if not add:
        out = np.empty(np.shape(first))
    factor = np.ascontiguousarray(factor) if scale else phase
    _evaluate(cubic, len(halves), coefficients.size, first, phase, factor, scale, add, out, out.size)
    return out
