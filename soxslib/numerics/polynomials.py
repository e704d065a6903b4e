"""Linear fits of polynomials on a scaled domain, with a Gaussian prior and robust against outliers."""

import numpy as np
from numpy.polynomial import chebyshev

from soxslib import kernels
from soxslib.numerics.noise import median

_series = kernels.function("chebyshev_series", "dxxxdndn")


def chebyshev_design(u, v, degrees):
    """Design matrix [sample, (i, j) flattened] of T_i(u) T_j(v), i <= degrees[0], j <= degrees[1]."""
    i, j = chebyshev.chebvander(u, degrees[0]), chebyshev.chebvander(v, degrees[1])
    return (i[:, :, None] * j[:, None, :]).reshape(len(i), i.shape[1] * j.shape[1])


def chebyshev_series(x, coefficients, *, limits, reach=np.inf):
    """The series of Chebyshev polynomials at x, whose limits map on [-1, 1]; beyond +-reach it keeps its value there."""
    x, coefficients = np.ascontiguousarray(x, float).reshape(np.shape(x)), np.ascontiguousarray(coefficients, float)
    out = np.empty(x.shape)
    _series(x, *limits, reach, coefficients, coefficients.size, out, out.size)
    return out[()]


def falling_prior(degrees, *, scale, decay, decay_second):
    """Expected size [(i, j) flattened] of the coefficients of a smooth change: scale * decay^i * decay_second^j.

    A change of optics is mostly a shift, less a stretch, hardly ever a ripple. As standard deviations of a prior these
    sizes let the data decide every coefficient they can, and keep the polynomial calm where there are none.
    """
    i, j = np.meshgrid(np.arange(degrees[0] + 1), np.arange(degrees[1] + 1), indexing="ij")
    return (scale * decay**i * decay_second**j).ravel()


def fit_with_prior(design, values, variance, prior_sd):
    """(coefficients, their covariance) of the most probable fit, coefficients expected to be 0 +- prior_sd.

    values: [sample] or [sample, set], variance [sample]. Solved on columns scaled to unit prior, so that it is well
    conditioned even with fewer samples than coefficients.
    """
    scaled = design * prior_sd
    weighted = scaled.T / variance
    normal = weighted @ scaled + np.eye(design.shape[1])
    inverse = np.linalg.inv(normal)
    coefficients = inverse @ (weighted @ values)
    back = prior_sd if coefficients.ndim == 1 else prior_sd[:, None]
    return coefficients * back, inverse * np.outer(prior_sd, prior_sd)


def solved_with_prior(normal, vector, prior_sd):
    """The coefficients of the most probable fit, as of `fit_with_prior`, from its normal equations."""
    scaled = normal * np.outer(prior_sd, prior_sd) + np.eye(prior_sd.size)
    return prior_sd * np.linalg.solve(scaled, prior_sd * vector)


def robust_scatter(values):
    """Standard deviation as 1.4826 times the median absolute deviation from the median."""
    values = np.asarray(values, float)
    return 1.4826 * float(median(np.abs(values - median(values)))) if values.size else 0.0


def tukey_weights(distance, *, cut):
    """Weights [0, 1] that fall smoothly to 0 at `cut` (in the unit of the distances)."""
    return np.clip(1.0 - (np.asarray(distance) / cut) ** 2, 0.0, 1.0) ** 2


def robust_fit(design, values, prior_sd, *, rounds, cut):
    """(coefficients, inliers) of a fit of unweighted samples by iterated Tukey weights.

    values: [sample, set]: sets share their weights, so that a sample is an outlier in all of them or in none.
    """
    weights = np.ones(len(values))
    scale = np.maximum(values.std(axis=0), 1e-9)
    least = 1e-6 * scale  # exact data must not make outliers of rounding errors
    for _ in range(rounds):
        variance = np.max(scale) ** 2 / np.maximum(weights, 1e-6)
        coefficients, _ = fit_with_prior(design, values, variance, prior_sd)
        residual = values - design @ coefficients
        scale = np.maximum([robust_scatter(r[weights > 0]) for r in residual.T], least)
        weights = tukey_weights(np.sqrt(((residual / scale) ** 2).sum(axis=1)), cut=cut)
    return coefficients, weights > 0
