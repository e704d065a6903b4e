"""How a target was observed, from the headers of its raw frames and products."""

from dataclasses import replace

import numpy as np

from soxslib.errors import ReductionError
from soxslib.instruments import load_instrument
from soxslib.io.keywords import AIRMASS_CARDS, exposure_of
from soxslib.io.raw import open_raw_header, stem_of
from soxslib.numerics.airmass import airmass_at, airmass_of

_SEEING_CARD = "ESO QC SEEING"  # FWHM along the slit [arcsec], at the median of the orders' median wavelengths
_FAR = 1.3  # ratio of airmasses: more than an exposure's change between its start and its end


def typical_exposure(job):
    """The first Exposure of an observation, with the mean airmass and seeing of all its frames that tell them.

    Where none tells an airmass, or one far from what its telescope's altitude makes, it is computed, with a warning.
    """
    exposures = [exposure_of(open_raw_header(path), stem_of(path)) for path in job.raw_paths]
    told = lambda name: [v for e in exposures if (v := getattr(e, name)) is not None]
    airmasses = [e.airmass for e in exposures if e.airmass is not None and not _is_contradicted(e)]
    if not airmasses:
        airmasses = list(filter(None, map(_airmass_by_place, exposures)))
        job.warn(_on_airmass(exposures[0], open_raw_header(job.raw_paths[0]), airmasses))
    mean = lambda values: float(np.mean(values)) if values else None
    return replace(exposures[0], airmass=mean(airmasses), seeing_arcsec=mean(told("seeing_arcsec")))


def _is_contradicted(exposure):
    by_altitude = airmass_at(exposure.altitude_deg or 0.0)
    return by_altitude is not None and abs(np.log(exposure.airmass / by_altitude)) > np.log(_FAR)


def _airmass_by_place(exposure):
    """Airmass by the telescope's own altitude, else by the place on the sky and the time; None when neither tells it."""
    by_altitude = airmass_at(exposure.altitude_deg or 0.0)
    if by_altitude is not None or exposure.position_deg is None:
        return by_altitude
    site = load_instrument(exposure.instrument).data["observatory"]
    return airmass_of(exposure.mjd, exposure.sequence_s, *exposure.position_deg, site)


def _on_airmass(exposure, header, computed):
    """One line on what the header holds for an airmass and what is used instead."""
    held = " and ".join(str(header.get(card, "nothing")) for card in AIRMASS_CARDS)
    used = (
        f"{np.mean(computed):.2f} is used, computed from where the telescope pointed"
        if computed
        else "1 is used, which altitude and position do not tell either: the flux may be too low"
    )
    return f"{exposure.file}: header cards {' and '.join(AIRMASS_CARDS)} hold {held}; airmass {used}"


def profile_fwhm(orders, header):
    """(FWHM along the slit [arcsec], wavelength it holds at [nm]) as measured at extraction, or None."""
    value = header.get(_SEEING_CARD)
    if not isinstance(value, float) or not 0.2 < value < 5.0:
        return None
    return value, float(np.median([np.nanmedian(o.wavelength_nm) for o in orders]))


def required(job, name, read):
    """read(path) of the first usable candidate of an input; a ReductionError with the reason when there is none."""
    content = job.calibration(name, read)
    if content is None:
        reason = job.passed_over[-1][1] if job.passed_over else f"the night has no {name} for it"
        raise ReductionError(f"{job.step}: no usable {name}: {reason}")
    return content
