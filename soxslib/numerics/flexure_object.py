"""Difference of the wavelengths of two neighbouring orders from the object's own spectrum where they overlap.

Features are compared, never levels: what is smooth over many pixels (throughput, calibration, reddening) is free.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.polynomial import legendre

from soxslib.numerics.lapack import cho_factor, cho_solve, cho_solve_banded, cholesky_banded
from soxslib.numerics.spline_columns import spline_taps

HERMITE = ((-np.sqrt(3), 1 / 6), (0.0, 2 / 3), (np.sqrt(3), 1 / 6))  # Gauss-Hermite nodes: blur by a unit Gaussian
BAND = 9  # of the features' normal matrix: cubic splines, blurred by at most the width of a line
PLACE_FLOOR = 0.02  # of a line's width: what the splines cannot draw
TELLS_NOTHING = 0.2  # of the search: a flat likelihood is 0.58 wide, and beyond this its shape is that of the noise
LEVEL_PRIOR = 1.0  # relative change of an order's level about its first fit ...
LEVEL_STEP = 0.02  # ... and about the next, where more would make a level take the features' place


@dataclass(frozen=True)
class Difference:
    """How much larger a feature's wavelength is in the second spectrum [nm], with its error."""

    nm: float
    error_nm: float
    wavelength_nm: float  # where in the overlap the features are
    chi2: float  # per pixel, at the best difference


def overlap_shift(
    wavelength_a, flux_a, variance_a, wavelength_b, flux_b, variance_b, *, search_nm, fwhm_a_nm, fwhm_b_nm, level_terms
):
    """Difference, b minus a, of the wavelengths at which two orders show the same spectrum; None without overlap.

    The common spectrum is unknown: each order's smooth level (`level_terms` Legendre terms; divide by the blaze
    before) times one plus features with a Gaussian prior, as wide and as sharp as the spectra themselves suggest. The
    likelihood of each trial difference has features and levels integrated out: unlike a cross-correlation it is right
    for noisy spectra too, and its width over all trials is the error. None as well when the spectra tell nothing
    within the search.
    """
    a = _in_overlap(wavelength_a, flux_a, variance_a, wavelength_b, level_terms)
    b = _in_overlap(wavelength_b, flux_b, variance_b, wavelength_a, level_terms)
    if a is None or b is None:
        return None
    sharp = min(fwhm_a_nm, fwhm_b_nm)
    blur = [np.sqrt(max(f**2 - sharp**2, 0.0)) / 2.355 for f in (fwhm_a_nm, fwhm_b_nm)]
    low, high = min(a.nm[0], b.nm[0]) - search_nm - 2 * sharp, max(a.nm[-1], b.nm[-1]) + search_nm + 2 * sharp
    knots = np.arange(low, high, 0.5 * sharp)
    best = 0.0
    for turn in range(2):  # the second time levels and features multiply as the first has found them
        fixed = _normal(a, knots, 0.0, blur[0])
        if turn == 0:
            prior = _best_prior((fixed, _normal(b, knots, best, blur[1])), _feature_power(a, b))
        result, best = _scan(a, b, fixed, knots, blur[1], prior, search_nm, 0.45 * sharp)
        if turn == 0:
            features = _joined(fixed, _normal(b, knots, best, blur[1]), prior)[0]
            prior = replace(prior, level=LEVEL_STEP)
            a, b = _relevelled(a, features, knots, 0.0, blur[0]), _relevelled(b, features, knots, best, blur[1])
    if result[1] > TELLS_NOTHING * search_nm:
        return None
    error = np.hypot(result[1], PLACE_FLOOR * sharp)
    weight = np.sqrt(np.concatenate([a.weight, b.weight]))
    middle = np.sum(weight * np.concatenate([a.nm, b.nm])) / np.sum(weight)
    return Difference(result[0], float(error), float(middle), result[2])


@dataclass(frozen=True)
class _Spectrum:
    """Part of an order, wavelengths rising: flux over level minus 1, weights, level basis."""

    nm: np.ndarray
    value: np.ndarray
    weight: np.ndarray
    levels: np.ndarray  # smooth terms
    shape: np.ndarray  # 1 + features as far as known: a level's change acts on both


