"""The light along the slit, as the sky shows it."""

import numpy as np


def corrected_slit_light(position, light, data, sky, variance, usable, *, priors):
    """The illumination along the slit [row, column], corrected to how the data share the sky's light.

    position: along the slit, -1 to 1; light: as known so far; data: less sources; sky: at illumination 1. The correction is a
    slope, a bow and a shift of the known illumination along the slit, whose expected sizes are the `priors` (relative, relative,
    and the shift in units of position): more would follow what the flat knows better, or the wings of a source.
    """
    slope = np.gradient(light, axis=0) / np.gradient(position, axis=0)
    terms = [light * position, light * (position**2 - 1 / 3), slope]
    expected = sky * light
    w = np.where(usable & (sky > 0) & np.isfinite(slope), 1.0 / variance, 0.0)
    columns = [np.where(w > 0, sky * t, 0.0) for t in (light, *terms)]
    residual = np.where(w > 0, data - expected, 0.0)
    normal = np.array([[np.sum(w * a * b) for b in columns] for a in columns])
    normal += np.diag([0.0, *(p**-2.0 for p in priors)]) + 1e-12 * np.eye(len(columns))
    solution = np.linalg.solve(normal, [np.sum(w * c * residual) for c in columns])
    corrected = light + sum(x * np.nan_to_num(t) for x, t in zip(solution[1:], terms, strict=True))
    return np.maximum(corrected, 0.05)
