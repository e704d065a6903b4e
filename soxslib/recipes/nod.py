"""Exposures with the target at two or more places of the slit, in any sequence and number."""

from soxslib.recipes.stare import reduce_all


def nod(raws, calibrations, settings):
    """The ScienceResult of nodded exposures.

    Each exposure is separated from its own sky, so that no ghost of another position is left and no noise of a second frame
    is added; they meet in one least-squares solve, whatever their number, order and jitter.
    """
    return reduce_all(raws, lambda exposure: exposure.nod_offset_arcsec or 0.0, calibrations, settings)
