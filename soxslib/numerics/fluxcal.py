"""From detected counts to energy above the atmosphere."""

from dataclasses import replace

import numpy as np

from soxslib.datamodel import Quality
from soxslib.numerics.extinction import transmission

PLANCK_LIGHT_ERG_NM = 1.986445857e-9  # h c [erg nm]
ANGSTROM_PER_NM = 10.0


def calibration_factor(wavelength_nm, response, *, exposure_s, extinction_mag, airmass, slit_fraction):
    """erg/s/cm2/Angstrom x nm above the atmosphere for one electron; the response's last value beyond its ends."""
    log_response = np.interp(wavelength_nm, response.wavelength_nm, response.log_response)
    return np.exp(log_response) / (exposure_s * transmission(extinction_mag, airmass) * slit_fraction)


def calibrate_order(order, response, *, exposure_s, extinction_mag, airmass, slit_fraction):
    """(order, relative systematic error): the order in energy per pixel [erg/s/cm2/Angstrom x nm] above the atmosphere.

    The response counts electrons per nm, so that it fits data of any binning. Wavelengths beyond the response's are
    flagged and hold its last value; those it had to interpolate keep their larger error.
    """
    factor = calibration_factor(
        order.wavelength_nm,
        response,
        exposure_s=exposure_s,
        extinction_mag=extinction_mag,
        airmass=airmass,
        slit_fraction=slit_fraction,
    )
    step = response.wavelength_nm[1] - response.wavelength_nm[0]
    low, high = response.wavelength_nm[0] - 2 * step, response.wavelength_nm[-1] + 2 * step
    beyond = (order.wavelength_nm < low) | (order.wavelength_nm > high)
    calibrated = replace(
        order,
        flux=order.flux * factor,
        variance=order.variance * factor**2,
        boxcar=order.boxcar * factor,
        boxcar_robust=order.boxcar_robust * factor,
        sky=order.sky * factor,
        quality=np.where(beyond, order.quality | int(Quality.NO_CALIBRATION), order.quality).astype(np.uint16),
    )
    return calibrated, np.interp(order.wavelength_nm, response.wavelength_nm, response.log_error)


def efficiency(wavelength_nm, sensitivity, area_cm2):
    """Detected electrons per photon on the telescope, from electrons/s/nm for one erg/s/cm2/Angstrom."""
    photons = ANGSTROM_PER_NM * area_cm2 * wavelength_nm / PLANCK_LIGHT_ERG_NM
    return sensitivity / photons


def combine_responses(curves):
    """(log response, log error) of several stars on one grid: weighted mean after bringing them to one level.

    curves: [(log response, log error)]. Stars differ by clouds and slit losses, which are grey: each is shifted by its
    median difference from the first, and what then remains between them adds to the error.
    """
    values, errors = (np.array([c[i] for c in curves]) for i in (0, 1))
    shift = np.array([np.median(v - values[0]) for v in values])
    values = values - shift[:, None] + np.mean(shift)
    weight = 1.0 / np.maximum(errors, 1e-4) ** 2
    mean = np.sum(weight * values, axis=0) / weight.sum(axis=0)
    within = 1.0 / np.sqrt(weight.sum(axis=0))
    between = np.sqrt(np.sum(weight * (values - mean) ** 2, axis=0) / weight.sum(axis=0))
    level = np.std(shift) / np.sqrt(len(curves))
    return mean, np.sqrt(within**2 + between**2 / max(len(curves) - 1, 1) + level**2)
