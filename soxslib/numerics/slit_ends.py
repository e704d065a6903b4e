"""Where the slit's image ends in an exposure of the sky, from expected places that may be some pixels off."""

from functools import cache

import numpy as np

from soxslib.numerics.special import erf

REACH = 8.0  # px to either side of the expected end that are looked at
SEARCH = 5.0  # px by which the end may be off
_BIN = 0.5  # px; pixels are taken together by their distance
_INNER = (8, 18)  # px inside of the end, where the columns' light is measured
_FEWEST = 16  # bins with light, by which a step can be told
_STEP = 0.1  # px, of the places that are tried
_PLACES = np.arange(-SEARCH, SEARCH + 0.5 * _STEP, _STEP)
_NEAR = 41  # columns whose mean light is one's own
_TILT = 6  # columns by which lines may lie farther off at the end
_BLURS = (0.5, 0.8, 1.2)  # px, of the optics
_CLIP = 5.0  # sigma
_LEAST = 8.0  # significance of the step
_ALONE = 0.3  # px by which one end of the slit may be off where the other one is not seen
_FAR = 4.0  # sigma


def end_place(distance, flux, floor, usable, pixel=1.0):
    """(place of the slit's end [px inward of the expected one], its error); (0, inf) where the light shows none.

    distance: of the pixels [row, column] inward of the expected end, flux [electron], floor: its variance without the
    photons of flux, usable: bool; pixel: extent of a pixel across the slit, in the unit of distance. The light of each
    column is a step there, blurred by the optics, on light without a step.
    """
    usable = usable & np.isfinite(flux) & (floor > 0)
    level, brightest, seen = _levels(distance, flux, usable)
    near = usable & (np.abs(distance) < REACH) & seen[None, :]
    if near.sum() < 100:
        return 0.0, np.inf
    of_column = lambda a: np.broadcast_to(a, flux.shape)[near]
    value, noise, full, most = flux[near], floor[near], of_column(level), of_column(brightest)
    index, n = ((distance[near] + REACH) / _BIN).astype(int), int(2 * REACH / _BIN)
    mean, _ = _binned(index, value, full, noise + full, n)
    part = np.clip(mean[index], 0.0, 1.0)
    kept = np.abs(value) < part * most + _CLIP * np.sqrt(noise + part * most)
    mean, weight = _binned(index[kept], value[kept], full[kept], (noise + part * full)[kept], n)
    return _step_place(mean, weight, pixel)


def _levels(distance, flux, usable):
    """(light of each column inside of the end, a running mean; that of the brightest column near; bool: those with any)."""
    inner = usable & (distance > _INNER[0]) & (distance < _INNER[1])
    number = inner.sum(axis=0)
    # the middle one of a column's pixels: cosmic rays pass for no light of the sky
    ordered = np.sort(np.where(inner, flux, np.inf), axis=0)
    half = (number - 1).clip(0) / 2.0
    middle = [np.take_along_axis(ordered, k.astype(int)[None, :], axis=0)[0] for k in (np.floor(half), np.ceil(half))]
    light = np.where(number > 0, 0.5 * (middle[0] + middle[1]), 0.0)
    box = lambda a: np.convolve(a, np.ones(_NEAR), mode="same")
    level = box(light) / np.maximum(box(number > 0), 1.0)
    own = np.pad(np.maximum(light, level), _TILT, mode="edge")
    brightest = np.lib.stride_tricks.sliding_window_view(own, 2 * _TILT + 1).max(axis=1)
    return level, brightest, (box(number > 0) > 0.5 * _NEAR) & (level > 0)


def _binned(index, flux, full, variance, n):
    """(flux over full, its weight) of the pixels of each bin."""
    told = lambda a: np.bincount(index, a / variance, n)
    weight = told(full**2)
    return told(flux * full) / np.maximum(weight, 1e-30), weight


def _step_place(mean, weight, pixel):
    """(place, error) of the step in the means of the bins: the best of a grid, refined by the parabola through it."""
    designs, n = _designs(pixel), np.count_nonzero(weight)
    if n < _FEWEST:
        return 0.0, np.inf
    weighted = designs * weight
    normal = weighted @ designs.transpose(0, 2, 1) + 1e-9 * weight.sum() * np.eye(3)
    covariance = np.linalg.inv(normal)
    right = weighted @ mean
    fitted = (covariance @ right[:, :, None])[:, :, 0]
    chi2 = (np.sum(weight * mean**2) - np.sum(fitted * right, axis=1)).reshape(len(_BLURS), _PLACES.size)
    best = np.unravel_index(np.argmin(chi2), chi2.shape)
    chi2, k, fit = chi2[best[0]], best[1], np.ravel_multi_index(best, chi2.shape)
    scale = max(chi2[k] / max(n - 5, 1), 1.0)
    significance = fitted[fit, 0] / np.sqrt(covariance[fit, 0, 0] * scale)
    if not 0 < k < _PLACES.size - 1 or significance < _LEAST:
        return 0.0, np.inf
    below, here, above = chi2[k - 1 : k + 2]
    bend = max(below - 2.0 * here + above, 1e-30)
    return float(_PLACES[k] + 0.5 * _STEP * (below - above) / bend), float(_STEP * np.sqrt(2.0 * scale / bend))


@cache
def _designs(pixel):
    """[blur and place, column, bin] of the fits: a blurred step, a pedestal, a slope inside of the step."""
    at = np.arange(int(2 * REACH / _BIN)) * _BIN + 0.5 * _BIN - REACH
    distance = at - _PLACES[:, None]
    steps = []
    for blur in _BLURS:
        width = np.sqrt(blur**2 + (pixel**2 + _BIN**2) / 12.0)
        step = 0.5 * (1.0 + erf(distance / (np.sqrt(2.0) * width)))
        steps.append(np.stack([step, np.ones(step.shape), distance * step], axis=1))
    return np.concatenate(steps)


def shift_of(lower, upper):
    """(shift of the slit's image across the dispersion, its error) [px] from the places of its lower and upper end.

    The slit keeps its length: what the ends disagree by is an error of both.
    """
    (a, a_error), (b, b_error) = lower, upper
    if np.isfinite(a_error) and np.isfinite(b_error):
        return 0.5 * (a - b), float(np.hypot(0.5 * np.hypot(a_error, b_error), 0.5 * (a + b)))
    if np.isfinite(a_error):
        return a, float(np.hypot(a_error, _ALONE))
    return -b, float(np.hypot(b_error, _ALONE))


def shifts_together(measured, *, scatter):
    """{order: shift [px]} of orders that move alike within a scatter [px]: {order: (shift, error)} measured.

    Each is its own measure as far as it is known, else the common one; far ones are left out. Zero where none is measured.
    """
    value, error = (np.array([m[i] for m in measured.values()], float) for i in (0, 1))
    known = np.isfinite(error)
    if not known.any():
        return dict.fromkeys(measured, 0.0)
    total = np.hypot(error, scatter)
    middle = np.median(value[known])
    known &= np.abs(value - middle) < _FAR * np.maximum(total, 1.4826 * np.median(np.abs(value[known] - middle)))
    common = np.average(value[known], weights=total[known] ** -2.0)
    trust = np.where(known, scatter**2 / np.where(known, total, 1.0) ** 2, 0.0)
    return {o: float(common + t * (v - common)) for o, t, v in zip(measured, trust, value, strict=True)}
