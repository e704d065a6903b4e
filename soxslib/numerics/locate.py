"""Where the sources are on the slit: found in the collapsed orders, followed along each of them."""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.polynomial import chebyshev

from soxslib import kernels
from soxslib.numerics.polynomials import chebyshev_series
from soxslib.numerics.profile import MOFFAT_BETA, MOFFAT_RANGE, moffat

_explained = kernels.function("locate_explained", "dddnnddndd")

_blocks = kernels.function("locate_blocks", "dbddnndnnnddddd")

_BETA_SCATTER = 0.35  # of the logarithm of beta: little light keeps the usual one


@dataclass(frozen=True)
class Source:
    """A source on the slit: position and width in arcsec, detection significance, beta of its Moffat profile."""

    slit_arcsec: float
    fwhm_arcsec: float
    significance: float
    beta: float = MOFFAT_BETA


@dataclass(frozen=True)
class BlockProfiles:
    """Light along the slit in blocks of columns of one order, sky removed: arrays [slit bin, block]."""

    order: int
    slit_arcsec: np.ndarray
    wavelength_nm: np.ndarray  # of the blocks
    light: np.ndarray
    error: np.ndarray
    position: np.ndarray  # mean slit position of the pixels of each bin and block


def block_profiles(cutout, flux, variance, good, *, n_blocks, half_slit_arcsec):
    """BlockProfiles of an order: medians over the columns of a block, less the block's median along the slit.

    The median over many columns forgets cosmic rays, and the tilt lets sky lines cancel over a block. Each column gives the
    pixel nearest to a slit position, which is a parabola of the row to better than a hundredth of a pixel. good: never NaN.
    """
    step = float(np.median(cutout.arcsec[cutout.is_inside]))
    n = int(half_slit_arcsec / step)
    grid = np.arange(-n, n + 1) * step
    width = cutout.columns.size // n_blocks
    slit, flux, variance = (np.ascontiguousarray(a, float) for a in (cutout.slit_arcsec, flux, variance))
    light, noise, position, count = np.empty((4, grid.size, n_blocks))
    _blocks(
        slit, cutout.is_inside & good, flux, variance, *slit.shape, grid, grid.size, n_blocks, width, np.empty(width),
        light, noise, position, count,
    )  # fmt: skip
    error = np.sqrt(noise * np.pi / 2) / np.maximum(count, 1)
    few = count < 0.3 * width
    light = np.where(few, np.nan, light)
    light = light - _nanmedian(light.T)[None, :]
    along_middle = cutout.wavelength_nm[cutout.wavelength_nm.shape[0] // 2, : width * n_blocks]
    centre = along_middle.reshape(n_blocks, width).mean(axis=1)
    return BlockProfiles(cutout.order, grid, centre, light, np.where(few, np.inf, error), position)


def _nanmedian(values):
    """Median over the last axis without NaN and without warnings for empty rows."""
    ordered = np.sort(values, axis=-1)  # NaN goes last
    count = np.isfinite(values).sum(axis=-1)
    low, high = np.maximum((count - 1) // 2, 0), np.minimum(count // 2, values.shape[-1] - 1)
    pick = lambda i: np.take_along_axis(ordered, i[..., None], axis=-1)[..., 0]
    return np.where(count > 0, 0.5 * (pick(low) + pick(high)), np.nan)


def collapse(profiles, slit_grid):
    """(light, error) on a common slit grid: all orders and blocks added with the weights that a source of constant
    counts would want; the result is in units of its own error scale, only its shape matters."""
    total, weight = np.zeros(slit_grid.size), np.zeros(slit_grid.size)
    for p in profiles:
        usable = np.isfinite(p.light) & np.isfinite(p.error) & (p.error > 0)
        w = np.where(usable, 1.0 / np.where(usable, p.error, 1.0) ** 2, 0.0)
        s, sw = np.where(usable, p.light * w, 0.0).sum(axis=1), w.sum(axis=1)
        mean = np.where(sw > 0, s / np.where(sw > 0, sw, 1.0), 0.0)
        inside = (slit_grid >= p.slit_arcsec[0]) & (slit_grid <= p.slit_arcsec[-1])
        w_here = np.interp(slit_grid, p.slit_arcsec, sw) * inside
        total += np.interp(slit_grid, p.slit_arcsec, mean) * w_here
        weight += w_here
    ok = weight > 0
    light = np.where(ok, total / np.where(ok, weight, 1.0), 0.0)
    return light, np.where(ok, 1.0 / np.sqrt(np.where(ok, weight, 1.0)), np.inf)


def find_sources(slit_grid, light, error, *, seeing_arcsec, least_significance, least_fraction, most):
    """Sources on the slit, the most significant first: peaks of the light smoothed by the seeing.

    A peak counts when it stands `least_significance` above the noise and `least_fraction` of the brightest.
    """
    step = slit_grid[1] - slit_grid[0]
    d = np.arange(-np.ceil(2 * seeing_arcsec / step), np.ceil(2 * seeing_arcsec / step) + 1) * step
    kernel = np.exp(-0.5 * (d / (seeing_arcsec / 2.355)) ** 2)
    w = np.where(np.isfinite(error), 1.0 / np.where(np.isfinite(error), error, 1.0) ** 2, 0.0)
    base = np.median(light[w > 0])
    numerator = np.convolve((light - base) * w, kernel, "same")
    significance = numerator / np.sqrt(np.maximum(np.convolve(w, kernel**2, "same"), 1e-300))
    off = significance[w > 0]
    scale = max(1.0, 1.4826 * np.median(np.abs(off - np.median(off)))) if off.size else 1.0
    significance = np.minimum(significance, significance / min(scale, 3.0))
    peaks = np.flatnonzero((significance[1:-1] >= significance[:-2]) & (significance[1:-1] > significance[2:])) + 1
    out = []
    for i in sorted(peaks, key=lambda j: -significance[j]):
        if significance[i] < max(least_significance, least_fraction * (out[0].significance if out else 0.0)):
            break
        if all(abs(slit_grid[i] - s.slit_arcsec) > 1.2 * seeing_arcsec for s in out):
            out.append(_measured(slit_grid, light - base, i, significance[i], seeing_arcsec))
        if len(out) == most:
            break
    return out


def _measured(grid, light, i, significance, seeing):
    """The source at a peak with its width from a second moment, within bounds of what seeing can be."""
    near = np.abs(grid - grid[i]) < 1.5 * seeing
    w = np.clip(light[near], 0, None)
    centre = np.sum(w * grid[near]) / max(w.sum(), 1e-300)
    sigma = np.sqrt(max(np.sum(w * (grid[near] - centre) ** 2) / max(w.sum(), 1e-300), 0.0))
    fwhm = float(np.clip(2.355 * sigma, 0.5 * seeing, 2.5 * seeing))
    return Source(float(centre), fwhm, float(significance))


def shape_about(profiles, trace, source):
    """(FWHM, beta) of the Moffat profile that the light of all blocks comes nearest to, about their own positions on the
    trace: the width of light added along the slit is widened by the bends of the trace."""
    parts = []
    for p in profiles:
        distance = p.position - trace.at(p.order, p.wavelength_nm)
        ok = np.isfinite(p.light) & np.isfinite(p.error) & (np.abs(distance) < 3.0 * source.fwhm_arcsec)
        weight = np.where(ok, 1.0 / np.where(ok, p.error, 1.0) ** 2, 0.0)
        parts.append([np.ascontiguousarray(a.T) for a in (distance, np.where(ok, p.light, 0.0), weight)])

    def best(fwhm, beta):
        fwhm, beta = (np.array(a) for a in np.broadcast_arrays(fwhm, beta))
        likelihood = -((np.log(beta / MOFFAT_BETA) / _BETA_SCATTER) ** 2)
        for part in parts:
            likelihood += explained(*part, fwhm, beta)
        return np.argmax(likelihood)

    beta, widths, betas = source.beta, source.fwhm_arcsec * np.geomspace(0.5, 1.25, 40), np.geomspace(*MOFFAT_RANGE, 12)
    for _ in range(2):
        fwhm = widths[best(widths, beta)]
        beta = betas[best(fwhm, betas)]
    return float(fwhm), float(beta)


def explained(distance, light, weight, fwhm, beta):
    """Part of the weighted squares of light [column, row] that Moffat profiles (arrays of FWHM and beta) with a free amplitude
    and level in each column explain."""
    scale, room, out = fwhm / (2.0 * np.sqrt(2.0 ** (1.0 / beta) - 1.0)), np.empty(light.shape[1]), np.zeros(fwhm.size)
    _explained(distance, light, weight, *light.shape, scale, beta, out.size, room, out)
    return out


def block_centres(profiles, position, fwhm, *, least_significance, max_shift_arcsec):
    """(wavelength, offset from `position`, error, amplitude/error) of a source in each block, where it is significant.

    Gauss-Newton steps on a Moffat profile of known width with free amplitude, centre and level.
    """
    light, error, s = profiles.light, profiles.error, profiles.position
    ok = np.isfinite(light) & np.isfinite(error) & (np.abs(s - position) < 2.5 * fwhm)
    w = np.where(ok, 1.0 / np.where(ok, error, 1.0) ** 2, 0.0)
    y = np.where(ok, light, 0.0)
    n = light.shape[1]
    shift = np.zeros(n)
    for _ in range(5):
        d = s - position - shift[None, :]
        p, slope = moffat(d, fwhm), (moffat(d - 0.02, fwhm) - moffat(d + 0.02, fwhm)) / 0.04
        design = np.stack([p, slope, np.ones_like(p)], axis=2)  # amplitude, -amplitude * shift, level
        normal = np.einsum("sb,sbi,sbj->bij", w, design, design) + 1e-12 * np.eye(3)
        right = np.einsum("sb,sbi->bi", w * y, design)
        solution = np.linalg.solve(normal, right[..., None])[..., 0]
        covariance = np.linalg.inv(normal)
        amplitude = solution[:, 0]
        safe = np.where(np.abs(amplitude) > 0, amplitude, 1.0)
        shift = np.clip(
            shift + np.clip(solution[:, 1] / safe, -0.5 * fwhm, 0.5 * fwhm), -max_shift_arcsec, max_shift_arcsec
        )
    significance = amplitude / np.sqrt(np.maximum(covariance[:, 0, 0], 1e-300))
    centre_error = np.sqrt(np.maximum(covariance[:, 1, 1], 0.0)) / np.abs(safe)
    keep = (significance > least_significance) & (np.abs(shift) < 0.98 * max_shift_arcsec) & (w.sum(axis=0) > 0)
    return profiles.wavelength_nm[keep], shift[keep], centre_error[keep], significance[keep]


@dataclass(frozen=True)
class Trace:
    """Slit position of a source as a function of wavelength in each order: common polynomial plus the order's own.

    coefficients: {order: Chebyshev coefficients over `wavelength_nm[order]`}; error_arcsec: {order: one sigma of the mean};
    mode: {order: 'fit' | 'transferred' | 'forced'}.
    """

    coefficients: dict[int, np.ndarray]
    wavelength_nm: dict[int, tuple[float, float]]
    error_arcsec: dict[int, float]
    mode: dict[int, str]
    samples: dict[int, tuple] = field(default_factory=dict)  # {order: (blocks found, used, scatter [arcsec])}
    n_blocks: int = 0  # of each order, that were looked at

    def shifted(self, by_arcsec):
        """The Trace of what is seen by_arcsec further along the slit."""
        return replace(self, coefficients={o: np.r_[c[0] + by_arcsec, c[1:]] for o, c in self.coefficients.items()})

    def at(self, order, wavelength_nm):
        """Slit position [arcsec]."""
        return chebyshev_series(wavelength_nm, self.coefficients[order], limits=self.wavelength_nm[order], reach=1.1)


def fit_trace(measured, ranges, position, *, common_degree, prior_arcsec, robust_sigma=4.0):
    """The Trace of a source from block centres.

    measured: {order: (wavelength, offset from position, error)}; ranges: {order: (first, last) wavelength};
    prior_arcsec: sizes expected of an order's own offset, slope, curvature and so on: what few or faint blocks cannot tell
    is taken from the other orders, so that every order has a trace.
    """
    orders = sorted(ranges)
    lo, hi = min(r[0] for r in ranges.values()), max(r[1] for r in ranges.values())
    n_common, n_own = common_degree + 1, len(prior_arcsec)
    rows, y, sigma, owner = [], [], [], []
    for i, order in enumerate(orders):
        wavelength, offset, error = measured.get(order, ((), (), ()))[:3]
        if len(wavelength):
            rows.append(_trace_rows(wavelength, (lo, hi), ranges[order], i, len(orders), n_common, n_own))
            y.append(offset)
            owner += [order] * len(wavelength)
            sigma.append(np.hypot(error, 0.003))
    size = n_common + n_own * len(orders)
    prior = np.r_[
        np.array([5.0] + [1.0] * common_degree) ** -2.0, np.tile(np.asarray(prior_arcsec) ** -2.0, len(orders))
    ]
    solution, covariance = np.zeros(size), np.diag(1.0 / prior)
    samples = dict.fromkeys(orders, (0, 0, float("nan")))
    if rows:
        a, y, sigma = (np.concatenate(x) for x in (rows, y, sigma))
        w = 1.0 / sigma**2
        for _ in range(6):
            normal = a.T @ (w[:, None] * a) + np.diag(prior)
            solution = np.linalg.solve(normal, a.T @ (w * y))
            z = (y - a @ solution) / sigma
            spread = max(1.0, 1.4826 * np.median(np.abs(z)))
            w = np.where(np.abs(z) < robust_sigma * spread, 1.0 / sigma**2, 0.0)
        covariance = np.linalg.inv(normal)
        samples |= _samples(np.array(owner), y - a @ solution, w > 0)
    along, errors, modes = [], {}, {}
    for i, order in enumerate(orders):
        places = np.linspace(*ranges[order], 9)
        design = _trace_rows(places, (lo, hi), ranges[order], i, len(orders), n_common, n_own)
        along.append(design @ solution + position)
        errors[order] = float(np.sqrt(np.mean(np.sum((design @ covariance) * design, axis=1))))
        n = len(measured.get(order, ((),))[0])
        modes[order] = "fit" if n >= 3 else "transferred" if rows else "forced"
    curves = chebyshev.chebfit(np.linspace(-1, 1, 9), np.transpose(along), max(common_degree, n_own - 1))
    coefficients = dict(zip(orders, np.ascontiguousarray(curves.T), strict=True))
    return Trace(coefficients, dict(ranges), errors, modes, samples)


def _samples(order, residual, used):
    """{order: (blocks found, blocks used, rms residual of those [arcsec])}."""
    out = {}
    for o in np.unique(order):
        own = order == o
        rms = np.sqrt(np.mean(residual[own & used] ** 2)) if (own & used).any() else np.nan
        out[int(o)] = int(own.sum()), int((own & used).sum()), float(rms)
    return out


def _trace_rows(wavelength, common, own, i, n_orders, n_common, n_own):
    """Rows of the design matrix: common Chebyshev terms, then the order's own."""
    lam = np.asarray(wavelength, float)
    rows = np.zeros((lam.size, n_common + n_own * n_orders))
    rows[:, :n_common] = chebyshev.chebvander((2 * lam - common[0] - common[1]) / (common[1] - common[0]), n_common - 1)
    start = n_common + i * n_own
    rows[:, start : start + n_own] = chebyshev.chebvander((2 * lam - own[0] - own[1]) / (own[1] - own[0]), n_own - 1)
    return rows
