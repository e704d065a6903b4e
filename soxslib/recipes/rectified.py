"""Straight images of a target's orders: sky-subtracted counts on wavelength and slit position, exposures aligned on the target."""

from dataclasses import replace

import numpy as np

from soxslib.datamodel import Quality
from soxslib.numerics.rectify import rectified_order, rectify_order
from soxslib.recipes.combine import true_wavelengths


def rectified_orders(exposures, shifts, settings):
    """[RectifiedOrder] of the mean of exposures, in the slit coordinate of the first: the others are moved along the slit until
    their targets meet. Weights are equal where all see a bin, so that the image stays in electrons of one exposure."""
    return [
        _order(exposures, shifts, order, settings)
        for order in exposures[0].windows
        if all(order in e.windows for e in exposures)
    ]


def _order(exposures, shifts, order, settings):
    first = exposures[0]
    result = rectified_order(
        order,
        *_planes(first, order),
        *_coordinates(first, first, shifts[0], order),
        step_nm=settings.merge_step_nm,
        step_arcsec=settings.rectified_step_arcsec,
        half_slit_arcsec=settings.half_slit_arcsec,
    )
    if len(exposures) == 1:
        return result
    images = [(result.flux, result.variance, result.quality)]
    for e, shift in zip(exposures[1:], shifts[1:], strict=True):
        wavelength, slit = _coordinates(e, first, shift, order)
        images.append(
            rectify_order(
                *_planes(e, order),
                wavelength,
                slit,
                wavelength_edges=_edges(result.wavelength_nm),
                slit_edges=_edges(result.slit_arcsec),
            )
        )
    return replace(result, **_mean(images))


def _planes(exposure, order):
    """(counts less sky, variance, quality) of a cutout."""
    window, fit = exposure.windows[order], exposure.fits[order]
    quality = window.quality | np.where(fit.is_cosmic_ray, int(Quality.COSMIC_RAY), 0).astype(np.uint16)
    return window.data - fit.sky, fit.variance, quality


def _coordinates(exposure, first, shift, order):
    """(wavelength, slit position) of the pixels, NaN outside the slit."""
    cutout = exposure.windows[order].cutout
    at = lambda e: e.traces[0].at(order, cutout.wavelength_nm)
    moved = 0.0 if exposure is first else at(exposure) - at(first)
    outside = ~cutout.is_inside
    return np.where(outside, np.nan, true_wavelengths(exposure, shift, order)), np.where(
        outside, np.nan, cutout.slit_arcsec - moved
    )


def _edges(centres):
    half = 0.5 * (centres[1] - centres[0])
    return np.append(centres - half, centres[-1] + half)


def _mean(images):
    """Mean of the images that see a bin."""
    flux, variance, quality = (np.array(x) for x in zip(*images, strict=True))
    seen = (quality & int(Quality.NO_CALIBRATION | Quality.COSMIC_RAY | Quality.BAD | Quality.HOT)) == 0
    count = np.maximum(seen.sum(axis=0), 1)
    out = dict(
        flux=np.where(seen, flux, 0.0).sum(axis=0) / count,
        variance=np.where(seen, variance, 0.0).sum(axis=0) / count**2,
        quality=np.where(seen.any(axis=0), 0, np.bitwise_or.reduce(quality, axis=0)).astype(np.uint16),
    )
    none = ~seen.any(axis=0)
    out["flux"] = np.where(none, flux[0], out["flux"]).astype(np.float32)
    out["variance"] = np.where(none, variance[0], out["variance"]).astype(np.float32)
    return out
