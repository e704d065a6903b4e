"""Energy above the atmosphere from extracted counts."""

from dataclasses import dataclass, replace

import numpy as np

from soxslib.datamodel import MergedSpectrum, Response
from soxslib.errors import ReductionError
from soxslib.numerics.air import in_frame
from soxslib.numerics.extinction import extinction_mag, slit_fraction
from soxslib.numerics.fluxcal import calibrate_order, combine_responses
from soxslib.numerics.merge import merge_calibrated
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


def flux_calibration(orders, exposure, responses, extinction, settings, *, step_nm, is_vacuum, velocity_km_s, profile_fwhm=None):
    """The FluxCalibrated of extracted orders: calibrated one by one, then merged by inverse variance."""
    result = mean_response(responses) if settings.responses == "all" else responses[0]
    airmass = exposure.airmass or 1.0
    through = slit_function(exposure, profile_fwhm, settings)
    calibrated, systematic, missing, fractions = [], [], [], []
    for order in orders:
        if order.order not in result:
            missing.append(order.order)
            continue
        fraction = through(order.wavelength_nm)
        magnitude = extinction_mag(order.wavelength_nm, *extinction)
        new, relative = calibrate_order(
            order,
            result[order.order],
            exposure_s=exposure.exposure_s,
            extinction_mag=magnitude,
            airmass=airmass,
            slit_fraction=fraction if settings.correct_slit_loss else 1.0,
        )
        calibrated.append(new)
        # a magnitude is 0.92 of the natural log
        systematic.append(np.hypot(relative, 0.921 * settings.extinction_error * magnitude * airmass))
        fractions.append(np.nanmedian(fraction))
    if not calibrated:
        raise ReductionError(f"{exposure.file}: the response of {result.star} has none of its orders; check the arm of the response")
    moved = in_frame(calibrated, is_vacuum=is_vacuum, velocity_km_s=velocity_km_s)
    spectrum = merge_calibrated(
        moved,
        systematic,
        step_nm=step_nm,
        taper_fraction=settings.merge_taper_fraction,
        smooth_px=settings.merge_smooth_px,
    )
    median_fraction = float(np.median(fractions))
    spectrum = replace(spectrum, is_vacuum=is_vacuum, velocity_km_s=velocity_km_s)
    return FluxCalibrated(
        spectrum, tuple(calibrated), result, airmass, median_fraction, settings.correct_slit_loss, tuple(missing)
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
        curves = [(np.interp(at, o.wavelength_nm, o.log_response), np.interp(at, o.wavelength_nm, o.log_error)) for o in others]
        value, error = combine_responses(curves)
        orders.append(replace(own, log_response=value, log_error=error))
    return Response("+".join(sorted({r.star for r in responses})), tuple(orders))
