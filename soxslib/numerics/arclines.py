"""Spots of arc lines: their exact positions, with true errors, and which of them are disturbed by neighbours."""

from dataclasses import dataclass

import numpy as np

from soxslib import kernels
from soxslib.numerics.special import erf

_normal = kernels.function("arclines_normal", "ddbnnndxndddd")

BATCH = 2048  # spots fitted at once: their arrays stay in the cache
PARAMETERS = 7  # flux, along, across, width along, width across, tilt, background


@dataclass(frozen=True)
class SpotFits:
    """Fitted spots, arrays of one length; positions and widths (sigma, before the pixels) in pixels of the image."""

    flux: np.ndarray
    along: np.ndarray
    across: np.ndarray
    width_along: np.ndarray
    width_across: np.ndarray
    tilt: np.ndarray  # d(along) / d(across) of the line through the spot
    background: np.ndarray
    error: np.ndarray  # [spot, parameter], in the order above
    chi2: np.ndarray  # per degree of freedom
    usable: np.ndarray  # the fit converged on enough good pixels

    @property
    def signal_to_noise(self):
        return self.flux / self.error[:, 0]

    def at(self, index):
        """Some of the spots."""
        return SpotFits(*(getattr(self, f)[index] for f in self.__dataclass_fields__))

    @property
    def table(self):
        """[spot, parameter]."""
        names = ("flux", "along", "across", "width_along", "width_across", "tilt", "background")
        return np.stack([getattr(self, name) for name in names], axis=1)


def cut_stamps(image, at, half):
    """(stamps [spot, y, x], inside [spot, y, x], corner [spot, (first column, first row)]) around places of an image.

    at: [spot, (x, y)], half: half sizes (y, x). Pixels beyond the image are those of its edge, and not `inside`.
    """
    corner = np.rint(at).astype(int) - (half[1], half[0])
    rows = corner[:, 1, None] + np.arange(2 * half[0] + 1)
    columns = corner[:, 0, None] + np.arange(2 * half[1] + 1)
    inside = ((rows >= 0) & (rows < image.shape[0]))[:, :, None] & ((columns >= 0) & (columns < image.shape[1]))[
        :, None
    ]
    return image.ravel()[pixels_of(corner, (rows.shape[1], columns.shape[1]), image.shape)], inside, corner


def pixels_of(corner, stamp_shape, shape):
    """Flat indices [spot, y, x] of stamps' pixels in an image, those beyond its edge moved to the edge."""
    rows = np.clip(corner[:, 1, None] + np.arange(stamp_shape[0]), 0, shape[0] - 1)
    columns = np.clip(corner[:, 0, None] + np.arange(stamp_shape[1]), 0, shape[1] - 1)
    return rows[:, :, None] * shape[1] + columns[:, None, :]


def light_around(image, at):
    """Light in the 3 x 3 pixels around places [spot, (x, y)], never negative."""
    return np.maximum(cut_stamps(image, at, (1, 1))[0].sum(axis=(1, 2)), 0.0)


def _profile(n, centre, width):
    """Light of a unit Gaussian in each of n pixels [..., n], and its derivatives by centre and by width."""
    edge = (np.arange(n + 1) - 0.5 - centre[..., None]) / width[..., None]
    density = np.exp(-0.5 * edge**2) * (1.0 / np.sqrt(2.0 * np.pi)) / width[..., None]
    cumulative = 0.5 * erf(edge / np.sqrt(2.0))
    return np.diff(cumulative), -np.diff(density), -np.diff(density * edge)


def _row_means(n, centre, width):
    """(mean, variance) of the place of a Gaussian's light within each of n rows [spot, n], relative to its centre."""
    edge = (np.arange(n + 1) - 0.5 - centre[:, None]) / width[:, None]
    density = np.exp(-0.5 * edge**2) * (1.0 / np.sqrt(2.0 * np.pi))
    total = np.maximum(0.5 * np.diff(erf(edge / np.sqrt(2.0))), 1e-12)
    mean = np.clip(-np.diff(density) / total, edge[:, :-1], edge[:, 1:])  # clipped where the row holds next to no light
    variance = 1.0 - np.diff(density * edge) / total - mean**2
    return mean * width[:, None], np.clip(variance * width[:, None] ** 2, 0.0, 1.0 / 12.0)


