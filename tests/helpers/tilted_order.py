"""One tilted order made from functions, with its exact truth: for tests of the separation of sky and source."""

from dataclasses import dataclass

import numpy as np

from soxslib.numerics import extraction, optimal

REJECTION = dict(reject_sigma=5.0, grow_sigma=3.0, model_error=0.02, sky_error=0.005, rounds=8)


@dataclass(frozen=True)
class TiltedOrder:
    """Pixels of an order, the profile of its source, and noiseless truth: sky and source [row, column], counts [column]."""

    pixels: extraction.Pixels
    profile: np.ndarray
    sky: np.ndarray
    source: np.ndarray
    counts: np.ndarray

    @property
    def variance(self):
        return extraction.model_variance(self.sky + self.source, self.pixels.floor, self.pixels.ndit)


def line(centre, sigma=1.1, area=1.0):
    """A Gaussian emission line as a function of position in pixels."""
    return lambda u: area / np.sqrt(2 * np.pi) / sigma * np.exp(-0.5 * ((u - centre) / sigma) ** 2)


def tilted_order(
    rng, counts, sky, *, rows=40, columns=300, tilt=0.12, centre=0.3, sigma_rows=1.8, read_noise_e=3.0, noise=True
):
    """A TiltedOrder: counts(u) electrons per column, sky(u) electrons per pixel; the slit is inclined by `tilt` columns a row."""
    y = np.arange(rows)[:, None] - 0.5 * (rows - 1) - centre
    u = np.arange(columns)[None, :] - tilt * y
    profile = np.exp(-0.5 * (y / sigma_rows) ** 2) / (np.sqrt(2 * np.pi) * sigma_rows) + 0.0 * u
    light = sky(u) + 0.0 * u, counts(u) * profile
    expected = light[0] + light[1]
    floor = np.full(u.shape, read_noise_e**2)
    data = rng.poisson(expected) + rng.normal(0, read_noise_e, u.shape) if noise else expected
    basis = extraction.basis_of(u, columns)
    pixels = extraction.Pixels(data.astype(float), floor, np.ones(u.shape, bool), basis, np.ones(u.shape))
    return TiltedOrder(pixels, profile, *light, counts(np.arange(columns, dtype=float)) + np.zeros(columns))


def extracted(order, fit, good=None):
    """The Counts of an order's source after a fit."""
    p = order.pixels
    good = p.good & ~fit.is_cosmic_ray if good is None else good
    share = optimal.sky_share(p, order.profile, fit.variance, good, p.basis.n_columns)
    seen = extraction.Pixels(p.data - fit.sky, p.floor, good, p.basis, p.slit_light, p.ndit)
    return optimal.optimal_counts([(seen, order.profile, fit.variance, share)], p.basis.n_columns)
