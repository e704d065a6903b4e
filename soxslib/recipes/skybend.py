"""The wavelength map along the slit, as the sky's lines of an exposure have it."""

from dataclasses import replace

import numpy as np

from soxslib.numerics.skybend import bend
from soxslib.numerics.uniform import interpolated


def bent(windows, fits, positions, trace, settings):
    """The windows with wavelengths that agree along the slit with the lines of the fitted sky; those at the trace stay.

    Arcs have few lines in some orders, and the slit's image may have turned since.
    """
    return {o: replace(w, cutout=_bent(w, fits[o], positions[o], trace, settings)) for o, w in windows.items()}


def _bent(window, fit, position, trace, settings):
    cutout, half = window.cutout, settings.half_slit_arcsec
    columns = np.arange(cutout.columns.size)
    is_dark = fit.model - fit.sky < settings.slit_light_source * np.maximum(
        fit.sky, 0.0
    )  # what a source leaves is no shift
    shift = bend(
        2.0 * columns / columns[-1] - 1.0,
        cutout.slit_arcsec / half,
        trace.at(cutout.order, cutout.wavelength_nm) / half,
        residual=window.data - fit.model,
        slope=interpolated(position - 0.5, np.diff(fit.sky_density)) * window.slit_light,
        variance=fit.variance,
        usable=window.good & ~fit.is_cosmic_ray & np.isfinite(position) & is_dark,
        prior_px=settings.map_bend_px,
    )
    middle = cutout.wavelength_nm[cutout.wavelength_nm.shape[0] // 2]
    return cutout.moved(cutout.wavelength_nm - shift * np.gradient(middle))
