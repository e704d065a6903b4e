"""Atmosphere and slit: what part of the light arrives."""

import numpy as np

from soxslib.numerics.profile import SEEING_EXPONENT

_AEROSOL_EXPONENT = 1.3  # of optical depth with inverse wavelength, usual for continental air
_SEEING_NM = 500.0  # seeing monitors quote their value here, at zenith


def extinction_mag(wavelength_nm, table_nm, table_mag):
    """Magnitudes lost per airmass: the table, linear in between; redder than it Rayleigh scattering and aerosol go on.

    # ASSUME half of the extinction at the table's red end is Rayleigh scattering, half aerosol: together 0.01 mag there
    """
    wavelength_nm = np.asarray(wavelength_nm, float)
    ratio = table_nm[-1] / np.maximum(wavelength_nm, table_nm[-1])
    tail = 0.5 * table_mag[-1] * (ratio**4 + ratio**_AEROSOL_EXPONENT)
    return np.where(wavelength_nm > table_nm[-1], tail, np.interp(wavelength_nm, table_nm, table_mag))


def transmission(magnitude, airmass):
    """Part of the light that comes through the air."""
    return 10.0 ** (-0.4 * magnitude * airmass)


def slit_fraction(wavelength_nm, *, slit_arcsec, seeing_arcsec, at_nm=_SEEING_NM):
    """Part of a centred star's light that passes a long slit.

    The seeing disc is a Moffat profile of beta 3 (Trujillo et al. 2001, MNRAS 328, 977: 2.5 to 4.8), narrower at longer
    wavelengths as Kolmogorov turbulence makes it; its integral between two parallel lines has a closed form.
    """
    fwhm = seeing_arcsec * (np.asarray(wavelength_nm, float) / at_nm) ** SEEING_EXPONENT
    u = 0.5 * slit_arcsec / (fwhm / (2.0 * np.sqrt(2.0 ** (1.0 / 3.0) - 1.0)))
    return u * (3.0 + 2.0 * u**2) / (2.0 * (1.0 + u**2) ** 1.5)


def seeing_at(seeing_arcsec, airmass):
    """Seeing away from the zenith."""
    return seeing_arcsec * airmass**0.6
