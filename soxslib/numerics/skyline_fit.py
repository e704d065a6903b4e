"""Fit of the listed sky lines to an order's sky: positions, fluxes, width of the slit's image, continuum."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.interpolate import BSpline
from scipy.linalg import cho_factor, cho_solve
from scipy.special import erf

from soxslib.numerics.lineshift import LineOffsets

LARGEST_STEP = 1.0  # px a Gauss-Newton step may go: beyond, the linear expansion of a line's image is wrong
FLUX_SCATTER = 0.5  # of a group about the list's flux, relative; only faint and blended groups feel it
ALONE_PX = 0.2  # groups placed worse than this are placed together with their neighbours


def slit_image(distance_px, sigma_px, slit_px):
    """Fraction of a line's light in a pixel `distance_px` from the line: box * Gaussian * pixel, exactly integrated."""

    def integral_of_cdf(x):
        z = x / sigma_px
        return 0.5 * x * (1 + erf(z / np.sqrt(2))) + sigma_px * np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)

    far, near = 0.5 * (slit_px + 1), 0.5 * (slit_px - 1)
    ends = integral_of_cdf(distance_px + far) + integral_of_cdf(distance_px - far)
    return (ends - integral_of_cdf(distance_px + near) - integral_of_cdf(distance_px - near)) / slit_px


@dataclass(frozen=True)
class SkyOrder:
    """What is fitted: pixels, their variance, continuum basis, and where the lines are expected."""

    sky: np.ndarray
    variance: np.ndarray
    good: np.ndarray
    continuum: sparse.csc_matrix
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
    pixels = np.clip(np.arange(len(sky), dtype=float), known[0], known[-1])
    return SkyOrder(
        np.where(good, sky, 0.0).astype(float),
        np.where(good, variance, 1.0).astype(float),
        good,
        BSpline.design_matrix(pixels, _knots(known[0], known[-1], spacing=max(60.0, 6 * width)), 3).tocsc(),
        position,
        line_nm[by_place],
        flux[by_place],
        group,
        sigma_px,
        slit_px,
    )


def _knots(first, last, spacing):
    inner = np.linspace(first, last, max(2, int((last - first) / spacing)) + 1)
    return np.concatenate([[first] * 3, inner, [last] * 3]).astype(float)


def _images(order, shift, sigma_px, slit_px):
    """(rows, values): pixels each line's image covers and its light in them, lines x window."""
    half = int(np.ceil(0.5 * slit_px + 4.5 * sigma_px)) + 1
    place = order.position + shift
    rows = np.rint(place).astype(int)[:, None] + np.arange(-half, half + 1)
    values = order.flux[:, None] * slit_image(rows - place[:, None], sigma_px, slit_px)
    inside = (rows >= 0) & (rows < order.sky.size)
    return np.where(inside, rows, 0), np.where(inside, values, 0.0)


def light_of(order, fluxes, shift, sigma_px, slit_px):
    """The lines' light in every pixel."""
    rows, values = _images(order, shift, sigma_px, slit_px)
    return np.bincount(rows.ravel(), (values * fluxes[order.group][:, None]).ravel(), order.sky.size)


@dataclass(frozen=True)
class LineFit:
    shift: float
    sigma_px: float
    slit_px: float
    fluxes: np.ndarray  # of the groups, relative to the list
    weight: np.ndarray
    expected: np.ndarray  # what the neighbours' fluxes let expect


def _columns(order, shift, sigma_px, slit_px, bend):
    """Sparse columns: the groups' images, the continuum, the bends."""
    rows, values = _images(order, shift, sigma_px, slit_px)
    ends = np.searchsorted(order.group, np.arange(order.n_groups), side="right") * rows.shape[1]
    n, n_bends = bend.shape
    spline = order.continuum
    starts = np.concatenate([[0], ends, ends[-1] + spline.indptr[1:]])
    starts = np.concatenate([starts, starts[-1] + n * np.arange(1, n_bends + 1)])
    indices = np.concatenate([rows.ravel(), spline.indices, np.tile(np.arange(n), n_bends)])
    data = np.concatenate([values.ravel(), spline.data, bend.T.ravel()])
    return sparse.csc_matrix((data, indices, starts), shape=(n, starts.size - 1))


