"""The light along the slit, as the sky shows it."""

import numpy as np

from soxslib.numerics.filters import running_median

_END = 0.9  # of the half slit: beyond are its ends


def corrected_slit_light(position, light, data, sky, variance, usable, *, priors):
    """The illumination along the slit [row, column], corrected to how the data share the sky's light.

    position: along the slit, -1 to 1; light: as known so far; data: less sources; sky: at illumination 1. The correction is a
    slope, a bow, a shift of the known illumination along the slit, and a loss at its ends, whose expected sizes are the `priors`
    (relative, relative, in units of position, relative): more would follow what the flat knows better, or the wings of a
    source. The ends stand for themselves: their blurred edges would bend the bow, and with it the sky under a source.
    """
    slope = np.gradient(light, axis=0) / np.gradient(position, axis=0)
    ends = light * (np.abs(position) > _END)
    terms = [light * position, light * (position**2 - 1 / 3), slope, ends]
    expected = sky * light
    w = np.where(usable & (sky > 0) & np.isfinite(slope), 1.0 / variance, 0.0)
    columns = [np.where(w > 0, sky * t, 0.0) for t in (light, *terms)]
    residual = np.where(w > 0, data - expected, 0.0)
    normal = np.array([[np.sum(w * a * b) for b in columns] for a in columns])
    normal += np.diag([0.0, *(p**-2.0 for p in priors)]) + 1e-12 * np.eye(len(columns))
    solution = np.linalg.solve(normal, [np.sum(w * c * residual) for c in columns])
    corrected = light + sum(x * np.nan_to_num(t) for x, t in zip(solution[1:], terms, strict=True))
    return np.maximum(corrected, 0.05)


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
