"""Sky and sources of an order from its pixels as they are: one linear model, solved together, nothing resampled.

A pixel's expected electrons are

    slit(s) * sky(u) + sum over sources of  profile(s - trace) * arcsec * counts(u)

with u the position along the dispersion, in pixels of the trace, that has the pixel's wavelength. The tilt of the slit
enters only through u, so lines keep their width, and the sky is sampled between the pixels (Kelson 2003, PASP 115, 688).
sky(u) are cubic B-splines, counts(u) samples on the native pixels of the trace, interpolated. Weights are those of the
model's own noise (Horne 1986, PASP 98, 609), cosmic rays are pixels that the model cannot explain.
"""

from dataclasses import dataclass

import numpy as np

from soxslib import kernels
from soxslib.numerics import filters, series, splines
from soxslib.numerics.expected import expected_counts
from soxslib.numerics.hits import Hits, spikes

_model_variance = kernels.function("model_variance", "ddxddn")


@dataclass(frozen=True)
class Basis:
    """How pixels read the coefficients: arrays [row, column] of the first of four nodes and the phase behind the second."""

    first: np.ndarray
    phase: np.ndarray
    on_grid: np.ndarray
    n_columns: int

    @property
    def n_nodes(self):
        return self.n_columns + 2 * MARGIN

    @property
    def position(self):
        """Where the pixels are, in columns of the native grid."""
        return self.first + 1 + self.phase - MARGIN


@dataclass(frozen=True)
class Pixels:
    """Pixels of one order, arrays [row, column] of the cutout.

    data, floor: electrons and signal-free variance; good: may be read; slit_light: relative slit illumination; ndit:
    integrations averaged; response_variance: relative, of the pixels' response, by which the data were divided.
    """

    data: np.ndarray
    floor: np.ndarray
    good: np.ndarray
    basis: Basis
    slit_light: np.ndarray
    ndit: int = 1
    response_variance: np.ndarray | float = 0.0


@dataclass(frozen=True)
class OrderFit:
    """Sky and sources of one order.

    sky [row, column]: electrons per pixel; sky_density [column]: per pixel at the slit's centre; sky_information [column]: its
    inverse variance were nothing else fitted; counts [source, column]: electrons per native pixel; expected: those counts
    without noise of their own, whose photons the variance holds; model: everything; is_cosmic_ray: pixels rejected; chi2: per
    degree of freedom of what was kept; misfit [column]: mean square of its pulls.
    """

    sky: np.ndarray
    sky_density: np.ndarray
    sky_information: np.ndarray
    counts: np.ndarray
    expected: np.ndarray
    model: np.ndarray
    variance: np.ndarray
    is_cosmic_ray: np.ndarray
    chi2: float
    misfit: np.ndarray


LEAST_COVERAGE = 0.4  # of a profile, below which the pixels do not measure a source
WEIGHT_ROUNDS = 2  # rounds after which the model is good enough to give the weights; a given first model saves one
MARGIN = 12  # nodes beyond the first and last pixel, for what the tilt brings in from outside


def model_variance(model, floor, ndit, response=0.0):
    """Variance of pixels whose expected signal is `model` [electron of one integration]: read-out floor, photons, and the
    relative variance of the response."""
    model, floor, response = (np.ascontiguousarray(a, float) for a in np.broadcast_arrays(model, floor, response))
    out = np.empty(model.shape)
    _model_variance(model, floor, ndit, response, out, out.size)
    return out


def basis_of(position, n_columns):
    """The Basis of pixels at positions u, in columns of the native grid (node k + MARGIN is column k)."""
    known = np.isfinite(position)
    first, phase = splines.nodes_of(np.where(known, position, 0.0) + MARGIN)
    on_grid = known & (first >= 0) & (first + splines.TAPS <= n_columns + 2 * MARGIN)
    return Basis(np.where(on_grid, first, 0), np.where(on_grid, phase, 0.0), on_grid, n_columns)


