"""Energy above the atmosphere from extracted counts."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from soxslib.datamodel import MergedSpectrum, Response
from soxslib.errors import ReductionError
from soxslib.numerics.air import in_frame
from soxslib.numerics.extinction import extinction_mag, slit_fraction
from soxslib.numerics.fluxcal import calibrate_order, calibration_factor, combine_responses
from soxslib.numerics.merge import merge_calibrated
from soxslib.numerics.rectify import merge_rectified, scaled
from soxslib.numerics.telluric import Amounts, fitted_amounts, without_absorption
from soxslib.recipes.slit_loss import seeing_of


@dataclass(frozen=True)
class FluxCalibrated:
    """The calibrated spectrum, the calibrated orders it was merged from, and what was assumed."""

    spectrum: MergedSpectrum
    orders: tuple
    response: Response
    airmass: float
    slit_fraction: float  # estimated, median over the arm
    is_slit_corrected: bool
    missing: tuple  # orders without response
    through: Callable  # wavelength -> part of a centred star's light that passes the slit
    molecules: Amounts | None = None  # above the target, as fitted


def flux_calibration(orders, exposure, responses, extinction, settings, merged, profile_fwhm=None, bands_nm=()):
    """The FluxCalibrated of extracted orders: calibrated one by one, then merged by inverse variance.

    merged: the merged counts, whose bins, medium and frame the result shares; profile_fwhm: (arcsec, nm) along the
    slit; bands_nm: [(low, high)] of the atmosphere's molecules, air.
    """
    response = mean_response(responses) if settings.responses == "all" else responses[0]
    airmass = exposure.airmass or 1.0
    through = slit_function(exposure, profile_fwhm, settings)
    known = [o for o in orders if o.order in response]
    if not known:
        raise ReductionError(f"{exposure.file}: the response of {response.star} has none of its orders; check its arm")
    pairs = [_calibrate(o, exposure, response[o.order], extinction, airmass, through, settings) for o in known]
    calibrated, systematic = [p[0] for p in pairs], [p[1] for p in pairs]
    merge = lambda orders: merge_calibrated(
        in_frame(orders, is_vacuum=merged.is_vacuum, velocity_km_s=merged.velocity_km_s),
        systematic,
        step_nm=float(merged.wavelength_nm[1] - merged.wavelength_nm[0]),
        taper_fraction=settings.merge_taper_fraction,
        smooth_px=settings.merge_smooth_px,
    )
    spectrum = merge(calibrated)
    spectrum = replace(spectrum, is_vacuum=merged.is_vacuum, velocity_km_s=merged.velocity_km_s)
    molecules, columns = None, None
    if response.absorptions and len(bands_nm):
        molecules, free = without_molecules(calibrated, response, bands_nm, airmass, settings)
        columns = _telluric_columns(spectrum, merge(free))
    spectrum = replace(spectrum, telluric=columns)
    return FluxCalibrated(
        spectrum=spectrum,
        orders=tuple(calibrated),
        response=response,
        airmass=airmass,
        slit_fraction=float(np.nanmedian(through(spectrum.wavelength_nm))),
        is_slit_corrected=settings.correct_slit_loss,
        missing=tuple(o.order for o in orders if o.order not in response),
        through=through,
        molecules=molecules,
    )


def without_molecules(orders, response, bands_nm, airmass, settings):
    """(Amounts of molecules, calibrated orders without their absorption)."""
    absorptions = {a.order: a for a in response.absorptions}
    how = dict(airmass=airmass, model_error=settings.telluric_error)
    amounts = fitted_amounts(orders, absorptions, bands_nm, **how)
    free = lambda o: without_absorption(o, absorptions[o.order], amounts, **how) if o.order in absorptions else o
    return amounts, [free(o) for o in orders]


def _telluric_columns(spectrum, free):
    """Columns of the flux without absorption, its error, and the absorption [mag], NaN where no flux tells it."""
    with np.errstate(all="ignore"):
        magnitudes = 2.5 * np.log10(free.flux / spectrum.flux)
    return dict(TELLURIC=magnitudes.astype(np.float32), FLUX_TELLURIC=free.flux, ERR_TELLURIC=free.error)


def _calibrate(order, exposure, response, extinction, airmass, through, settings):
    """(calibrated order, its relative systematic error)."""
    magnitude = extinction_mag(order.wavelength_nm, *extinction)
    calibrated, relative = calibrate_order(
        order,
        response,
        exposure_s=exposure.exposure_s,
        extinction_mag=magnitude,
        airmass=airmass,
        slit_fraction=through(order.wavelength_nm) if settings.correct_slit_loss else 1.0,
    )
    # a magnitude is 0.92 of the natural log
    common = np.hypot(order.scale_error, 0.921 * settings.extinction_error * magnitude * airmass)
    return calibrated, np.hypot(relative, common)


def calibrate_images(images, exposure, extinction, result, settings):
    """One RectifiedOrder [erg/s/cm2/Angstrom per bin along the slit] from the rectified counts of the orders.

    None without.
    """
    scaled_images = []
    for image in images:
        if image.order in result.response:
            one = calibration_factor(
                image.wavelength_nm,
                result.response[image.order],
                exposure_s=exposure.exposure_s,
                extinction_mag=extinction_mag(image.wavelength_nm, *extinction),
                airmass=result.airmass,
                slit_fraction=result.through(image.wavelength_nm) if settings.correct_slit_loss else 1.0,
            )
            scaled_images.append(scaled(image, one / (image.wavelength_nm[1] - image.wavelength_nm[0])))
    if not scaled_images:
        return None
    return merge_rectified(
        scaled_images, taper_fraction=settings.merge_taper_fraction, smooth_bins=settings.merge_smooth_px
    )


def slit_function(exposure, profile_fwhm, settings):
    """Function of wavelength: part of a centred star's light that passes the slit."""
    width = exposure.slit_width_arcsec
    if width is None:
        return lambda wavelength: np.ones_like(wavelength)
    seeing, at_nm = seeing_of(exposure, profile_fwhm, settings.seeing)
    return lambda wavelength: slit_fraction(wavelength, slit_arcsec=width, seeing_arcsec=seeing, at_nm=at_nm)


def mean_response(responses):
    """One Response from those of several stars."""
    first = responses[0]
    orders = []
    for own in first.orders:
        others = [r[own.order] for r in responses if own.order in r]
        at = own.wavelength_nm
        curves = [
            (np.interp(at, o.wavelength_nm, o.log_response), np.interp(at, o.wavelength_nm, o.log_error))
            for o in others
        ]
        value, error = combine_responses(curves)
        orders.append(replace(own, log_response=value, log_error=error))
    return Response("+".join(sorted({r.star for r in responses})), tuple(orders), first.absorptions)
