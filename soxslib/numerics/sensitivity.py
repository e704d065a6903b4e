"""Response of an order from a star of known flux.

Counts are a smooth function times what a perfect instrument would see.
"""

from dataclasses import dataclass

import numpy as np

from soxslib.numerics.splines import bspline_weights

DEGREE = 3
_ITERATIONS = 25
_PHASE_KNOT = 0.1  # of an echelle's order number: five knots from the blaze's peak to its half
_LAMP_PHASE_KNOT = 0.25  # what star and lamp differ by bends more slowly than the blaze ...
_LAMP_PHASE = 0.05  # ... by so much in log, the lamp does not fill the grating as a star does ...
_LAMP_PHASE_BEND = 0.01  # ... and bends by so much from knot to knot


@dataclass(frozen=True)
class StarOrder:
    """One order of a standard, sorted by wavelength.

    expected: counts for a sensitivity of one electron/s/nm per erg/s/cm2/Angstrom above the atmosphere;
    is_continuum: False where the sample must not be read (flags, tellurics, stellar lines); is_absorbed: good samples that
    only telluric bands hide; log_blaze: log of the lamp's counts per nm, or zeros.
    """

    order: int
    wavelength_nm: np.ndarray
    counts: np.ndarray
    variance: np.ndarray
    expected: np.ndarray
    is_continuum: np.ndarray
    log_blaze: np.ndarray
    is_absorbed: np.ndarray | None = None


@dataclass(frozen=True)
class Curve:
    """Natural log of the sensitivity, its error, and where it was measured, on a grid."""

    wavelength_nm: np.ndarray
    log_sensitivity: np.ndarray
    log_error: np.ndarray
    is_measured: np.ndarray
    residual: float  # robust scatter of the measured sensitivity about the curve, per chunk
    chunk_nm: np.ndarray
    chunk_log_sensitivity: np.ndarray
    is_rejected: np.ndarray


@dataclass(frozen=True)
class Chunks:
    """Sums over short stretches of continuum: linear in the noisy counts, so that faint ends bias nothing."""

    first: np.ndarray  # of each chunk, in the samples
    wavelength: np.ndarray  # of the samples
    counts: np.ndarray
    variance: np.ndarray
    model: np.ndarray  # of the samples, for a curve of 0
    middle: np.ndarray

    def add(self, samples):
        """Sums over the chunks."""
        return np.add.reduceat(samples, self.first, axis=0)


def spline_grid(low, high, spacing):
    """(first knot, step, number of intervals) of a cubic spline of equal steps, near `spacing`, over the range."""
    n = max(int(np.round((high - low) / spacing)), 1)
    return low, (high - low) / n, n


def basis(x, grid):
    """Values of all cubic B-splines at x (rows); outside the range they continue as polynomials."""
    low, step, n = grid
    position = (np.asarray(x, float) - low) / step
    first = np.clip(np.floor(position), 0, n - 1).astype(np.intp)
    out = np.zeros((position.size, n + DEGREE))
    for tap, weight in enumerate(bspline_weights(position - first)):
        out[np.arange(position.size), first + tap] = weight
    return out


def make_chunks(star, reference, chunk_nm):
    """The Chunks of an order's continuum; None without any. reference: log sensitivity at the samples."""
    use = np.flatnonzero(star.is_continuum & (star.expected > 0))
    if use.size < 20:
        return None
    wavelength = star.wavelength_nm[use]
    number = np.floor((wavelength - star.wavelength_nm[0]) / chunk_nm).astype(int)
    first = np.flatnonzero(np.r_[True, np.diff(number) > 0])
    add = lambda y: np.add.reduceat(y, first)
    return Chunks(
        first,
        wavelength,
        add(star.counts[use]),
        add(star.variance[use]),
        np.exp(reference[use]) * star.expected[use],
        add(wavelength) / add(np.ones(use.size)),
    )