def _rows_and_columns(shape, p):
    """Light of each row [spot, y] and, within it, of each pixel [spot, y, x], with derivatives and the rows' means.

    The line through a spot is tilted: each row's light is centred where the tilt brings its mean position. What the
    tilt widens within a row is below 1 % of the width and left to the fit.
    """
    mean, variance = _row_means(shape[0], p[:, 2], p[:, 4])
    centre = p[:, 1, None] + p[:, 5, None] * mean
    columns = _profile(shape[1], centre, np.broadcast_to(p[:, 3, None], centre.shape))
    return _profile(shape[0], p[:, 2], p[:, 4]), columns, mean, variance


def spot_model(shape, parameters):
    """Model [spot, y, x] of spots: a tilted Gaussian integrated over each pixel, and a constant."""
    (y, _, _), (x, _, _), _, _ = _rows_and_columns(shape, parameters)
    return parameters[:, 0, None, None] * y[:, :, None] * x + parameters[:, 6, None, None]


def fit_spots(stamps, floor, good, start, prior_sd, *, photon_scale, steps):
    """SpotFits of stamps [spot, y, x], positions within the stamp.

    Levenberg-Marquardt, all spots of a batch together. The variance is that of the start's model: floor +
    photon_scale * signal. start: parameters [spot, 7] in the order of SpotFits; prior_sd [spot, 3]: how far both
    widths and the tilt may be from their start (a faint or undersampled spot does not say how wide it is).
    """
    parts = [
        _fit_batch(stamps[k], floor[k], good[k], start[k], prior_sd[k], photon_scale, steps)
        for k in (slice(i, i + BATCH) for i in range(0, max(len(stamps), 1), BATCH))
    ]
    p, error, chi2, usable = (np.concatenate(a) for a in zip(*parts, strict=True))
    return SpotFits(*p.T, error, chi2, usable)


def _fit_batch(stamps, floor, good, start, prior_sd, photon_scale, steps):
    """(parameters, errors, chi2 per degree of freedom, usable) of one batch.

    The weights are those of the start's model: a second fit from the first one's result has the right ones.
    """
    shape, n = stamps.shape[1:], len(stamps)
    ok = np.ascontiguousarray(good).reshape(n, -1)
    data = np.where(ok, stamps.reshape(n, -1), 0.0).astype(float)  # a bad pixel is never read
    floor = np.ascontiguousarray(np.broadcast_to(floor, stamps.shape), float)
    weight = np.empty(data.shape)
    prior = np.zeros((n, PARAMETERS))
    prior[:, 3:6] = 1.0 / prior_sd**2
    best = p = np.ascontiguousarray(start, float)
    chi2, damping = np.full(n, np.inf), np.full(n, 1e-2)
    hessian, gradient = np.zeros((n, PARAMETERS, PARAMETERS)), np.zeros((n, PARAMETERS))
    now, sums, slopes = np.empty(n), np.empty(hessian.shape), np.empty(gradient.shape)
    for step in range(steps + 1):
        _normal(data, floor, ok, n, *shape, p, photon_scale, step == 0, weight, now, sums, slopes)
        pull = start - p
        now += (prior * pull**2).sum(axis=1)
        better = now <= chi2
        k = np.flatnonzero(better)
        best = np.where(better[:, None], p, best)
        chi2 = np.where(better, now, chi2)
        damping = np.clip(np.where(better, damping * 0.1, damping * 10.0), 1e-7, 1e4)
        hessian[k] = sums[k] + prior[k, :, None] * np.eye(PARAMETERS)
        gradient[k] = slopes[k] + prior[k] * pull[k]
        if step < steps:
            p = _bounded(best + _step(hessian, gradient, damping), start, prior_sd, shape)
    variance = np.maximum(np.einsum("nii->ni", np.linalg.inv(_regular(hessian))), 0.0)
    error = np.sqrt(variance)
    free = PARAMETERS - (prior * variance).sum(axis=1)  # those that the data, not the prior, decide
    seen = ok.sum(axis=1)
    usable = (seen > 0.7 * ok.shape[1]) & np.isfinite(error).all(axis=1) & (best[:, 0] > 0)
    return best, error, chi2 / np.maximum(seen - free, 1.0), usable