def fit_order(
    pixels, profiles, *, reject_sigma, grow_sigma, model_error, sky_error, rounds, sharpest_px=0, stiffness=None, start=None,
    extended_px=0, extended_free=None, known=None,
):  # fmt: skip
    """The OrderFit of an order for given source profiles (list of arrays [row, column], summing to about 1 over a column).

    start: a first variance [row, column] for the first weights; reject_sigma, grow_sigma: a pixel so far above the model is a
    cosmic ray, or a neighbour of one; model_error: part of the model that no test trusts, of the sky what its bright lines
    show, sky_error at least; sharpest_px: sigma of the sharpest line, 0 for any; stiffness: Stiffness of the sky; extended_px:
    the last source has no structure shorter than this but where extended_free [column]; known: KnownSky of other exposures.
    """
    basis, n_nodes, n_sources, sky_kinds = pixels.basis, pixels.basis.n_nodes, len(profiles), _sky_kinds(stiffness)
    k, first, phase = n_sources + len(sky_kinds), basis.first, basis.phase
    usable, value = pixels.good & basis.on_grid, pixels.data
    kinds, factors = [series.CONVOLUTION] * n_sources + sky_kinds, [*profiles, *[pixels.slit_light] * len(sky_kinds)]
    sharp = spikes(value, pixels.floor, usable, pixels.ndit, sharpest_px) if sharpest_px else None
    hits = Hits(basis, usable, profiles, sharp)
    noise_of = lambda light: model_variance(light, pixels.floor, pixels.ndit, pixels.response_variance)
    light_of = lambda parts: _series_sum(parts, kinds, factors, first, phase)
    variance = noise_of(value) if start is None else start
    given, told = _told(known, stiffness, sky_kinds, k)
    given = given + _smooth_source(basis, usable, profiles, pixels.floor, extended_px, extended_free, k)
    weight_rounds, of_sky = WEIGHT_ROUNDS if start is None else WEIGHT_ROUNDS - 1, model_error
    for round_ in range(rounds):
        if round_ < weight_rounds:  # after these only what is rejected leaves the equations
            weight = inverse(variance, usable & ~hits.rejected)
            bands, vector = series.equations(first, phase, kinds, factors, weight, value, n_nodes)
            bands, vector = bands + given, vector + told
        solution = splines.solve(bands, vector, ridge=1e-9).reshape(n_nodes, k)
        for c in range(n_sources):
            solution[:, c] = bridged(solution[:, c], hits.coverage(c))
        sky = _series_sum(solution[:, n_sources:], sky_kinds, factors[n_sources:], first, phase)
        model = _series_sum(solution[:, :n_sources], kinds, profiles, first, phase, sky.copy())
        if round_ >= weight_rounds - 1:
            of_sky = hits.sky_error(value, model, sky, variance, least=sky_error, most=model_error)
        pulls = hits.pulls(value, model, sky, variance, of_sky, model_error)
        new = hits.found(pulls, hits.leverage(variance), reject_sigma, grow_sigma)
        if round_ >= weight_rounds - 1:
            if not (changed := new != hits.rejected).any():
                break
            weight = np.where(new, -1.0, 1.0) * inverse(variance, changed)
            b, v = series.equations(first, phase, kinds, factors, weight, value, n_nodes)
            bands, vector = bands + b, vector + v
        hits.rejected = new
        if round_ < weight_rounds - 1:
            variance = noise_of(light_of(_expected(solution, bands - given, n_sources)))
    kept, expected = usable & ~hits.rejected, _expected(solution, bands - given, n_sources)
    left, at = (value - model)[kept] ** 2 / variance[kept], hits.node[kept]
    return OrderFit(
        sky=sky,
        sky_density=_at_columns(solution[:, n_sources:], sky_kinds, basis.n_columns),
        sky_information=np.bincount(at, (pixels.slit_light**2 / variance)[kept], n_nodes)[MARGIN:-MARGIN],
        counts=solution[MARGIN:-MARGIN, :n_sources].T,
        expected=expected[MARGIN:-MARGIN, :n_sources].T,
        model=model,
        variance=noise_of(light_of(expected)),
        is_cosmic_ray=hits.rejected,
        chi2=float(left.sum() / max(left.size - (n_sources + 1) * basis.n_columns, 1)),
        misfit=(np.bincount(at, left, n_nodes) / np.maximum(np.bincount(at, minlength=n_nodes), 1))[MARGIN:-MARGIN],
    )


def _at_columns(solution, kinds, n_columns):
    """Sum of the components at the native pixels."""
    columns = np.arange(n_columns)
    return _series_sum(solution, kinds, [1.0] * len(kinds), columns + MARGIN - 1, np.zeros(n_columns))


def _expected(solution, bands, n_sources):
    """Coefficients of a fit, [node, component], without noise of their own; bands: information of its data (upper).

    Light of sources is not negative, the sky's splines may be; what stands between its nodes is noise nowhere.
    """
    k = solution.shape[1]
    expected = solution.copy()
    for c in {*range(n_sources), k - 1}:
        least = 0.0 if c < n_sources else -np.inf
        expected[:, c] = expected_counts(solution[:, c], bands[-1, c::k], least=least)
    return expected


def _series_sum(solution, kinds, factors, first, phase, out=None):
    """Sum of the components at positions given by first node and phase, added to `out` where that is given."""
    for c, factor in enumerate(factors):
        out = series.evaluate(solution[:, c], kinds[c], first, phase, factor, out)
    return out


