"""How a target was observed, from the headers of its raw frames and products."""

from dataclasses import replace

import numpy as np

from soxslib.errors import ReductionError
from soxslib.io.keywords import exposure_of
from soxslib.io.raw import open_raw_header, stem_of

_SEEING_CARD = "ESO QC SEEING"  # FWHM along the slit [arcsec], at the median of the orders' median wavelengths


def typical_exposure(paths):
    """The first Exposure of an observation, with the mean airmass and seeing of all its frames that tell them."""
    exposures = [exposure_of(open_raw_header(path), stem_of(path)) for path in paths]
    mean = lambda values: float(np.mean(values)) if values else None
    told = lambda name: [v for e in exposures if (v := getattr(e, name)) is not None]
    return replace(exposures[0], airmass=mean(told("airmass")), seeing_arcsec=mean(told("seeing_arcsec")))


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
