"""Fit of the listed sky lines to an order's sky: positions, fluxes, width of the slit's image, continuum."""

from dataclasses import dataclass

import numpy as np

from soxslib.numerics.lapack import cho_factor, cho_solve
from soxslib.numerics.lineshift import LineOffsets
from soxslib.numerics.special import erf
from soxslib.numerics.spline_columns import normal_of, spline_columns

LARGEST_STEP = 1.0  # px a Gauss-Newton step may go: beyond, the linear expansion of a line's image is wrong
FLUX_SCATTER = 0.5  # of a group about the list's flux, relative; only faint and blended groups feel it
ALONE_PX = 0.2  # groups placed worse than this are placed together with their neighbours


def slit_image(distance_px, sigma_px, slit_px):
    """Fraction of a line's light in a pixel `distance_px` from the line: box * Gaussian * pixel, exactly integrated."""
    return slit_image_and_slopes(distance_px, sigma_px, slit_px)[0]


def slit_image_and_slopes(distance_px, sigma_px, slit_px):
    """(light in the pixel, its derivatives by distance, log blur, log slit width): all from the same four corners."""
    far, near = 0.5 * (slit_px + 1), 0.5 * (slit_px - 1)
    corners = [_corner(distance_px + end, sigma_px) for end in (far, -far, near, -near)]
    (a, a1, a2), (b, b1, b2), (c, c1, c2), (d, d1, d2) = corners
    light = (a + b - c - d) / slit_px
    by_blur = (a2 + b2 - c2 - d2) * sigma_px / slit_px
    return light, (a1 + b1 - c1 - d1) / slit_px, by_blur, 0.5 * (a1 - b1 - c1 + d1) - light


def _corner(x, sigma_px):
    """Integral of the Gaussian's cumulative distribution, its derivatives by x and by sigma."""
    z = x / sigma_px
    cumulative = 0.5 * (1 + erf(z * np.sqrt(0.5)))
    density = np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)
    return x * cumulative + sigma_px * density, cumulative, density


@dataclass(frozen=True)
class SkyOrder:
    """What is fitted: pixels, their variance, continuum basis, and where the lines are expected."""

    sky: np.ndarray
    variance: np.ndarray
    good: np.ndarray
    continuum: np.ndarray  # [pixel, spline]
    position: np.ndarray  # of the lines, pixels
    wavelength: np.ndarray
    flux: np.ndarray
    group: np.ndarray
    sigma_px: float
    slit_px: float

    @property
    def n_groups(self):
        return int(self.group[-1]) + 1


def prepare(wavelength_nm, sky, variance, lines, slit_px, sigma_px, margin):
    """The order's pixels and the lines that fall on them, or None without lines."""
    known = np.flatnonzero(np.isfinite(wavelength_nm))
    line_nm, flux = (np.asarray(a, float) for a in lines)
    if known.size < 50:
        return None
    rising = known if wavelength_nm[known[-1]] > wavelength_nm[known[0]] else known[::-1]
    position = np.interp(line_nm, wavelength_nm[rising], rising, left=np.nan, right=np.nan)
    width = max(slit_px, 2.355 * sigma_px)
    inside = (position > known[0] + margin + width) & (position < known[-1] - margin - width)
    if not inside.any():
        return None
    by_place = np.flatnonzero(inside)[np.argsort(position[inside])]
    position = position[by_place]
    # nearer than this, images overlap so much that separate fluxes would be undefined
    group = np.concatenate([[0], np.cumsum(np.diff(position) > 2.5 * sigma_px + 0.2 * slit_px)])
    good = np.isfinite(sky) & np.isfinite(variance) & (variance > 0) & np.isfinite(wavelength_nm)
    n_intervals = max(2, int((known[-1] - known[0]) / max(60.0, 6 * width)))
    place = (np.arange(len(sky)) - known[0]) * n_intervals / (known[-1] - known[0])
    value, spread2 = np.where(good, sky, 0.0).astype(float), np.where(good, variance, 1.0).astype(float)
    good = good & ~_is_spike(value, spread2, good, sigma_px, slit_px)
    return SkyOrder(
        np.where(good, value, 0.0),
        spread2,
        good,
        spline_columns(place, n_intervals),
        position,
        line_nm[by_place],
        flux[by_place],
        group,
        sigma_px,
        slit_px,
    )


