"""Ratio of the throughput of neighbouring orders, from what both of them saw of the same light."""

import numpy as np
from numpy.polynomial import chebyshev

CHUNKS = 40  # of an overlap: enough for a curve, few enough that each is far from zero
DEGREE = 7
_PRIOR_SIGMA = (0.1, 3.0)  # of the log ratio: known from the sky, and not known at all


def relative_throughput(binned):
    """Natural log of the orders' throughput, (orders, bins), each relative to its neighbour at shorter wavelengths."""
    log_throughput = np.zeros_like(binned.flux)
    for i in range(1, len(log_throughput)):
        both = np.flatnonzero((binned.rank[i] == 0) & (binned.rank[i - 1] == 0))
        if both.size < 2 * CHUNKS:
            continue
        inside = np.arange(both[0], both[-1] + 1)
        curve = overlap_ratio(binned, i - 1, i, both, inside)
        log_throughput[i] = np.interp(np.arange(binned.grid.size), inside, log_throughput[i - 1, inside] + curve)
    return log_throughput


def overlap_ratio(binned, first, second, both, at):
    """Log of (second over first order), smooth, at bins `at`, fitted to the bins where both orders are good."""
    unit = lambda i: 2.0 * (i - at[0]) / max(at[-1] - at[0], 1) - 1.0
    chunk = np.arange(both.size) * CHUNKS // both.size
    pick = lambda values: (values[first][both], values[second][both])
    prior, sigma = _prior(*pick(binned.sky), chunk)
    coefficients = fit_log_ratio(unit(both), chunk, *pick(binned.flux), *pick(binned.smooth_variance), prior, sigma)
    return chebyshev.chebval(unit(at), coefficients)


def _prior(a, b, chunk):
    """(log ratio, its sigma) that the sky tells before the object is looked at: faint objects have a bright sky."""
    a, b = (np.bincount(chunk, y, minlength=CHUNKS) for y in (a, b))
    if np.all(a > 0) and np.all(b > 0):
        return np.log(b / a), _PRIOR_SIGMA[0]
    return np.zeros(CHUNKS), _PRIOR_SIGMA[1]


def fit_log_ratio(x, chunk, a, b, va, vb, prior, prior_sigma):
    """Chebyshev coefficients of log(b / a), drawn to the prior where there is no light.

    Gauss-Newton with the errors of both. Sums over chunks of b - ratio * a are linear in the noisy counts, so that
    faint light does not bias the ratio.
    """
    add = lambda y: np.bincount(chunk, y, minlength=CHUNKS)
    basis = chebyshev.chebvander(x, DEGREE)
    design = np.array([add(t) for t in basis.T]).T / add(np.ones(x.size))[:, None]
    pull = 1.0 / (prior_sigma**2 * CHUNKS)
    coefficients = np.linalg.lstsq(design, prior, rcond=None)[0]
    for _ in range(20):
        ratio = np.exp(np.clip(basis @ coefficients, -20.0, 20.0))
        variance = add(vb + ratio**2 * va)
        # what the second order should hold, from both: no ratio runs away, however faint one of them is
        common = add(ratio * (a / va + ratio * b / vb) / (1 / va + ratio**2 / vb))
        slope = np.maximum(common, 0.0)
        residual = add(b - ratio * a)
        normal = (design * (slope**2 / variance + pull)[:, None]).T @ design
        change = np.linalg.solve(
            normal, design.T @ (residual * slope / variance + pull * (prior - design @ coefficients))
        )
        change /= max(1.0, np.abs(design @ change).max())
        coefficients = coefficients + change
        if np.abs(change).max() < 1e-6:
            break
    return coefficients