def _in_overlap(wavelength, flux, variance, other, level_terms):
    """The common range, without its end where the level is lost in the noise; None when it is too short."""
    low, high = np.nanmin(other), np.nanmax(other)
    use = np.isfinite(flux) & np.isfinite(variance) & (variance > 0) & (wavelength >= low) & (wavelength <= high)
    if use.sum() < 30:
        return None
    rising = np.flatnonzero(use)[np.argsort(wavelength[use])]
    nm, y, v = (np.asarray(array, float)[rising] for array in (wavelength, flux, variance))
    levels = legendre.legvander(2 * (nm - nm[0]) / (nm[-1] - nm[0]) - 1, level_terms - 1)
    weight = 1 / v
    for _ in range(3):
        level = levels @ np.linalg.lstsq(levels * np.sqrt(weight)[:, None], y * np.sqrt(weight), rcond=None)[0]
        weight = 1 / (v + (0.3 * level) ** 2) * (np.abs(y - level) < 5 * np.sqrt(v + (0.3 * level) ** 2))
    keep = level > 0.5 * np.sqrt(np.median(v))
    if keep.sum() < 30:
        return None
    relative = y[keep] / level[keep] - 1
    inverse = level[keep] ** 2 / v[keep]
    inverse *= np.abs(relative) < 6 * np.sqrt(1 / inverse + np.var(relative))  # cosmic rays
    return _Spectrum(nm[keep], relative, inverse, levels[keep], np.ones(keep.sum()))


def _feature_power(a, b):
    """Variance of the features beyond the noise, not below a hundredth of the noise of the better spectrum."""
    total = 0.0
    weight = 0.0
    for spectrum in (a, b):
        use = spectrum.weight > 0
        w = spectrum.weight[use]
        total += np.sum(w * spectrum.value[use] ** 2) - use.sum()
        weight += w.sum()
    return max(total / weight, 0.05 * min(1 / np.max(a.weight), 1 / np.max(b.weight)))


@dataclass(frozen=True)
class _Images:
    """B-splines of the features as a spectrum's pixels see them: values [pixel, spline] from a first spline on, of n."""

    first: np.ndarray
    values: np.ndarray
    n: int

    def sums(self, weights):
        """Sums over the pixels of each spline's value times weights [pixel, column]: [spline, column]."""
        m = weights.shape[1]
        out = np.zeros(self.n * m)
        place = (self.first * m)[:, None] + np.arange(m)
        for i, value in enumerate(self.values.T):
            out += np.bincount((place + i * m).ravel(), (value[:, None] * weights).ravel(), out.size)
        return out.reshape(self.n, m)

    def bands(self, weight):
        """Lower bands of the weighted sums of products of two splines."""
        out = np.zeros((BAND, self.n))
        values = np.ascontiguousarray(self.values.T)
        for i, value in enumerate(values):
            weighted = weight * value
            for lag in range(min(BAND, len(values) - i)):
                out[lag] += np.bincount(self.first + i, weighted * values[i + lag], self.n)
        return out

    def at(self, features):
        """The features at the pixels."""
        return sum(value * features[self.first + i] for i, value in enumerate(self.values.T))


def _images(spectrum, knots, difference_nm, blur_nm):
    """The _Images of a spectrum."""
    nodes = HERMITE if blur_nm > 0 else ((0.0, 1.0),)
    step, n_intervals = knots[1] - knots[0], knots.size - 1
    places = ((spectrum.nm - difference_nm + node * blur_nm - knots[0]) / step for node, _ in nodes)
    taps = [spline_taps(x, n_intervals) for x in places]
    splines = np.hstack([s for s, _ in taps])
    values = np.hstack([share * v for (_, v), (_, share) in zip(taps, nodes, strict=True)])
    first = splines.min(axis=1)
    width = int(np.max(splines.max(axis=1) - first)) + 1
    first = np.minimum(first, n_intervals + 3 - width)
    place = np.arange(len(first))[:, None] * width + splines - first[:, None]
    seen = np.bincount(place.ravel(), values.ravel(), first.size * width).reshape(-1, width)
    return _Images(first, seen, n_intervals + 3)


def _normal(spectrum, knots, difference_nm, blur_nm):
    """Normal equations: (bands of features, features x levels, levels x levels, both right sides, squares)."""
    images, weight, value = _images(spectrum, knots, difference_nm, blur_nm), spectrum.weight, spectrum.value
    columns = spectrum.levels * spectrum.shape[:, None]
    levels = columns * weight[:, None]
    sums = images.sums(np.column_stack([levels, weight * value]))
    return images.bands(weight), sums[:, :-1], columns.T @ levels, sums[:, -1], levels.T @ value, weight @ value**2


@dataclass(frozen=True)
class _Prior:
    """Bands of the features' inverse covariance, and half its log determinant."""

    bands: np.ndarray
    half_log: float
    level: float = LEVEL_PRIOR  # relative change of the levels that is allowed


def _prior(n, power, smooth):
    """Features of variance about `power` whose curvature is damped on scales below `smooth` knots."""
    bands = np.zeros((BAND, n))
    bands[0] = 1.0
    damping = smooth**4 * np.array([[6.0], [-4.0], [1.0]])
    bands[:3] += damping
    bands[1, -1], bands[2, -2:] = 0.0, 0.0
    bands *= 1 / (power * max(1.0, 2.8 * smooth))  # the damping takes that share of the variance away
    return _Prior(bands, float(np.sum(np.log(cholesky_banded(bands, lower=True)[0]))))


