"""Spots of arc lines: their exact positions, with true errors, and which of them are disturbed by neighbours."""

from dataclasses import dataclass

import numpy as np
from scipy.special import erf

BATCH = 2048  # spots fitted at once: their arrays stay in the cache
PARAMETERS = 6  # flux, along, across, width along, width across, background


@dataclass(frozen=True)
class SpotFits:
    """Fitted spots, arrays of one length; positions and widths (sigma, pixel taken out) in pixels of the frame as binned."""

    flux: np.ndarray
    along: np.ndarray
    across: np.ndarray
    width_along: np.ndarray
    width_across: np.ndarray
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
        return np.stack(
            [self.flux, self.along, self.across, self.width_along, self.width_across, self.background], axis=1
        )


def cut_stamps(image, along, across, half):
    """(stamps [spot, y, x], first row, first column) around the pixels nearest to positions; half = (across, along).

    Pixels beyond the image's edge are those of the edge, and marked by `inside` [spot, y, x].
    """
    top = np.rint(across).astype(int) - half[0]
    left = np.rint(along).astype(int) - half[1]
    rows = top[:, None] + np.arange(2 * half[0] + 1)
    columns = left[:, None] + np.arange(2 * half[1] + 1)
    inside = ((rows >= 0) & (rows < image.shape[0]))[:, :, None] & ((columns >= 0) & (columns < image.shape[1]))[:, None]
    rows, columns = np.clip(rows, 0, image.shape[0] - 1), np.clip(columns, 0, image.shape[1] - 1)
    return image[rows[:, :, None], columns[:, None, :]], inside, top, left


def _profile(n, centre, width):
    """Light of a unit Gaussian in each of n pixels [spot, n], and its derivatives by centre and by width."""
    edge = (np.arange(n + 1) - 0.5 - centre[:, None]) / width[:, None]
    density = np.exp(-0.5 * edge**2) * (1.0 / np.sqrt(2.0 * np.pi)) / width[:, None]
    cumulative = 0.5 * erf(edge / np.sqrt(2.0))
    return np.diff(cumulative), -np.diff(density), -np.diff(density * edge)


def spot_model(shape, parameters):
    """Model [spot, y, x] of spots: a Gaussian integrated over each pixel, and a constant."""
    flux, along, across, wx, wy, background = parameters.T
    x, _, _ = _profile(shape[1], along, wx)
    y, _, _ = _profile(shape[0], across, wy)
    return flux[:, None, None] * y[:, :, None] * x[:, None, :] + background[:, None, None]


def _model_and_derivatives(shape, p):
    """Model [spot, pixel] and its derivatives [spot, parameter, pixel]."""
    x, x_centre, x_width = _profile(shape[1], p[:, 1], p[:, 3])
    y, y_centre, y_width = _profile(shape[0], p[:, 2], p[:, 4])
    flux = p[:, 0, None]
    ys = np.stack([y, flux * y, flux * y_centre, flux * y, flux * y_width], axis=1)
    xs = np.stack([x, x_centre, x, x_width, x], axis=1)
    derivatives = np.ones((len(p), PARAMETERS, shape[0] * shape[1]))
    derivatives[:, :5] = (ys[:, :, :, None] * xs[:, :, None, :]).reshape(len(p), 5, -1)
    return p[:, 0, None] * derivatives[:, 0] + p[:, 5, None], derivatives


def fit_spots(stamps, floor, good, start, width_prior, *, photon_scale, steps):
    """SpotFits of stamps [spot, y, x], positions within the stamp.

    Levenberg-Marquardt, all spots of a batch together. The variance is that of the model: floor + photon_scale * signal.
    start: parameters [spot, 6] in the order of SpotFits. width_prior: (mean, standard deviation) [spot] of both widths,
    each [spot, 2]: a faint or undersampled spot does not say how wide it is.
    """
    parts = [
        _fit_batch(stamps[k], floor[k], good[k], start[k], [w[k] for w in width_prior], photon_scale, steps)
        for k in (slice(i, i + BATCH) for i in range(0, max(len(stamps), 1), BATCH))
    ]
    p, error, chi2, usable = (np.concatenate(a) for a in zip(*parts, strict=True))
    return SpotFits(*p.T, error, chi2, usable)


