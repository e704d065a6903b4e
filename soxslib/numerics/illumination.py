"""The light along the slit, as the sky shows it."""

import numpy as np

from soxslib import kernels
from soxslib.numerics.filters import running_median

_sums = kernels.function("illumination_sums", "dddddbxnnd")
_corrected = kernels.function("illumination_corrected", "dddxxnnd")

_TERMS = 5  # the light itself and its corrections
_DARKEST = 0.05
_END = 0.9  # of the half slit: beyond are its ends


def corrected_slit_light(position, light, data, sky, variance, usable, *, priors):
    """The illumination along the slit [row, column], corrected to how the data share the sky's light.

    position: along the slit, -1 to 1; light: as known so far; data: less sources; sky: at illumination 1. The correction is a
    slope, a bow, a shift of the known illumination along the slit, and a loss at its ends, whose expected sizes are the `priors`
    (relative, relative, in units of position, relative): more would follow what the flat knows better, or the wings of a
    source. The ends stand for themselves, with a shift of their own: their blurred edges would bend all the rest, and with it
    the sky under a source.
    """
    images = [np.ascontiguousarray(a, float) for a in (position, light, data, sky, variance)]
    is_end = np.abs(position) > _END
    middle = _solved(*_equations(images, usable & ~is_end), [0, 1, 2, 3], np.zeros(_TERMS), priors)
    beside = np.where(np.arange(_TERMS) < 3, middle, 0.0)
    ends = _solved(*_equations(images, usable & is_end), [3, 4], beside, priors)
    return np.where(is_end, *(_with_terms(images, factors) for factors in (ends, middle)))


def _equations(images, usable):
    """(normal matrix, right side) of the terms over the usable pixels."""
    sums = np.zeros((_TERMS, _TERMS + 1))
    _sums(*images, np.ascontiguousarray(usable), _END, *usable.shape, sums)
    normal = np.triu(sums[:, :_TERMS])
    return normal + np.triu(normal, 1).T, sums[:, _TERMS]


def _solved(normal, right, free, factors, priors):
    """The factors of the terms: those in `free`, zero so far, by least squares beside the others as they are."""
    prior = np.r_[0.0, np.asarray(priors) ** -2.0][free] + 1e-12
    left = (right - normal @ factors)[free]
    factors = factors.copy()
    factors[free] = np.linalg.solve(normal[np.ix_(free, free)] + np.diag(prior), left)
    return factors


def _with_terms(images, factors):
    """The illumination plus so much of its terms."""
    position, light, *_ = images
    out = np.empty(light.shape)
    _corrected(position, light, factors, _END, _DARKEST, *light.shape, out)
    return out


def lines_of(images, usable, length_px):
    """The images less their means over length_px of the usable pixels along each row: what narrow lines there are in them."""
    half = length_px // 2
    width = 2 * half + 1

    def around(values):
        total = np.cumsum(np.pad(np.where(usable, values, 0.0), ((0, 0), (half + 1, half)), mode="constant"), axis=1)
        return total[:, width:] - total[:, :-width]

    count = np.maximum(around(1.0), 1.0)
    return [image - around(image) / count for image in images]


def light_under_source(orders, *, prior, length_px=61, clip_sigma=5.0, rounds=4):
    """Relative change of the slit's illumination where a source stands, as the sky's lines in its counts tell.

    Rows with a source cannot show it, but wrong illumination prints the sky's lines on the counts, and a source has no
    reason to share them. orders: [(counts, their variance, sky's counts within the profile were the source not fitted)] per
    native pixel; what is smoother than length_px tells nothing; prior: expected size of the change.
    """
    above, below = prior**-2.0, 0.0
    for counts, variance, sky in orders:
        known = np.isfinite(counts) & np.isfinite(variance) & (variance > 0) & np.isfinite(sky)
        if known.sum() < 2 * length_px:
            continue
        flux, lines = (y[known] - running_median(y[known], length_px) for y in (counts, sky))
        weight, slope = 1.0 / variance[known], 0.0
        for _ in range(rounds):
            pulls = (flux - slope * lines) * np.sqrt(weight)
            scale = max(1.4826 * np.median(np.abs(pulls)), 1.0)
            w = weight * np.clip(1.0 - (pulls / (clip_sigma * scale)) ** 2, 0.0, None) ** 2 / scale**2
            slope = np.sum(w * lines * flux) / (np.sum(w * lines**2) + prior**-2.0)
        above += np.sum(w * lines**2)
        below += np.sum(w * lines * flux)
    return below / above