def bridged(counts, coverage):
    """Counts with a line drawn across nodes of which too little of the profile was seen.

    Wings alone measure the errors of the sky rather than the source; a source they drag away would make its own pixels look
    like cosmic rays.
    """
    poor = coverage < LEAST_COVERAGE
    if not poor.any() or poor.all():
        return counts
    nodes = np.arange(counts.size)
    return np.where(poor, np.interp(nodes, nodes[~poor], counts[~poor]), counts)


def _sky_kinds(stiffness):
    fine = stiffness is not None and stiffness.between is not None
    return [series.HALF_WAY, series.BSPLINE] if fine else [series.BSPLINE]


def _told(known, stiffness, sky_kinds, k):
    """(bands, vector) of what a KnownSky and a Stiffness tell the last of k components; 0 of None."""
    penalty = _penalty(stiffness, k)
    if known is None:
        return penalty, 0.0
    bands, vector = splines.embedded(*known.equations(len(sky_kinds)), k, k - len(sky_kinds))
    return bands + penalty, vector


def _smooth_source(basis, usable, profiles, floor, length_px, free, k):
    """Bands of what keeps the last source's spectrum smooth, as `sky_stiffness` does the sky; 0 without a length."""
    if not length_px:
        return 0.0
    light = np.where(usable, profiles[-1], 0.0) ** 2 / np.median(floor[usable])
    information = np.median(np.bincount(basis.first.ravel(), light.ravel(), basis.n_nodes))
    strength = np.full(basis.n_nodes, information * (length_px / (2 * np.pi)) ** 4)
    if free is not None:
        strength[np.pad(free, MARGIN)] = 0.0
    return splines.second_differences(strength, k, len(profiles) - 1)


def _penalty(stiffness, k):
    """Bands of what keeps the sky smooth: the last of k components; the one before, if any, stands between the nodes.
    0 without a Stiffness."""
    if stiffness is None:
        return 0.0
    bands = splines.second_differences(stiffness.strength, k, k - 1)
    if stiffness.between is not None:
        bands[-1, k - 2 :: k] += stiffness.between
    return bands


@dataclass(frozen=True)
class Stiffness:
    """What keeps the sky smooth where it has no lines.

    strength [node]: of the penalty on second differences; variance_left [column]: what is then left of the variance that the
    sky would have without; between [node]: inverse variance expected of splines half-way between the nodes, None without.
    """

    strength: np.ndarray
    variance_left: np.ndarray
    between: np.ndarray | None = None


def variance_left(length_px):
    """What the penalty on structure shorter than a length leaves of the variance of a sample."""
    k = np.linspace(0.0, np.pi, 400)
    return float(np.mean(1.0 / (1.0 + (length_px * k / (2 * np.pi)) ** 4)))


def sky_stiffness(fit, *, length_px, line_sigma, between):
    """The Stiffness that suits a fitted sky: between the lines, structure shorter than length_px is damped.

    Columns where the curvature stands line_sigma above its noise, and their neighbours as far as a line's wings, are free.
    The filter is that of a smoothing spline, 1 / (1 + (length k / 2 pi)^4) for the wave number k
    (Silverman 1984, Ann. Stat. 12, 898). between: what splines half-way between the nodes may add to a line, as part of its
    curvature, or 0: lines of two pixels' width are not told by splines on the pixels alone.
    """
    information = np.maximum(fit.sky_information, 1e-12 * fit.sky_information.max())
    curvature = np.zeros_like(fit.sky_density)
    curvature[1:-1] = np.diff(fit.sky_density, 2)
    z = filters.convolved(curvature, [0.5, 1.0, 0.5]) * np.sqrt(information)
    scale = max(1.4826 * np.median(np.abs(z)), 1e-12)
    is_line = np.abs(z) > line_sigma * min(scale, 2.5)  # where most of an order is lines the scatter is no noise
    reach = int(np.ceil(1.5 * length_px))
    is_line = filters.dilated(is_line, reach)
    strength = np.where(is_line, 0.0, information * (length_px / (2 * np.pi)) ** 4)
    left = np.where(is_line, 1.0, variance_left(length_px))
    if not between:
        return Stiffness(np.pad(strength, MARGIN), left)
    expected = between * np.lib.stride_tricks.sliding_window_view(np.pad(np.abs(curvature), 2), 5).max(axis=1)
    free = np.where(is_line, 1.0 / np.maximum(expected, 1e-30) ** 2, np.inf)
    cap = 1e3 * information
    return Stiffness(np.pad(strength, MARGIN), left, np.pad(np.minimum(free, cap), MARGIN, constant_values=cap.max()))


def inverse(variance, usable):
    """1 / variance where usable, 0 elsewhere; what is not usable is not read."""
    return np.divide(1.0, variance, out=np.zeros(np.shape(variance)), where=usable)
