"""Dispersion solution: where each wavelength falls at the middle of the slit, from one pinhole in arc light."""

from dataclasses import dataclass

import numpy as np

from soxslib.datamodel import DispersionSolution
from soxslib.datamodel.arcs import MeasuredLines
from soxslib.errors import ReductionError
from soxslib.instruments import load_instrument
from soxslib.recipes import arc_fit, arcs
from soxslib.recipes.arc_lines import measure_lines
from soxslib.recipes.prepare import prepare


@dataclass(frozen=True)
class ArcSolution:
    """The solution, the lines it rests on, their widths, and the shift of each order against the published format."""

    solution: DispersionSolution
    lines: MeasuredLines
    lsf: dict  # {column: array}
    shifts: dict  # {order: (along, across)} px
    n_listed: dict  # {order: number of listed lines}
    nominal: DispersionSolution  # the published format


def dispersion_solution(raw, bias, darks, tables, settings):
    """The ArcSolution of a single-pinhole arc; the slit's image is that of the published format, moved.

    tables: ArcTables. Drifts of tens of pixels are found by the pattern of the lines.
    """
    spots = arcs.find_spots(prepare(raw, bias, darks, settings), settings)
    arm = load_instrument(raw.exposure.instrument).arm(raw.exposure.arm)
    limits = arcs.order_limits(arm, arcs.MARGIN)
    nominal = arcs.nominal_solution(raw.exposure.arm, arm, tables.pinholes, limits)
    lines = arcs.line_list(tables.pinholes, tables.atlas, limits)
    middle = np.zeros(1)
    aligned = arcs.align(nominal, spots, lines, middle, settings)
    refined = arcs.refine(aligned, spots, lines, middle, settings)
    _check_single(refined, spots, lines, np.unique(tables.pinholes["slit_arcsec"]), settings)
    measured = measure_lines(refined, spots, lines, middle, settings)
    solution, measured = arc_fit.solve(nominal, refined, measured, spots, settings, slit_degree=0)
    lsf = arc_fit.line_widths(solution, measured, spots.binning, settings)
    return ArcSolution(solution, measured, lsf, arc_fit.shifts(nominal, solution), lines.n_listed, nominal)


def _check_single(solution, spots, lines, slit_arcsec, settings):
    """A ReductionError when the frame shows a row of pinholes: which of them is the middle one cannot be known."""
    spacing = float(np.median(np.diff(slit_arcsec)))
    seen = [arcs.seen_pinholes(solution[o], spots, lines, o, np.zeros(1), spacing, settings).sum() for o in solution]
    if np.median(seen) > 1:
        raise ReductionError(
            f"{spots.file}: shows {np.median(seen):.0f} or more pinholes beside each other, needs 1; {spots.told}; "
            "use it for the spatial solution instead"
        )