def _is_spike(sky, variance, good, sigma_px, slit_px):
    """True where a pixel stands out from its neighbours more than the sharpest line could: a cosmic ray."""
    phases = np.linspace(-0.5, 0.5, 11)[:, None]
    line = slit_image(np.arange(-2, 3) - phases, 0.8 * sigma_px, slit_px)
    sharpest = 1.5 * np.max(line.max(axis=1) / np.median(line, axis=1))
    signal = np.where(good, sky - running_low(sky, good, quiet_px(slit_px)), 0.0)
    near = np.lib.stride_tricks.sliding_window_view(np.pad(signal, 2, mode="edge"), 5)
    return signal > sharpest * np.maximum(np.median(near, axis=1), 0.0) + 8 * np.sqrt(variance)


def quiet_px(slit_px):
    """Length of an order in which some pixels are free of lines."""
    return int(max(61, 8 * slit_px))


def running_low(sky, good, window):
    """Lower quartile in blocks, interpolated: the sky between its lines."""
    n_blocks = max(1, sky.size // window)
    used = np.where(good, sky, np.inf)[: n_blocks * window].reshape(n_blocks, -1)
    n_good = np.isfinite(used).sum(axis=1)
    low = np.sort(used, axis=1)[np.arange(n_blocks), n_good // 4]
    seen = n_good > 4
    centres = (np.arange(n_blocks) + 0.5) * used.shape[1]
    return np.interp(np.arange(sky.size), centres[seen], low[seen]) if seen.any() else np.zeros(sky.size)


@dataclass(frozen=True)
class _Images:
    """Light of every line in the pixels about it (lines x window), and how it changes by shift, log blur, log width."""

    rows: np.ndarray
    light: np.ndarray
    by_shift: np.ndarray
    by_blur: np.ndarray
    by_width: np.ndarray


def _images(order, shift, sigma_px, slit_px):
    half = int(np.ceil(0.5 * slit_px + 4.5 * sigma_px)) + 1
    place = order.position + shift
    rows = np.rint(place).astype(int)[:, None] + np.arange(-half, half + 1)
    light, by_distance, by_blur, by_width = slit_image_and_slopes(rows - place[:, None], sigma_px, slit_px)
    flux = np.where((rows >= 0) & (rows < order.sky.size), order.flux[:, None], 0.0)
    return _Images(
        np.clip(rows, 0, order.sky.size - 1), flux * light, -flux * by_distance, flux * by_blur, flux * by_width
    )


def template_of(order):
    """Light of the list's lines in every pixel, unshifted."""
    images = _images(order, 0.0, order.sigma_px, order.slit_px)
    return np.bincount(images.rows.ravel(), images.light.ravel(), order.sky.size)


@dataclass(frozen=True)
class LineFit:
    shift: float
    sigma_px: float
    slit_px: float
    fluxes: np.ndarray  # of the groups, relative to the list
    weight: np.ndarray
    expected: np.ndarray  # what the neighbours' fluxes let expect


def _columns(order, rows, *blocks, dense=()):
    """Columns [pixel, ...]: of each block (lines x window) one column a group, then the continuum, then dense ones."""
    n, k = order.sky.size, order.n_groups
    place = (rows * k + order.group[:, None]).ravel()
    grouped = [np.bincount(place, block.ravel(), n * k).reshape(n, k) for block in blocks]
    return np.hstack([*grouped, order.continuum, *(column[:, None] for column in dense)])


def _solve(columns, weight, target, prior, prior_value):
    """Weighted least squares with a diagonal Gaussian prior: (values, function that gives their standard errors)."""
    normal = normal_of(columns, weight)
    normal[np.diag_indices_from(normal)] += prior
    scale = 1 / np.sqrt(np.maximum(np.diag(normal), 1e-300))
    normal *= scale[:, None] * scale
    normal[np.diag_indices_from(normal)] += 1e-9
    factor = cho_factor(normal)
    values = scale * cho_solve(factor, scale * (columns.T @ (weight * target) + prior * prior_value))

    def errors():
        return scale * np.sqrt(np.diag(cho_solve(factor, np.eye(scale.size))))

    return values, errors


def fit_lines(order, shift, template_error, slit_freedom, rounds=8):
    """Gauss-Newton fit of shift and widths of the slit's image, fluxes and continuum; outlying pixels lose weight.

    template_error: fraction by which the slit's image may be wrong; slit_freedom: the slit's width, of what was given.
    """
    sigma, slit, k = order.sigma_px, order.slit_px, order.n_groups
    weight = order.good / order.variance
    fluxes, expected = _first_fluxes(order, shift, weight)
    for turn in range(rounds):
        images = _images(order, shift, sigma, slit)
        columns = _columns(order, images.rows, images.light, dense=_bends(order, images, fluxes))
        prior, prior_value = np.zeros(columns.shape[1]), np.zeros(columns.shape[1])
        prior[:k], prior_value[:k] = (FLUX_SCATTER * expected) ** -2, expected
        prior[-2:] = 0.3**-2, slit_freedom**-2  # relative change of blur and of slit width about what was given
        prior_value[-2:] = np.log(order.sigma_px / sigma), np.log(order.slit_px / slit)
        values, _ = _solve(columns, weight, order.sky, prior, prior_value)
        step = np.clip(values[-3:], [-LARGEST_STEP, -0.25, -0.05], [LARGEST_STEP, 0.25, 0.05])
        model = columns @ np.concatenate([values[:-3], step])
        shift, sigma, slit = shift + step[0], sigma * np.exp(step[1]), slit * np.exp(step[2])
        fluxes = np.maximum(values[:k], 0.0)  # a negative line would pull the shift the wrong way
        spread = np.sqrt(order.variance + (template_error * (columns[:, :k] @ fluxes)) ** 2)
        weight = order.good * _tukey((order.sky - model) / spread) / spread**2
        if turn > 1 and abs(step[0]) < 2e-3:
            break
    return LineFit(float(shift), float(sigma), float(slit), fluxes, weight, expected)


def _first_fluxes(order, shift, weight):
    """(fluxes of the groups, fluxes expected from those of the neighbourhood) with the shift as guessed."""
    images = _images(order, shift, order.sigma_px, order.slit_px)
    columns = _columns(order, images.rows, images.light)
    k = order.n_groups
    light = np.bincount(order.group, order.flux)
    prior = np.zeros(columns.shape[1])
    values, _ = _solve(columns, weight, order.sky, prior, prior)
    place = np.bincount(order.group, order.flux * order.position) / light / order.sky.size
    # the blaze changes the fluxes' ratio to the list along the order
    near = light * np.exp(-0.5 * ((place - place[:, None]) / 0.15) ** 2)
    expected = np.maximum(near @ values[:k], 0.0) / near.sum(axis=1)
    expected = np.maximum(expected, 0.02 * expected.max() + 1e-30)
    return np.clip(values[:k], 0.0, 5 * expected), expected


def _bends(order, images, fluxes):
    """Change of the lines' light by shift, log blur and log slit width, 3 x pixels."""
    share, rows = fluxes[order.group][:, None], images.rows.ravel()
    changes = (images.by_shift, images.by_blur, images.by_width)
    return np.array([np.bincount(rows, (share * change).ravel(), order.sky.size) for change in changes])


def slit_information(order, fit):
    """What a fit knows of the slit's width: inverse variance of its logarithm, all else known."""
    bends = _bends(order, _images(order, fit.shift, fit.sigma_px, fit.slit_px), fit.fluxes)
    return float(np.dot(bends[2] ** 2, fit.weight))


def _tukey(z, cut=6.0):
    return np.where(np.abs(z) < cut, (1 - (z / cut) ** 2) ** 2, 0.0)


def group_offsets(order, fit):
    """Offsets from the arc, with errors, of groups of lines; `unit` holds their wavelength for the moment.

    Neighbouring groups too faint to be placed alone are placed together, so that faint lines count too.
    """
    k = order.n_groups
    images = _images(order, fit.shift, fit.sigma_px, fit.slit_px)
    slopes = images.by_shift * fit.fluxes[order.group][:, None]
    columns = _columns(order, images.rows, images.light, slopes)
    own = np.arange(k, 2 * k)
    information = (columns[:, own] ** 2).T @ fit.weight
    segment = np.floor((np.cumsum(information) - 0.5 * information) * ALONE_PX**2)
    segment = np.unique(segment, return_inverse=True)[1]
    n = int(segment[-1]) + 1
    together = np.add.reduceat(columns[:, own], np.searchsorted(segment, np.arange(n)), axis=1)
    columns = np.hstack([np.delete(columns, own, axis=1), together])
    prior, prior_value = np.zeros(columns.shape[1]), np.zeros(columns.shape[1])
    prior[:k], prior_value[:k] = (FLUX_SCATTER * fit.expected) ** -2, fit.expected
    prior[-n:] = 3.0**-2  # px: only to keep groups without light defined
    values, errors = _solve(columns, fit.weight, order.sky, prior, prior_value)
    spread = errors()[-n:]
    light = np.bincount(order.group, order.flux)
    wavelength = np.bincount(order.group, order.flux * order.wavelength) / light
    middle = np.bincount(segment, information * wavelength) / np.maximum(np.bincount(segment, information), 1e-300)
    use = (spread < 3 * ALONE_PX) & (middle > 0)
    return LineOffsets(middle[use], fit.shift + values[-n:][use], spread[use])
