"""Gaussians through many short cuts at once."""

from dataclasses import dataclass

import numpy as np

from soxslib import kernels
from soxslib.numerics.special import erf

_normal = kernels.function("profiles_normal", "dddbnindddd")
_chi2 = kernels.function("profiles_chi2", "dddbnindd")


@dataclass(frozen=True)
class ProfileFits:
    """Pixel-integrated Gaussians on a constant, one per cut: all arrays of one length.

    error: of the centre, from the fit's covariance scaled by its chi-square where that exceeds 1.
    """

    centre: np.ndarray
    sigma: np.ndarray
    height: np.ndarray  # flux per cut line, summed across
    base: np.ndarray
    error: np.ndarray
    chi2: np.ndarray  # per degree of freedom
    is_good: np.ndarray


def fit_profiles(position, flux, variance, is_limit, *, start_centre, start_sigma, sigma_limits, reach, steps=25):
    """ProfileFits of cuts [cut, sample]; position: of each sample; variance: 0 where a sample is not to be read.

    is_limit: samples at the full well: the light there is at least as bright, so they count only while the model is
    fainter.

    Levenberg-Marquardt on all cuts together. A fit is not good when its centre leaves start +- reach, its width
    the limits, its height is not positive, or it has fewer than 6 samples.
    """
    weight = np.where(variance > 0, 1.0 / np.where(variance > 0, variance, 1.0), 0.0).astype(float)
    flux = np.where(weight > 0, flux, 0.0).astype(float)
    position = np.ascontiguousarray(np.broadcast_to(position, flux.shape), float)
    samples = position, flux, weight, np.ascontiguousarray(np.broadcast_to(is_limit, flux.shape)), flux.shape[1]
    n_used = (weight > 0).sum(1)
    p = _start(position, flux, weight, start_centre, start_sigma)
    low = np.stack([start_centre - reach, np.full(len(p), sigma_limits[0])], axis=1)
    high = np.stack([start_centre + reach, np.full(len(p), sigma_limits[1])], axis=1)
    chi2, centre_variance = np.full(len(p), np.inf), np.zeros(len(p))
    damping = np.full(len(p), 1e-2)
    active = np.arange(len(p))
    for _ in range(steps):
        trial, value, variance_now = _step(p[active], damping[active], low[active], high[active], samples, active)
        better = value[1] <= value[0]
        p[active[better]] = trial[better]
        chi2[active] = np.minimum(value[0], value[1])
        centre_variance[active] = variance_now
        damping[active] *= np.where(better, 0.2, 6.0)
        settled = (better & (value[0] - value[1] < 1e-3)) | (damping[active] > 1e6)
        active = active[~settled]
        if active.size == 0:
            break
    reduced = chi2 / np.maximum(n_used - 4, 1)
    inside = (p[:, :2] > low + 1e-6).all(1) & (p[:, :2] < high - 1e-6).all(1)
    good = inside & (p[:, 2] > 0) & (n_used >= 6) & (centre_variance > 0)
    error = np.sqrt(np.abs(centre_variance) * np.maximum(reduced, 1.0))
    return ProfileFits(p[:, 0], p[:, 1], p[:, 2], p[:, 3], error, reduced, good)


def _step(p, damping, low, high, samples, active):
    """(trial parameters, (chi-square before, after), variance of the centre) of one damped step of the active cuts.

    A sample at the full well has no weight below a brighter model.
    """
    n = active.size
    before, after, hessian, gradient = np.empty(n), np.empty(n), np.empty((n, 4, 4)), np.empty((n, 4))
    _normal(*samples, active, n, p, before, hessian, gradient)
    scale = np.sqrt(np.maximum(np.einsum("caa->ca", hessian), 1e-300))
    normal = hessian / (scale[:, :, None] * scale[:, None, :])
    eye = np.eye(4)
    step = np.linalg.solve(normal + damping[:, None, None] * eye, (gradient / scale)[..., None])[..., 0] / scale
    trial = p + step
    trial[:, :2] = np.clip(trial[:, :2], low, high)
    _chi2(*samples, active, n, trial, after)
    return trial, (before, after), np.linalg.inv(normal + 1e-9 * eye)[:, 0, 0] / scale[:, 0] ** 2


def _start(position, flux, weight, centre, sigma):
    """Start values: given centre and width; height and base from linear least squares."""
    p = np.empty((len(flux), 4))
    p[:, 0], p[:, 1] = centre, sigma
    edges = (position[..., None] + (-0.5, 0.5) - p[:, 0, None, None]) / (p[:, 1, None, None] * np.sqrt(2))
    shape = 0.5 * np.diff(erf(edges))[..., 0]
    s, sx, sxx = weight.sum(1), (weight * shape).sum(1), (weight * shape**2).sum(1)
    y, xy = (weight * flux).sum(1), (weight * shape * flux).sum(1)
    determinant = np.maximum(s * sxx - sx**2, 1e-300)
    p[:, 2] = np.maximum((s * xy - sx * y) / determinant, 1e-3)
    p[:, 3] = (sxx * y - sx * xy) / determinant
    return p
