"""Response and efficiency of an arm from a flux standard."""

import logging
from dataclasses import dataclass

import numpy as np

from soxslib.datamodel import OrderResponse, Response
from soxslib.errors import ReductionError
from soxslib.instruments import load_instrument
from soxslib.numerics import sensitivity as fit
from soxslib.numerics.extinction import extinction_mag, slit_fraction, transmission
from soxslib.numerics.fluxcal import efficiency
from soxslib.numerics.merge import WORTHLESS, sample_rank
from soxslib.numerics.telluric import star_absorption
from soxslib.recipes.slit_loss import seeing_of

log = logging.getLogger(__name__)

_WITHOUT_BLAZE = 4.0  # a blaze guessed from the neighbours is so much worse than one measured with the lamp


@dataclass(frozen=True)
class Efficiency:
    """Detected electrons per photon of the most efficient order, at increasing wavelengths."""

    wavelength_nm: np.ndarray
    value: np.ndarray
    order: np.ndarray


@dataclass(frozen=True)
class ResponseResult:
    """The response, the efficiency, and how they were found: curves and stars by order."""

    response: Response
    efficiency: Efficiency
    curves: dict
    stars: dict
    airmass: float
    slit_fraction: float  # of the star's light, median over the arm
    seeing_arcsec: float
    slit_width_arcsec: float | None


def response(orders, exposure, standard, extinction, settings, profile_fwhm=None):
    """The ResponseResult of a standard's extracted orders.

    standard: io.standards.Standard; extinction: (wavelength, magnitudes per airmass); profile_fwhm: (arcsec, nm) as
    seen along the slit, where it was measured.
    """
    airmass = exposure.airmass or 1.0
    seeing, at_nm = seeing_of(exposure, profile_fwhm, settings.seeing)
    through = _slit_losses(exposure, seeing, at_nm, settings)
    stars = [prepare_star(o, exposure, standard, extinction, airmass, through, settings) for o in orders]
    stars = [s for s in stars if s is not None]
    shared, amplitude = _shared_curve(stars, all(o.blaze is not None for o in orders), settings)
    curves = {s.order: _fit(s, shared, amplitude, settings) for s in stars}
    curves = {order: curve for order, curve in curves.items() if curve is not None}
    if not any(c.is_measured.any() for c in curves.values()):
        raise ReductionError(
            f"{exposure.file}: no order of {standard.name} has enough counts for a response; "
            f"look at its extraction or exclude it"
        )
    area = load_instrument(exposure.instrument).data["telescope_area_cm2"]
    found = _strongest(curves, area)
    absorptions = tuple(_absorption(s, curves[s.order], standard, airmass) for s in stars if s.order in curves)
    sensitivities = tuple(_order_response(o, c, settings) for o, c in sorted(curves.items()))
    return ResponseResult(
        Response(standard.name, sensitivities, absorptions),
        found,
        curves,
        {s.order: s for s in stars},
        airmass,
        float(np.median(through(found.wavelength_nm))),
        seeing,
        exposure.slit_width_arcsec,
    )


def _shared_curve(stars, has_blaze, settings):
    """(reference of all orders, how far they may leave it), or (None, None)."""
    if not settings.shared_curve:
        return None, None
    shared = fit.shared_reference(
        stars,
        has_blaze=has_blaze,
        knot_nm=settings.shared_knot_nm,
        chunk_nm=settings.chunk_nm,
        clip_sigma=settings.clip_sigma,
    )
    return shared, settings.order_error * (1.0 if has_blaze else _WITHOUT_BLAZE)


