"""The orders of an exposure cut out of its frame, with what the flat knows of their pixels."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from soxslib.datamodel import Quality
from soxslib.errors import ReductionError
from soxslib.instruments import load_instrument
from soxslib.numerics.cutout import OrderCutout, cut_order, to_unbinned

_LEAN = 0.01  # expected change of the response across an order
_MOST_LEAN = 0.1  # more is an end of the order, where the lamp is too steep to tell
_END = 0.01  # of the slit's length at its ends, where its blurred image has no level
UNREADABLE = Quality.BAD | Quality.HOT | Quality.COLD | Quality.SATURATED | Quality.NO_CALIBRATION


@dataclass(frozen=True)
class Window:
    """One order of one exposure: its pixels, flattened, with what is known of each.

    data [electron], floor [electron^2], quality; position: u, columns of the trace counted from the cutout's first;
    distance_arcsec: from the first source's trace.
    """

    cutout: OrderCutout
    data: np.ndarray
    floor: np.ndarray | None  # None: not needed any more
    quality: np.ndarray
    slit_light: np.ndarray
    response_variance: np.ndarray | float = 0.0  # relative

    @cached_property
    def good(self):
        """Pixels that may be read."""
        return self.cutout.is_inside & ((self.quality & int(UNREADABLE)) == 0) & np.isfinite(self.data)


@dataclass(frozen=True)
class Cut:
    """What all exposures of one binning share of an order: its cutout, and the flat's response with its relative variance
    and bits."""

    cutout: OrderCutout
    response: np.ndarray | float
    quality: np.ndarray | int
    response_variance: np.ndarray | float = 0.0


def cut_orders(exposure, shape, flat, solution, settings):
    """{order: Cut} on frames of this shape and of the exposure's arm and binning."""
    arm = load_instrument(exposure.instrument).arm(exposure.arm)
    cuts = {}
    for order in solution:
        cutout = cut_order(
            solution[order],
            shape=shape,
            binning=exposure.binning,
            half_slit_arcsec=settings.half_slit_arcsec,
            wavelength_nm=arm["orders"].get(order, {}).get("wavelength_nm", solution[order].wavelength_nm),
        )
        if cutout is not None:
            cuts[order] = _cut(cutout, flat, exposure.binning)
    if not cuts:
        raise ReductionError(
            f"{exposure.file}: no order of the wavelength solution falls on the frame; check the solution's arm"
        )
    return cuts


def _cut(cutout, flat, binning):
    if flat is None:
        return Cut(cutout, 1.0, 0)
    response = np.maximum(cutout.take(flat.frame.flux).astype(float), 0.05) * across_response(cutout, flat, binning)
    # keep what the flat knows of the pixels; where it had no light it says nothing
    quality = cutout.take(flat.frame.quality) & int(Quality.BAD | Quality.HOT | Quality.COLD)
    variance = cutout.take(flat.frame.variance).astype(float) / response**2
    return Cut(cutout, response, quality.astype(np.uint16), variance)


def seeing_of(exposure, settings):
    """Seeing that the header tells, as far as it can be true, else the settings' [arcsec]."""
    return float(np.clip(exposure.seeing_arcsec or settings.seeing_arcsec, 0.4, 3.0))


def windows_of(frame, cuts, flat, slit_shifts):
    """{order: Window} of a prepared frame, divided by the flat's pixel response; slit_shifts: {order: unbinned px by which
    the slit's image, with its illumination, has moved since the flat}."""
    windows = {}
    for order, cut in cuts.items():
        data, floor = (cut.cutout.take(a).astype(float) for a in (frame.flux, frame.floor))
        quality = cut.cutout.take(frame.quality).astype(np.uint16) | np.uint16(cut.quality)
        light, is_lit = _slit_light(cut.cutout, flat, frame.exposure.binning, slit_shifts.get(order, 0.0))
        cutout = replace(cut.cutout, is_inside=cut.cutout.is_inside & is_lit)
        windows[order] = Window(
            cutout, data / cut.response, floor / cut.response**2, quality, light, cut.response_variance
        )
    return windows


def _fraction(cutout, flat, binning, shift=0.0):
    """Position of the pixels between the edges of the slit: 0 at the lower, 1 at the upper."""
    lower, upper = flat.edges.at(cutout.order, to_unbinned(cutout.columns, binning[1]))
    return (to_unbinned(cutout.rows, binning[0]) - lower - shift) / (upper - lower)


def _slit_light(cutout, flat, binning, shift):
    """(illumination along the slit as the flat shows it, bool: inside the slit's image) of each pixel of a cutout, the image
    moved by so many unbinned pixels; even for an order that the flat lacks."""
    if flat is None or cutout.order not in flat.slit:
        return np.ones(cutout.slit_arcsec.shape), True
    fraction = _fraction(cutout, flat, binning, shift)
    is_lit = (fraction > _END) & (fraction < 1.0 - _END)
    return np.maximum(np.interp(fraction, *flat.slit[cutout.order]), 0.05), is_lit


def across_response(cutout, flat, binning):
    """Response of the pixels across the order, which the flat holds as light that leans along the slit.

    Lines are tilted, so the lamp's own change along the dispersion leans the light too: what the lamp has at each pixel's
    wavelength, in the middle of the slit, is taken out. Columns where the lamp tells nothing, or begins, have the response
    of the nearest that are known.
    """
    if cutout.order not in flat.lean:
        return 1.0
    slope, bow, error = flat.lean[cutout.order][:, cutout.columns]
    lamp = np.log(flat.blaze[cutout.order][cutout.columns])
    height = np.clip(2.0 * _fraction(cutout, flat, binning) - 1.0, -1.0, 1.0)
    row = np.argmin(np.abs(np.nan_to_num(cutout.slit_arcsec, nan=np.inf)), axis=0)
    middle = cutout.wavelength_nm[row, np.arange(row.size)]
    k = np.argsort(middle)
    lean = lamp + slope * height + bow * height**2 - np.interp(cutout.wavelength_nm, middle[k], lamp[k])
    tells = np.isfinite(error)
    seen = np.interp(cutout.wavelength_nm, middle[k], tells[k], left=0.0, right=0.0) == 1.0
    known = np.flatnonzero(tells & np.all(seen | ~cutout.is_inside, axis=0))
    if not known.size:
        return 1.0
    lean *= _LEAN**2 / (_LEAN**2 + error**2)
    nearest = known[np.searchsorted(known, np.arange(row.size)).clip(0, known.size - 1)]
    return np.exp(np.clip(np.nan_to_num(lean[:, nearest]), -_MOST_LEAN, _MOST_LEAN))
