"""Local cubic bases on a unit grid and the banded least squares they lead to."""

import numpy as np

from soxslib.numerics.lapack import solve_banded

TAPS = 4  # a cubic basis on a unit grid touches four nodes


def nodes_of(position):
    """(first of the four nodes, phase in [0, 1)) of positions on a unit grid; the nodes are first, first+1, ..."""
    first = np.floor(position).astype(np.intp)
    return first - 1, position - first


def bspline_weights(phase):
    """Weights of the four cubic B-splines that overlap a position, in the order of the nodes."""
    a, b = phase, 1.0 - phase
    a2, b2 = a * a, b * b
    return b2 * b / 6, a2 * (0.5 * a - 1.0) + 2 / 3, b2 * (0.5 * b - 1.0) + 2 / 3, a2 * a / 6


def convolution_weights(phase):
    """Weights of four samples that interpolate at a position: cubic convolution, exact for parabolas (Keys 1981, eq. 15).

    Unlike B-splines the coefficients are the samples themselves, so a phase of 0 reads one sample alone.
    """
    a, b = phase, 1.0 - phase
    outer = lambda x, y: -0.5 * x * y * y
    inner = lambda x: 1.0 + x * x * (1.5 * x - 2.5)
    return outer(a, b), inner(a), inner(b), outer(b, a)


def normal_equations(first, components, weight, data, n_nodes):
    """(matrix, vector) of the weighted least squares problem data ~ sum over components of their four taps.

    first: node of the first tap of each datum (already counted from 0); components: list of four-tuples of weights, the
    coefficients of K components interleaved node by node. weight: inverse variances, 0 where a datum is not to be read.
    Returns the upper bands (4K, n_nodes*K) in the layout of LAPACK's pbsv, and the right-hand side.
    """
    k = len(components)
    size = n_nodes * k
    bands = np.zeros((TAPS * k, size))
    vector = np.zeros(size)
    first = np.ravel(first)
    taps = [(q * k + c, np.ravel(components[c][q])) for q in range(TAPS) for c in range(k)]
    weight = np.ravel(weight)
    # what has no weight is not read: it may be anything, NaN included
    data = np.where(weight != 0, np.ravel(data), 0.0)
    for i, (offset_i, values_i) in enumerate(taps):
        weighted = weight * values_i
        _add(vector, offset_i, k, np.bincount(first, weighted * data, n_nodes))
        for offset_j, values_j in taps[i:]:
            row = bands[TAPS * k - 1 - (offset_j - offset_i)]
            _add(row, offset_j, k, np.bincount(first, weighted * values_j, n_nodes))
    return bands, vector


def _add(target, offset, k, sums):
    """Adds the sums of node i to element i * k + offset."""
    part = target[offset::k]
    n = min(part.size, sums.size)
    part[:n] += sums[:n]


def solve(bands, vector, *, ridge):
    """The coefficients; `ridge` (a fraction of the largest diagonal element) keeps nodes without data at zero."""
    bands = bands.copy()
    bands[-1] += ridge * max(bands[-1].max(), 1e-300)
    return solve_banded(bands, vector)


def evaluate(coefficients, first, weights):
    """Sum of the four taps: the fitted function at the positions."""
    out = coefficients.take(first) * weights[0]
    for q in range(1, TAPS):
        out += coefficients[q:].take(first) * weights[q]
    return out


def second_differences(strength, k, component):
    """Upper bands of sum_i strength[i] (c[i-1] - 2 c[i] + c[i+1])^2 on one of k interleaved components."""
    n = strength.size
    bands = np.zeros((TAPS * k, n * k))
    kernel = (1.0, -2.0, 1.0)
    inner = strength[1:-1]
    for a in range(3):
        for b in range(a, 3):
            row = bands[TAPS * k - 1 - (b - a) * k]
            row[component + b * k :: k][: inner.size] += inner * kernel[a] * kernel[b]
    return bands


def last_of_two(bands, vector):
    """(bands, vector) of a problem of two components for the last one alone, the other held at zero."""
    return np.ascontiguousarray(bands[1::2, 1::2]), vector[1::2].copy()


def embedded(bands, vector, k, first):
    """(bands, vector) of a problem of fewer components as part of one of k: its own become number `first` and those behind."""
    own = bands.shape[0] // TAPS
    n = vector.size // own
    out, right = np.zeros((TAPS * k, n * k)), np.zeros(n * k)
    for c in range(own):
        right[first + c :: k] = vector[c::own]
        for d in range(own):
            for q in range(TAPS):
                if q or d >= c:
                    out[TAPS * k - 1 - q * k - d + c, first + d :: k] = bands[TAPS * own - 1 - q * own - d + c, d::own]
    return out, right