def fit_order(
    star, reference, *, grid_nm, knot_nm, stiffness, amplitude, chunk_nm, model_error, zero_error, clip_sigma
):
    """The Curve of one order: a reference (function of wavelength) + a spline, in log.

    Without enough continuum it is the reference alone, with the amplitude as its error; None when there is neither.

    The spline is drawn to straight lines and, when `amplitude` is given, to the reference: so it crosses what is not
    continuum, with growing errors. stiffness: candidates for the bend expected from knot to knot, the stiffest first;
    generalised cross-validation chooses. Chunks far from the curve lose weight (Tukey's biweight): telluric and stellar
    lines that no list holds. model_error, zero_error: accuracy of a chunk's counts, of themselves and of the brightest.
    """
    chunks = make_chunks(star, reference(star.wavelength_nm), chunk_nm)
    if chunks is None or np.sum(chunks.counts > 3 * np.sqrt(chunks.variance)) < 3:
        return _borrowed(reference(grid_nm), grid_nm, amplitude) if amplitude else None
    knots = spline_grid(star.wavelength_nm[0], star.wavelength_nm[-1], knot_nm)
    bases = basis(chunks.wavelength, knots)
    fits = [
        _penalised(
            chunks, bases, _prior(bases.shape[1], s, amplitude), (model_error, zero_error), clip_sigma, bool(amplitude)
        )
        for s in stiffness
    ]
    best = _simplest(fits)
    at = basis(grid_nm, knots)
    curve_at_chunks = np.log(np.maximum(chunks.counts, 1e-30) / chunks.add(chunks.model)) + reference(chunks.middle)
    kept = best.robust > 0.1
    return Curve(
        grid_nm,
        reference(grid_nm) + at @ best.coefficients,
        np.sqrt(np.einsum("ij,jk,ik->i", at, best.covariance, at)),
        _distance(grid_nm, chunks.middle[kept]) < max(2 * chunk_nm, 0.5 * knot_nm),
        float(1.4826 * np.median(np.abs(best.residual[kept]))),
        chunks.middle,
        curve_at_chunks,
        ~kept,
    )


def _simplest(fits):
    """The first of fits, the stiffest first, whose score no other betters by more than its own standard error (Hastie,
    Tibshirani & Friedman 2009, section 7.10): a freer curve strays where it is not held, within the telluric bands."""
    least = min(fits, key=lambda f: f.score)
    limit = least.score * (1.0 + np.sqrt(2.0 / least.residual.size))
    return next(f for f in fits if f.score <= limit)


def _borrowed(reference, grid_nm, amplitude):
    nowhere = np.zeros(grid_nm.size, bool)
    none = np.zeros(0)
    return Curve(grid_nm, reference, np.full(grid_nm.size, amplitude), nowhere, np.nan, none, none, none.astype(bool))


@dataclass(frozen=True)
class _Fit:
    coefficients: np.ndarray
    covariance: np.ndarray
    robust: np.ndarray
    residual: np.ndarray
    score: float


def _prior(n, bend, amplitude):
    rough = np.diff(np.eye(n), 2, axis=0) / bend
    return rough.T @ rough + (np.eye(n) / amplitude**2 if amplitude else 1e-10 * np.eye(n))


def _penalised(chunks, bases, prior, errors, clip_sigma, is_absolute):
    """The _Fit of counts = model * exp(spline), by Gauss-Newton with robust weights."""
    bright = chunks.counts > 3 * np.sqrt(chunks.variance)
    size = chunks.add(np.ones(bases.shape[0]))[:, None]
    value = np.log(np.where(bright, chunks.counts, 1.0) / chunks.add(chunks.model))
    level = 0.0 if is_absolute else np.median(value[bright])
    a = (chunks.add(bases) / size)[bright]
    coefficients = level + np.linalg.solve(a.T @ a / 0.02**2 + prior, a.T @ (value[bright] - level) / 0.02**2)
    robust, scale, brightest = np.ones(size.size), 1.0, chunks.counts.max()
    for i in range(_ITERATIONS):
        filled = chunks.model * np.exp(np.clip(bases @ coefficients - level, -15, 15) + level)
        mean = chunks.add(filled)
        design = chunks.add(filled[:, None] * bases) / mean[:, None]
        sigma = np.sqrt(chunks.variance + (errors[0] * mean) ** 2 + (errors[1] * brightest) ** 2) / mean
        residual = (chunks.counts - mean) / mean
        weight = robust / sigma**2
        normal = (design * weight[:, None]).T @ design + prior
        change = np.linalg.solve(normal, design.T @ (weight * residual) - prior @ (coefficients - level))
        change /= max(1.0, np.abs(change).max())
        coefficients = coefficients + change
        if i >= 3:
            pulls = residual / sigma
            scale = max(1.4826 * np.median(np.abs(pulls)), 1.0)
            robust = np.clip(1 - (pulls / (clip_sigma * scale)) ** 2, 0.0, None) ** 2
        if i > 6 and np.abs(change).max() < 1e-4:
            break
    covariance = np.linalg.inv(normal)
    freedom = np.trace(covariance @ (normal - prior))
    left = max(robust.sum() - freedom, 1.0)
    # an order is not smoothed by throwing its chunks away: what is rejected counts as a clip's worth of misfit
    misfit = np.sum(np.minimum((residual / sigma) ** 2, clip_sigma**2))
    return _Fit(coefficients, covariance * scale**2, robust, residual, size.size * misfit / left**2)


