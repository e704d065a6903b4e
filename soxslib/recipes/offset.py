"""Exposures of the target between exposures of the empty sky beside it."""

from soxslib.recipes.stare import reduce_all

ALL_SKY = "offset: none of the exposures is on the target: every one has a sky offset; check ESO SEQ FIXOFF RA and DEC"


def offset(raws, calibrations, settings):
    """The ScienceResult of the exposures on the target."""
    on_target = (raw for raw in raws if not raw.exposure.sky_offset_arcsec)
    return reduce_all(on_target, lambda exposure: 0.0, calibrations, settings, none_left=ALL_SKY)