def prepare_star(order, exposure, standard, extinction, airmass, through, settings):
    """The StarOrder of an extracted order: what a perfect instrument would count, and where to compare."""
    k = np.flatnonzero(np.isfinite(order.wavelength_nm))
    k = k[np.argsort(order.wavelength_nm[k])]
    wavelength = order.wavelength_nm[k].astype(float)
    inside = (wavelength > standard.wavelength_nm[0]) & (wavelength < standard.wavelength_nm[-1])
    if inside.sum() < 50:
        return None
    k, wavelength = k[inside], wavelength[inside]
    flux = np.interp(wavelength, standard.wavelength_nm, standard.flux)
    air = transmission(extinction_mag(wavelength, *extinction), airmass)
    rank = sample_rank(order.flux[k], order.variance[k], order.quality[k])
    bands, lines = standard.telluric_nm, standard.lines_nm
    in_band = ((wavelength[:, None] > bands[:, 0]) & (wavelength[:, None] < bands[:, 1])).any(axis=1)
    in_line = (np.abs(wavelength[:, None] - lines) < settings.line_half_width_nm).any(axis=1)
    good = rank < WORTHLESS
    return fit.StarOrder(
        order=order.order,
        wavelength_nm=wavelength,
        counts=np.where(good, order.flux[k], 0.0),
        variance=np.where(good, order.variance[k], 1.0),
        expected=flux * air * through(wavelength) * order.pixel_nm[k] * exposure.exposure_s,
        is_continuum=good & ~in_band & ~in_line,
        log_blaze=_log_blaze(order, k),
        is_absorbed=good & in_band & ~in_line,
    )


def _log_blaze(order, k):
    """Log of the lamp's counts per nm, smoothed over what the knots cannot follow anyway; zeros without lamp."""
    if order.blaze is None:
        return np.zeros(k.size)
    density = order.blaze[k] / order.pixel_nm[k]
    return np.log(np.maximum(np.nan_to_num(density), 1e-4 * np.nanmax(density)))


def _slit_losses(exposure, seeing, at_nm, settings):
    """Function of wavelength: part of the star's light within the slit."""
    width = exposure.slit_width_arcsec
    if not settings.correct_slit_loss or width is None:
        return lambda wavelength: np.ones_like(wavelength)
    return lambda wavelength: slit_fraction(wavelength, slit_arcsec=width, seeing_arcsec=seeing, at_nm=at_nm)


def _fit(star, shared, amplitude, settings):
    low, high = star.wavelength_nm[0], star.wavelength_nm[-1]
    grid = low + (high - low) * np.linspace(0, 1, max(int(np.ceil((high - low) / settings.grid_nm)), 2) + 1)
    common = shared(star.order) if shared else np.zeros_like
    return fit.fit_order(
        star,
        lambda w: np.interp(w, star.wavelength_nm, star.log_blaze) + common(w),
        grid_nm=grid,
        knot_nm=settings.knot_nm,
        stiffness=settings.stiffness,
        amplitude=amplitude,
        chunk_nm=settings.chunk_nm,
        model_error=settings.model_error,
        zero_error=settings.zero_error,
        clip_sigma=settings.clip_sigma,
    )


def _absorption(star, curve, standard, airmass):
    """The Absorption of an order: what the star lacks of what the curve expects, within telluric bands."""
    expected = star.expected * np.exp(np.interp(star.wavelength_nm, curve.wavelength_nm, curve.log_sensitivity))
    told = star.is_absorbed & (expected > 0)
    safe = np.where(told, expected, 1.0)
    error = np.hypot(np.sqrt(star.variance) / safe, np.interp(star.wavelength_nm, curve.wavelength_nm, curve.log_error))
    return star_absorption(
        star.order,
        star.wavelength_nm,
        np.where(told, star.counts / safe, np.nan),
        error,
        standard.telluric_nm,
        standard.molecules,
        airmass=airmass,
    )


def _order_response(order, curve, settings):
    error = np.hypot(curve.log_error, settings.flux_error)
    return OrderResponse(order, curve.wavelength_nm, -curve.log_sensitivity, error, curve.is_measured)


def _strongest(curves, area_cm2):
    """The Efficiency of the arm."""
    wavelength = np.sort(np.concatenate([c.wavelength_nm for c in curves.values()]))
    numbers = np.array(list(curves))
    at = lambda c: np.interp(wavelength, c.wavelength_nm, c.log_sensitivity, left=-np.inf, right=-np.inf)
    each = np.array([at(c) for c in curves.values()])
    best = np.argmax(each, axis=0)
    sensitivity = np.exp(each[best, np.arange(wavelength.size)])
    return Efficiency(wavelength, efficiency(wavelength, sensitivity, area_cm2), numbers[best])
