"""Extended light under the sources of an exposure."""

from dataclasses import replace

import numpy as np

from soxslib.numerics.extended import split_light
from soxslib.recipes.slit_profiles import readable


def find_extended(windows, fits, sources, settings):
    """(sources, ExtendedLight or None) as the light along the slit shows them together.

    Extended light must matter to the sources. fits: of sky and sources. The sky has taken part of extended light; what is
    left along the slit still shows its shape.
    """
    grid = np.arange(-settings.half_slit_arcsec + 0.4, settings.half_slit_arcsec - 0.3, settings.extended_step_arcsec)
    light, variance = np.zeros(grid.size), np.zeros(grid.size)
    for order, window in windows.items():
        mean, error2 = _along_slit(window, fits[order], grid, settings)
        weight = 1.0 / np.median(error2)
        light += weight * mean
        variance += weight**2 * error2
    if not np.all(np.isfinite(variance)) or not light.max(initial=0.0) > 0:
        return sources, None
    points, extended = split_light(
        grid, light, variance, [s.slit_arcsec for s in sources], max(s.fwhm_arcsec for s in sources),
        light_error=settings.extended_light_error, least_gain=settings.extended_gain,
    )  # fmt: skip
    if extended is not None and extended.relative_peak < _least(extended, points, settings):
        extended = None
    places = points.positions if extended else [s.slit_arcsec for s in sources]
    shaped = [
        replace(s, slit_arcsec=p, fwhm_arcsec=w, beta=points.power)
        for s, p, w in zip(sources, places, points.fwhm_arcsec, strict=True)
    ]
    return shaped, extended


def _least(extended, points, settings):
    """Relative peak that extended light must have: more where it stands on a source, whose own wings it may be."""
    near = [
        w
        for p, w in zip(points.positions, points.fwhm_arcsec, strict=True)
        if abs(extended.centre_arcsec - p) < 0.5 * w
    ]
    return settings.extended_least * (4.0 if near else 1.0)


def _along_slit(window, fit, grid, settings):
    """(mean light above the sky per arcsec, its variance) of an order's pixels about each point of the slit."""
    cutout, step = window.cutout, grid[1] - grid[0]
    bins = np.rint((cutout.slit_arcsec - grid[0]) / step)
    used = readable(window, fit, settings) & (bins >= 0) & (bins < grid.size)
    k, n = bins[used].astype(int), grid.size
    count = np.bincount(k, minlength=n)
    per_arcsec = 1.0 / cutout.arcsec[used]
    mean = np.bincount(k, (window.data - fit.sky)[used] * per_arcsec, n) / np.maximum(count, 1)
    error2 = np.bincount(k, fit.variance[used] * per_arcsec**2, n) / np.maximum(count, 1) ** 2
    return mean, np.where(count > 0, error2, np.inf)
