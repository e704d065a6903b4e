"""The orders of an exposure cut out of its frame, with what the flat knows of their pixels."""

from dataclasses import dataclass

import numpy as np

from soxslib.datamodel import Quality
from soxslib.errors import ReductionError
from soxslib.instruments import load_instrument
from soxslib.numerics.cutout import OrderCutout, cut_order, to_unbinned

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

    @property
    def good(self):
        return self.cutout.is_inside & ((self.quality & int(UNREADABLE)) == 0) & np.isfinite(self.data)


@dataclass(frozen=True)
class Cut:
    """What all exposures of one binning share of an order: its cutout, and the flat's response, bits and slit illumination."""

    cutout: OrderCutout
    response: np.ndarray | float
    quality: np.ndarray | int
    slit_light: np.ndarray


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
        return Cut(cutout, 1.0, 0, np.ones(cutout.slit_arcsec.shape))
    response = np.maximum(cutout.take(flat.frame.flux).astype(float), 0.05)
    # keep what the flat knows of the pixels; where it had no light it says nothing
    quality = cutout.take(flat.frame.quality) & int(Quality.BAD | Quality.HOT | Quality.COLD)
    return Cut(cutout, response, quality.astype(np.uint16), _slit_light(cutout, flat, binning))


def windows_of(frame, cuts):
    """{order: Window} of a prepared frame, divided by the flat's pixel response."""
    windows = {}
    for order, cut in cuts.items():
        data, floor = (cut.cutout.take(a).astype(float) for a in (frame.flux, frame.floor))
        quality = cut.cutout.take(frame.quality).astype(np.uint16) | np.uint16(cut.quality)
        windows[order] = Window(cut.cutout, data / cut.response, floor / cut.response**2, quality, cut.slit_light)
    return windows


def _slit_light(cutout, flat, binning):
    """Illumination along the slit as the flat shows it, for each pixel of a cutout; 1 for an order that the flat lacks."""
    if cutout.order not in flat.slit:
        return np.ones(cutout.slit_arcsec.shape)
    lower, upper = flat.edges.at(cutout.order, to_unbinned(cutout.columns, binning[1]))
    fraction = (to_unbinned(cutout.rows, binning[0]) - lower) / (upper - lower)
    return np.maximum(np.interp(fraction, *flat.slit[cutout.order]), 0.05)
