"""Least squares for series of local cubics, from sums of powers of the phase over the data of each node.

The four weights of a datum are cubic polynomials of its phase, so that all products of weights are polynomials of degree
six: seven sums for each pair of components serve all their taps, and data sorted by node are summed in one pass. The same
equations as `splines.normal_equations` makes of the weights themselves, five times faster; that is its test.
"""

from dataclasses import dataclass

import numpy as np

from soxslib import kernels
from soxslib.numerics.splines import TAPS

_evaluate = kernels.function("series_evaluate", "dnniddnndn")

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


@dataclass(frozen=True)
class Data:
    """Data sorted by the first of the nodes they touch.

    at: their places in a flat image; first, phase: of each; nodes, starts: where the data of each node that has any begin.
    """

    at: np.ndarray
    first: np.ndarray
    phase: np.ndarray
    nodes: np.ndarray
    starts: np.ndarray
    n_nodes: int

    def take(self, image):
        """The data's values from an image."""
        return np.broadcast_to(image, image.shape).ravel()[self.at]

    def some(self, which):
        """The Data of which a mask or sorted numbers tell."""
        return _data(self.at[which], self.first[which], self.phase[which], self.n_nodes)

    def sums(self, values):
        """Sums over the data by their first node."""
        out = np.zeros(self.n_nodes)
        if self.nodes.size:
            out[self.nodes] = np.add.reduceat(values, self.starts)
        return out

    def moments(self, values, count):
        """Sums of values times the powers 0 ... count - 1 of the phase, by first node: [power, node]."""
        out, values = np.empty((count, self.n_nodes)), values.copy()
        for power in range(count):
            out[power] = self.sums(values)
            if power + 1 < count:
                values *= self.phase
        return out


def sorted_data(first, phase, usable, n_nodes):
    """The Data of the usable pixels of images [row, column] of first nodes and phases."""
    at = np.flatnonzero(usable)
    node = first.ravel()[at]
    at = at[np.argsort(node.astype(np.uint16) if n_nodes < 2**16 else node, kind="stable")]  # short keys sort fastest
    return _data(at, first.ravel()[at], phase.ravel()[at], n_nodes)


def _data(at, first, phase, n_nodes):
    starts = np.flatnonzero(np.diff(first, prepend=-1))
    return Data(at, first, phase, first[starts], starts, n_nodes)


def equations(data, kinds, factors, weight, values):
    """(bands, vector) of the weighted least squares problem values ~ sum over components of factor * series.

    kinds: BSPLINE, CONVOLUTION or HALF_WAY of each component; factors: arrays like the data's; layout as in `splines`.
    """
    k, n = len(kinds), data.n_nodes
    bands, vector = np.zeros((TAPS * k, n * k)), np.zeros(n * k)
    for c in range(k):
        weighted = weight * factors[c]
        for (kind,), part in _pieces([kinds[c]], weighted * values, data.phase):
            taps = kind @ data.moments(part, TAPS)
            for q in range(TAPS):
                _add(vector, q * k + c, k, taps[q])
        for d in range(c, k):
            for pair, part in _pieces([kinds[c], kinds[d]], weighted * factors[d], data.phase):
                _add_products(bands, pair, data.moments(part, 2 * TAPS - 1), c, d, k)
    return bands, vector


def _pieces(kinds, values, phase):
    """[(weights of each kind, values)] for the stretches of the phase over which the kinds are polynomials."""
    if all(kind.ndim == 2 for kind in kinds):
        return [(kinds, values)]
    upper = phase >= 0.5
    piece = lambda kind, half: kind if kind.ndim == 2 else kind[half]
    return [([piece(kind, half) for kind in kinds], np.where(upper == half, values, 0.0)) for half in (0, 1)]


def _add_products(bands, pair, moments, c, d, k):
    """Adds the products of the weights of components c and d."""
    for q in range(TAPS):
        for r in range(TAPS):
            i, j = q * k + c, r * k + d
            if i <= j or c != d:
                i, j = min(i, j), max(i, j)
                _add(bands[TAPS * k - 1 - (j - i)], j, k, np.convolve(pair[0][q], pair[1][r]) @ moments)


def _add(target, offset, k, sums):
    """Adds the sums of node i to element i * k + offset."""
    part = target[offset::k]
    n = min(part.size, sums.size)
    part[:n] += sums[:n]


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