def _best_prior(spectra, variance):
    """The prior under which each spectrum by itself is most likely: features many and sharp, or few and broad."""
    n, m = spectra[0][1].shape
    nothing = tuple(np.zeros(shape) for shape in ((BAND, n), (n, m), (m, m), n, m)) + (0.0,)
    priors = [_prior(n, variance * f, smooth) for smooth in (0.0, 1.5, 5.0, 20.0, 60.0) for f in (0.03, 0.3, 3.0)]
    return max(priors, key=lambda prior: sum(_log_likelihood(each, nothing, prior)[0] for each in spectra))


def _joined(a, b, prior):
    """(features, levels, half log determinant) of both spectra together."""
    m = a[1].shape[1]
    factor = cholesky_banded(a[0] + b[0] + prior.bands, lower=True)
    border = np.hstack([a[1], b[1]])
    solved = cho_solve_banded(factor, np.column_stack([border, a[3] + b[3]]), lower=True)
    corner = np.zeros((2 * m, 2 * m))
    corner[:m, :m], corner[m:, m:] = a[2], b[2]
    corner[np.diag_indices(2 * m)] += prior.level**-2
    schur = cho_factor(corner - border.T @ solved[:, :-1])
    levels = cho_solve(schur, np.concatenate([a[4], b[4]]) - border.T @ solved[:, -1])
    features = solved[:, -1] - solved[:, :-1] @ levels
    determinant = np.sum(np.log(factor[0])) + np.sum(np.log(np.diag(schur)))
    return features, levels, determinant - prior.half_log


def _log_likelihood(a, b, prior):
    """(log marginal likelihood up to a constant, chi2 with prior) of two spectra with common features."""
    features, levels, determinant = _joined(a, b, prior)
    explained = features @ (a[3] + b[3]) + levels @ np.concatenate([a[4], b[4]])
    return 0.5 * explained - determinant, a[5] + b[5] - explained


def _relevelled(spectrum, features, knots, difference_nm, blur_nm):
    """The spectrum with its level fitted again, times 1 + features, so that both multiply."""
    shape = np.maximum(1 + _images(spectrum, knots, difference_nm, blur_nm).at(features), 0.1)
    columns = spectrum.levels * shape[:, None]
    root = np.sqrt(spectrum.weight)
    level = spectrum.levels @ np.linalg.lstsq(columns * root[:, None], (1 + spectrum.value) * root, rcond=None)[0]
    level = np.maximum(level, 0.1)
    return _Spectrum(spectrum.nm, (1 + spectrum.value) / level - 1, spectrum.weight * level**2, spectrum.levels, shape)


def _scan(a, b, fixed, knots, blur_nm, prior, search_nm, step):
    """((mean, width, chi2 per pixel) of the likelihood over the trials, its peak)."""

    def trial(d):
        return _log_likelihood(fixed, _normal(b, knots, d, blur_nm), prior)

    n = int(np.ceil(search_nm / step))
    coarse = step * np.arange(-n, n + 1)
    tried = np.array([trial(d) for d in coarse])
    best = float(coarse[np.argmax(tried[:, 0])])
    for width in (step, step / 4):
        fine = best + np.linspace(-width, width, 5)
        near = np.array([trial(d) for d in fine])
        bend, slope, _ = np.polyfit(fine - best, near[:, 0], 2)
        best += float(np.clip(-0.5 * slope / bend, -width, width)) if bend < 0 else 0.0
    pixels = np.count_nonzero(a.weight) + np.count_nonzero(b.weight)
    chi2 = float(near[:, 1].min() / pixels)
    temper = 1 / max(1.0, chi2)
    sharp = np.sqrt(-0.5 / bend / temper) if bend < 0 else np.inf
    if sharp < step:  # the peak is narrower than the coarse trials see: others beside it count by their height
        height = tried[:, 0] - near[:, 0].max()
        chance = np.exp(temper * np.where(np.abs(coarse - best) > 1.5 * step, height, -np.inf)) * step
        grid, chance = np.append(coarse, best), np.append(chance, sharp * np.sqrt(2 * np.pi))
    else:
        grid, chance = coarse, np.exp(temper * (tried[:, 0] - tried[:, 0].max()))
        sharp = 0.0
    mean = float(np.sum(chance * grid) / np.sum(chance))
    width = np.sqrt(np.sum(chance * (grid - mean) ** 2) / np.sum(chance) + sharp**2)
    return (mean, float(width), chi2), best
