"""Wavelengths in air and vacuum, and in another rest frame."""

from dataclasses import replace

import numpy as np

LIGHT_KM_S = 299792.458


def refractive_index(vacuum_nm):
    """Index of standard dry air at 15 C and 1 atm with 450 ppm CO2: Ciddor 1996, Applied Optics 35, 1566, eq. 1."""
    s2 = (1000.0 / np.asarray(vacuum_nm, float)) ** 2
    return 1.0 + 0.05792105 / (238.0185 - s2) + 0.00167917 / (57.362 - s2)


def to_air(vacuum_nm):
    """Wavelength in air of a wavelength in vacuum."""
    return vacuum_nm / refractive_index(vacuum_nm)


def to_vacuum(air_nm):
    """Wavelength in vacuum of a wavelength in air: the inverse of `to_air`, to 1e-12."""
    vacuum = np.asarray(air_nm, float)
    for _ in range(4):
        vacuum = air_nm * refractive_index(vacuum)
    return vacuum


def in_frame(orders, *, is_vacuum, velocity_km_s):
    """Orders with wavelengths in vacuum where asked.

    And as seen by an observer without `velocity_km_s` towards the source.
    """
    if not is_vacuum and velocity_km_s == 0.0:
        return list(orders)
    out = []
    for order in orders:
        wavelength = to_vacuum(order.wavelength_nm) if is_vacuum else order.wavelength_nm
        stretch = (1.0 + velocity_km_s / LIGHT_KM_S) * wavelength / order.wavelength_nm
        out.append(replace(order, wavelength_nm=order.wavelength_nm * stretch, pixel_nm=order.pixel_nm * stretch))
    return out
