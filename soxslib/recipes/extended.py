"""Extended light under the sources of an exposure."""

from dataclasses import replace

import numpy as np

from soxslib.numerics.extended import light_along, split_light
from soxslib.recipes.slit_profiles import distance_from, readable

WIDE = 4.0  # widths of a point source, wider than which no wings are


def find_extended(windows, fits, sources, settings, off=None, bases=None, trace=None):
    """(sources, ExtendedLight or None) as the light along the slit shows them together.

    Extended light must matter to the sources. fits: of sky and sources. The sky has taken part of extended light, unless
    exposures of the empty sky tell it (an OffSky); what is left along the slit still shows its shape. trace: the target's, by
    which the orders' light falls together once it is known.
    """
    grid = np.arange(-settings.half_slit_arcsec + 0.4, settings.half_slit_arcsec - 0.3, settings.extended_step_arcsec)
    light, variance, sky_error = np.zeros(grid.size), np.zeros(grid.size), 0.0
    for order, window in windows.items():
        sky = off.at(order, window, bases[order]) if off else fits[order].sky
        along = distance_from(window, trace) + sources[0].slit_arcsec if trace else window.cutout.slit_arcsec
        mean, error2 = _along_slit(window, along, fits[order], sky, grid, settings)
        weight = 1.0 / np.median(error2)
        if off:
            per_arcsec = np.median(window.cutout.arcsec[window.cutout.is_inside])
            sky_error += weight * settings.off_continuum_error * np.mean(off.continuum_of(order)) / per_arcsec
        light += weight * mean
        variance += weight**2 * error2
    if not np.all(np.isfinite(variance)) or not light.max(initial=0.0) > 0:
        return sources, None
    points, extended = split_light(
        grid, light, variance, [s.slit_arcsec for s in sources], max(s.fwhm_arcsec for s in sources),
        light_error=settings.extended_light_error, least_gain=settings.off_extended_gain if off else settings.extended_gain,
        sky_error=max(sky_error, 1e-9) if off else None,
    )  # fmt: skip
    if extended is not None and extended.relative_peak < _least(extended, points, settings, off):
        extended = None
    places = points.positions if extended else [s.slit_arcsec for s in sources]
    shaped = [
        replace(s, slit_arcsec=p, fwhm_arcsec=w, beta=points.power)
        for s, p, w in zip(sources, places, points.fwhm_arcsec, strict=True)
    ]
    return shaped, extended


def _least(extended, points, settings, off):
    """Relative peak that extended light must have: more where it stands on a source, whose own wings it may be, less where the
    sky is known, which else takes light that is wide."""
    near = any(
        abs(extended.centre_arcsec - p) < 0.5 * w and extended.fwhm_arcsec < WIDE * w
        for p, w in zip(points.positions, points.fwhm_arcsec, strict=True)
    )
    return settings.extended_least * (4.0 if near else 0.25 if off else 1.0)


def _along_slit(window, along, fit, sky, grid, settings):
    """(mean light above the sky per arcsec, its variance) of an order's pixels about each point of the slit."""
    cutout, used = window.cutout, readable(window, fit, settings)
    images = along, cutout.arcsec, window.data, sky, window.floor, fit.variance
    return light_along(grid, *images, used, sky_error=settings.slit_light_under)
