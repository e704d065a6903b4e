"""Exposures of the target between exposures of the empty sky beside it."""

from soxslib.errors import ReductionError
from soxslib.recipes.stare import reduce_all


def offset(raws, calibrations, settings):
    """The ScienceResult of the exposures on the target."""
    on_target = [raw for raw in raws if not raw.exposure.sky_offset_arcsec]
    if not on_target:
        raise ReductionError(
            f"offset: none of {len(raws)} exposures is on the target: every one has a sky offset; check ESO SEQ FIXOFF RA and DEC"
        )
    return reduce_all(on_target, [0.0] * len(on_target), calibrations, settings)