def _distance(x, points):
    i = np.clip(np.searchsorted(points, x), 1, points.size - 1)
    return np.minimum(np.abs(x - points[i - 1]), np.abs(x - points[i]))


def shared_reference(stars, *, has_blaze, knot_nm, chunk_nm, clip_sigma):
    """reference(order) -> function of wavelength: log sensitivity over the lamp's blaze as a smooth curve of the arm plus,
    for an echelle, one function of the phase m - K / wavelength (m the order, K / m the wavelength of its centre).

    With the lamp's blaze (has_blaze) that function is what star and lamp differ by, which light on other parts of the
    grating does in all orders alike; without, it is the blaze. Orders without continuum learn their shape from the others.
    """
    centre = np.median([s.order * s.wavelength_nm.mean() for s in stars])
    phase = lambda order, wavelength: order - centre / wavelength
    rows = [_log_chunks(s, chunk_nm) for s in stars]
    number = np.concatenate([np.full(r[0].size, s.order) for s, r in zip(stars, rows, strict=True)])
    wavelength, value, error = (np.concatenate([r[i] for r in rows]) for i in range(3))
    low, high = min(s.wavelength_nm[0] for s in stars), max(s.wavelength_nm[-1] for s in stars)
    ends = [phase(s.order, s.wavelength_nm[i]) for s in stars for i in (0, -1)]
    smooth_knots = spline_grid(np.log(low), np.log(high), knot_nm / np.sqrt(low * high))
    phase_knots = spline_grid(min(ends), max(ends), _LAMP_PHASE_KNOT if has_blaze else _PHASE_KNOT)

    def build(order, w):
        return np.hstack([basis(np.log(w), smooth_knots), basis(phase(order, w), phase_knots)])

    design = build(number, wavelength)
    n = smooth_knots[2] + DEGREE
    prior = 1e-4 * np.eye(design.shape[1])  # blaze and curve share a constant: kept small in both
    prior[:n, :n] = _prior(n, 0.1, 100.0)
    if has_blaze:
        prior[n:, n:] = _prior(design.shape[1] - n, _LAMP_PHASE_BEND, _LAMP_PHASE)
    level, variance = np.median(value), error**2 + 0.02**2
    robust = np.ones(value.size)
    for _ in range(_ITERATIONS):
        weight = robust / variance
        coefficients = np.linalg.solve(
            (design * weight[:, None]).T @ design + prior, design.T @ (weight * (value - level))
        )
        pulls = (value - level - design @ coefficients) / np.sqrt(variance)
        scale = max(1.4826 * np.median(np.abs(pulls)), 1.0)
        robust = np.clip(1 - (pulls / (clip_sigma * scale)) ** 2, 0.0, None) ** 2
    return lambda order: lambda w: level + build(order, w) @ coefficients


def _log_chunks(star, chunk_nm):
    """(wavelength, log sensitivity over blaze, error) of chunks of continuum that are well above the noise."""
    chunks = make_chunks(star, star.log_blaze, chunk_nm)
    if chunks is None:
        return np.zeros(0), np.zeros(0), np.zeros(0)
    bright = chunks.counts > 5 * np.sqrt(chunks.variance)
    counts = chunks.counts[bright]
    return (
        chunks.middle[bright],
        np.log(counts / chunks.add(chunks.model)[bright]),
        np.sqrt(chunks.variance[bright]) / counts,
    )