def _bounded(p, start, prior_sd, shape):
    """Parameters within the stamp; widths and tilt within two standard deviations of their prior.

    Beyond, a spot would swallow its neighbour instead of leaving it to be seen.
    """
    p[:, 1] = np.clip(p[:, 1], -0.5, shape[1] - 0.5)
    p[:, 2] = np.clip(p[:, 2], -0.5, shape[0] - 0.5)
    p[:, 3:6] = np.clip(p[:, 3:6], start[:, 3:6] - 2 * prior_sd, start[:, 3:6] + 2 * prior_sd)
    p[:, 3:5] = np.maximum(p[:, 3:5], start[:, 3:5] / 3.0)
    return p


def _regular(hessian):
    """The matrices with a trace of their diagonal added, so that a spot without light has an inverse too."""
    return (
        hessian + np.einsum("nii->ni", hessian)[:, :, None] * (1e-12 * np.eye(PARAMETERS)) + 1e-12 * np.eye(PARAMETERS)
    )


def _step(hessian, gradient, damping):
    damped = hessian + (np.einsum("nii->ni", hessian) * damping[:, None])[:, :, None] * np.eye(PARAMETERS)
    return np.linalg.solve(_regular(damped), gradient[:, :, None])[:, :, 0]


def paint_spots(shape, parameters, half):
    """Image of spots without their background; parameters as in SpotFits, half: half sizes (y, x) painted."""
    corner = np.rint(parameters[:, 1:3]).astype(int) - (half[1], half[0])
    shines = (parameters[:, 0] != 0) & (corner > -100).all(axis=1) & (corner < (shape[1], shape[0])).all(axis=1)
    corner, p = corner[shines], parameters[shines].copy()
    p[:, 1:3] -= corner
    p[:, 6] = 0.0
    stamp_shape = 2 * half[0] + 1, 2 * half[1] + 1
    rows = corner[:, 1, None, None] + np.arange(stamp_shape[0])[:, None]
    columns = corner[:, 0, None, None] + np.arange(stamp_shape[1])
    inside = (rows >= 0) & (rows < shape[0]) & (columns >= 0) & (columns < shape[1])
    light = np.where(inside, spot_model(stamp_shape, p), 0.0)
    pixel = pixels_of(corner, stamp_shape, shape)
    return np.bincount(pixel.ravel(), light.ravel(), minlength=shape[0] * shape[1]).reshape(shape)


def blend_shift(along, strength, *, width):
    """How far [px] neighbours pull each line's fitted position, from all lines' positions and strengths.

    A weak neighbour of relative strength r at distance d, equal Gaussian widths, pulls by r d exp(-d^2 / 4 width^2):
    first-order perturbation of the least-squares fit of a sampled Gaussian. Neighbours as strong as the line push the
    number above any limit of interest, whatever its exact value.
    """
    order = np.argsort(along, kind="stable")
    x, s = along[order], np.maximum(strength[order], 1e-30)
    shift = np.zeros(x.size)
    for k in range(1, x.size):
        d = x[k:] - x[:-k]
        if (d > 8 * width).all():
            break
        pull = np.maximum(d, 0.5 * width) * np.exp(-(d**2) / (4 * width**2))
        shift[:-k] += np.minimum(s[k:] / s[:-k], 1e6) * pull
        shift[k:] += np.minimum(s[:-k] / s[k:], 1e6) * pull
    out = np.empty(x.size)
    out[order] = shift
    return out