def _solve(columns, weight, target, prior, prior_value):
    """Weighted least squares with a diagonal Gaussian prior: (values, function that gives their standard errors)."""
    weighted = columns.copy()
    weighted.data = weighted.data * weight[weighted.indices]
    normal = (columns.T @ weighted).toarray()
    normal[np.diag_indices_from(normal)] += prior
    scale = 1 / np.sqrt(np.maximum(np.diag(normal), 1e-300))
    normal *= scale[:, None] * scale
    normal[np.diag_indices_from(normal)] += 1e-9
    factor = cho_factor(normal, lower=True, overwrite_a=True, check_finite=False)
    values = scale * cho_solve(factor, scale * (weighted.T @ target + prior * prior_value), check_finite=False)

    def errors():
        return scale * np.sqrt(np.diag(cho_solve(factor, np.eye(scale.size), check_finite=False)))

    return values, errors


def fit_lines(order, shift, template_error, rounds=5):
    """Gauss-Newton fit of shift and widths of the slit's image, fluxes and continuum; outlying pixels lose weight."""
    sigma, slit, k = order.sigma_px, order.slit_px, order.n_groups
    weight = order.good / order.variance
    fluxes, expected = _first_fluxes(order, shift, weight)
    for turn in range(rounds):
        columns = _columns(order, shift, sigma, slit, _bends(order, fluxes, shift, sigma, slit))
        prior, prior_value = np.zeros(columns.shape[1]), np.zeros(columns.shape[1])
        prior[:k], prior_value[:k] = (FLUX_SCATTER * expected) ** -2, expected
        prior[-2:] = 0.3**-2, 0.03**-2  # relative change of blur and of slit width about what was given
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
    columns = _columns(order, shift, order.sigma_px, order.slit_px, np.zeros((order.sky.size, 0)))
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


def _bends(order, fluxes, shift, sigma, slit, eps=0.02):
    """Derivatives of the lines' light by shift, log blur and log slit width, pixels x 3."""
    here = light_of(order, fluxes, shift, sigma, slit)
    ahead, behind = (light_of(order, fluxes, shift + d, sigma, slit) for d in (eps, -eps))
    blurred = light_of(order, fluxes, shift, sigma * (1 + eps), slit)
    wider = light_of(order, fluxes, shift, sigma, slit * (1 + eps))
    return np.column_stack([(ahead - behind) / (2 * eps), (blurred - here) / eps, (wider - here) / eps])


def _tukey(z, cut=6.0):
    return np.where(np.abs(z) < cut, (1 - (z / cut) ** 2) ** 2, 0.0)


def group_offsets(order, fit, eps=0.02):
    """Offsets from the arc, with errors, of groups of lines; `unit` holds their wavelength for the moment.

    Neighbouring groups too faint to be placed alone are placed together, so that faint lines count too.
    """
    k, nothing = order.n_groups, np.zeros((order.sky.size, 0))
    columns = _columns(order, fit.shift, fit.sigma_px, fit.slit_px, nothing)
    ahead, behind = (_columns(order, fit.shift + d, fit.sigma_px, fit.slit_px, nothing)[:, :k] for d in (eps, -eps))
    slopes = (ahead - behind) @ sparse.diags(fit.fluxes / (2 * eps))
    information = slopes.multiply(slopes).T @ fit.weight
    segment = np.floor((np.cumsum(information) - 0.5 * information) * ALONE_PX**2)
    segment = np.unique(segment, return_inverse=True)[1]
    n = int(segment[-1]) + 1
    member = sparse.csr_matrix((np.ones(k), (np.arange(k), segment)), shape=(k, n))
    columns = sparse.hstack([columns, slopes @ member], format="csc")
    prior, prior_value = np.zeros(columns.shape[1]), np.zeros(columns.shape[1])
    prior[:k], prior_value[:k] = (FLUX_SCATTER * fit.expected) ** -2, fit.expected
    prior[-n:] = 3.0**-2  # px: only to keep groups without light defined
    values, errors = _solve(columns, fit.weight, order.sky, prior, prior_value)
    spread = errors()[-n:]
    share = np.bincount(order.group, order.flux)
    wavelength = np.bincount(order.group, order.flux * order.wavelength) / share
    middle = np.bincount(segment, information * wavelength) / np.maximum(np.bincount(segment, information), 1e-300)
    use = (spread < 3 * ALONE_PX) & (middle > 0)
    return LineOffsets(middle[use], fit.shift + values[-n:][use], spread[use])
