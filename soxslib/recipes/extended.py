"""Extended light under the sources of an exposure."""

from dataclasses import replace

import numpy as np

from soxslib.numerics.extended import split_light


def find_extended(windows, fits, sources, settings):
    """(sources, ExtendedLight) when the slit holds extended light that matters to the sources; else (sources, None).

    fits: of sky and sources. The sky has taken part of the light; what is left along the slit still shows its shape.
    """
    grid = np.arange(-settings.half_slit_arcsec + 0.4, settings.half_slit_arcsec - 0.3, settings.extended_step_arcsec)
    light, variance = np.zeros(grid.size), np.zeros(grid.size)
    for order, window in windows.items():
        mean, error2 = _along_slit(window, fits[order], grid)
        weight = 1.0 / np.median(error2)
        light += weight * mean
        variance += weight**2 * error2
    if not np.all(np.isfinite(variance)) or not light.max(initial=0.0) > 0:
        return sources, None
    positions, fwhm, extended = split_light(
        grid, light, variance, [s.slit_arcsec for s in sources], max(s.fwhm_arcsec for s in sources),
        light_error=settings.extended_light_error, least_gain=settings.extended_gain,
    )  # fmt: skip
    if extended is None or extended.relative_peak < _least(extended, positions, fwhm, settings):
        return sources, None
    moved = [replace(s, slit_arcsec=p, fwhm_arcsec=fwhm) for s, p in zip(sources, positions, strict=True)]
    return moved, extended


def _least(extended, positions, fwhm, settings):
    """Relative peak that extended light must have: more where it stands on a source, whose own wings it may be."""
    apart = min(abs(extended.centre_arcsec - p) for p in positions)
    return settings.extended_least * (1.0 if apart > 0.5 * fwhm else 4.0)


def _along_slit(window, fit, grid):
    """(mean light above the sky per arcsec, its variance) of an order's pixels about each point of the slit."""
    cutout, step = window.cutout, grid[1] - grid[0]
    bins = np.rint((cutout.slit_arcsec - grid[0]) / step)
    used = window.good & ~fit.is_cosmic_ray & (bins >= 0) & (bins < grid.size)
    k, n = bins[used].astype(int), grid.size
    count = np.bincount(k, minlength=n)
    per_arcsec = 1.0 / cutout.arcsec[used]
    mean = np.bincount(k, (window.data - fit.sky)[used] * per_arcsec, n) / np.maximum(count, 1)
    error2 = np.bincount(k, fit.variance[used] * per_arcsec**2, n) / np.maximum(count, 1) ** 2
    return mean, np.where(count > 0, error2, np.inf)