def _fit_batch(stamps, floor, good, start, width_prior, photon_scale, steps):
    shape, n = stamps.shape[1:], len(stamps)
    data, ok = stamps.reshape(n, -1).astype(float), good.reshape(n, -1)
    data = np.where(ok, data, 0.0)  # a bad pixel is never read
    floor = np.where(ok, floor.reshape(n, -1), 1.0)
    p, damping = start.astype(float).copy(), np.full(n, 1e-2)
    mean, sd = width_prior
    prior = np.zeros((n, PARAMETERS))
    prior[:, 3:5] = 1.0 / sd**2
    limits = np.clip(mean, 0.05, None)
    chi2 = np.full(n, np.inf)
    diagonal = np.arange(PARAMETERS)
    weight = None
    accepted = p
    for step in range(steps + 1):
        p = accepted if step == 3 else p  # where the weights are renewed nothing is tried
        model, derivatives = _model_and_derivatives(shape, p)
        if weight is None or step == 3:  # weights of the model, renewed once it resembles the data
            signal = np.maximum(model - p[:, 5, None], 0.0) + np.maximum(p[:, 5, None], 0.0)
            weight = np.where(ok, 1.0 / (floor + photon_scale * signal), 0.0)
            chi2 = np.full(n, np.inf)
        residual = data - model
        pull = np.zeros((n, PARAMETERS))
        pull[:, 3:5] = mean - p[:, 3:5]
        now = (weight * residual**2).sum(axis=1) + (prior * pull**2).sum(axis=1)
        better = now <= chi2
        if step == 0 or step == 3:
            better[:] = True
        fresh = better[:, None]
        accepted = np.where(fresh, p, accepted)
        chi2 = np.where(better, now, chi2)
        damping = np.clip(np.where(better, damping * 0.2, damping * 6.0), 1e-7, 1e4)
        weighted = derivatives * weight[:, None]
        h = weighted @ derivatives.transpose(0, 2, 1)
        g = (weighted @ residual[:, :, None])[:, :, 0] + prior * pull
        h[:, diagonal, diagonal] += prior
        if step == 0:
            hessian, gradient = h, g
        else:
            hessian = np.where(fresh[:, :, None], h, hessian)
            gradient = np.where(fresh, g, gradient)
        if step < steps:
            p = accepted + _step(hessian, gradient, damping)
            p[:, 3:5] = np.clip(p[:, 3:5], 0.3 * limits, 3.0 * limits)
            p[:, 1] = np.clip(p[:, 1], -0.5, shape[1] - 0.5)
            p[:, 2] = np.clip(p[:, 2], -0.5, shape[0] - 0.5)
    hessian[:, diagonal, diagonal] += 1e-12 * (1 + hessian[:, diagonal, diagonal])
    covariance = np.linalg.inv(hessian)
    error = np.sqrt(np.maximum(covariance[:, diagonal, diagonal], 0.0))
    freedom = np.maximum(ok.sum(axis=1) - PARAMETERS + 2, 1)
    usable = (ok.sum(axis=1) > 0.7 * ok.shape[1]) & np.isfinite(error).all(axis=1) & (accepted[:, 0] > 0)
    return accepted, error, chi2 / freedom, usable


def _step(hessian, gradient, damping):
    h = hessian.copy()
    d = np.arange(h.shape[1])
    h[:, d, d] *= 1.0 + damping[:, None]
    h[:, d, d] += 1e-12 * (1.0 + h[:, d, d])
    return np.linalg.solve(h, gradient[:, :, None])[:, :, 0]


def paint_spots(shape, parameters, half):
    """Image of spots without their background; parameters as in SpotFits, in pixels of the image."""
    image = np.zeros(shape)
    p = parameters.copy()
    top = np.rint(p[:, 2]).astype(int) - half[0]
    left = np.rint(p[:, 1]).astype(int) - half[1]
    p[:, 2] -= top
    p[:, 1] -= left
    p[:, 5] = 0.0
    stamps = spot_model((2 * half[0] + 1, 2 * half[1] + 1), p)
    rows = top[:, None, None] + np.arange(2 * half[0] + 1)[:, None]
    columns = left[:, None, None] + np.arange(2 * half[1] + 1)
    rows, columns = np.broadcast_arrays(rows, columns)
    ok = (rows >= 0) & (rows < shape[0]) & (columns >= 0) & (columns < shape[1])
    np.add.at(image, (rows[ok], columns[ok]), stamps[ok])
    return image


def blend_shift(along, strength, *, width):
    """How far [px] neighbours pull each line's fitted position, from all lines' positions and strengths (sorted or not).

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
