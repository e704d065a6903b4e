"""Exposures of the target between exposures of the empty sky beside it."""

from dataclasses import replace

from soxslib.recipes.stare import reduce_all

ALL_SKY = "offset: none of the exposures is on the target: every one has a sky offset; check ESO SEQ FIXOFF RA and DEC"


def offset(each_raw, calibrations, settings):
    """The ScienceResult of the exposures on the target, their sky fitted together with that of the empty sky's exposures.

    each_raw(wanted): the raw frames of the exposures that are wanted.
    """
    sky = each_raw(lambda e: e.sky_offset_arcsec) if settings.use_sky_frames else ()
    on_target = each_raw(lambda e: not e.sky_offset_arcsec)
    result = reduce_all(on_target, lambda exposure: 0.0, calibrations, settings, none_left=ALL_SKY, sky_raws=sky)
    if all(e.off for e in result.exposures):
        return result
    text = "offset: no usable frame on the empty sky; the sky of each exposure is its own, which takes light that fills the slit"
    return replace(result, warnings=[*result.warnings, text])
