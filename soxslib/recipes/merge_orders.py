"""The merged spectrum of an exposure's orders, in the medium and rest frame that the user wants."""

from dataclasses import replace

import numpy as np

from soxslib.instruments import load_instrument
from soxslib.numerics.air import in_frame
from soxslib.numerics.barycentre import DAY_S, barycentric_correction_km_s
from soxslib.numerics.merge import merge_orders


def merge_extracted(orders, exposure, settings):
    """The MergedSpectrum of extracted orders, by the settings merge_* and wavelength_*."""
    is_vacuum = settings.wavelength_medium == "vacuum"
    velocity = velocity_of(exposure) if settings.wavelength_frame == "barycentre" else 0.0
    merged = merge_orders(
        in_frame(orders, is_vacuum=is_vacuum, velocity_km_s=velocity),
        step_nm=settings.merge_step_nm,
        taper_fraction=settings.merge_taper,
        smooth_px=settings.merge_smooth_px,
    )
    return replace(merged, is_vacuum=is_vacuum, velocity_km_s=velocity)


def with_blaze(orders, flat):
    """The orders with the shape of the lamp at their pixels; the orders themselves when the flat lacks one of them.

    flat: MasterFlat of the same binning, or None.
    """
    if flat is None or any(o.order not in flat.blaze for o in orders):
        return orders
    at = lambda o: np.interp(o.along_px, np.arange(flat.blaze[o.order].size), flat.blaze[o.order])
    return [replace(o, blaze=at(o)) for o in orders]


def velocity_of(exposure):
    """The observatory's velocity towards the target at the middle of the exposure [km/s].

    0 when its position is unknown.
    """
    if exposure.ra_deg is None or exposure.dec_deg is None:
        return 0.0
    site = load_instrument(exposure.instrument).data["observatory"]
    middle = exposure.mjd + 0.5 * (exposure.sequence_s or exposure.total_s) / DAY_S
    return barycentric_correction_km_s(middle, exposure.ra_deg, exposure.dec_deg, site)
