"""Dispersion solution: where each wavelength falls at the middle of the slit, from one pinhole in arc light."""

from dataclasses import dataclass

import numpy as np

from soxslib.datamodel import DispersionSolution
from soxslib.instruments import load_instrument
from soxslib.recipes import arcs
from soxslib.recipes.prepare import prepare


@dataclass(frozen=True)
class ArcSolution:
    """The solution, the lines it rests on, their widths, and the shift of each order against the nominal format."""

    solution: DispersionSolution
    lines: arcs.MeasuredLines
    lsf: dict
    shifts: dict  # {order: (along, across)} px
    n_listed: dict  # {order: number of listed lines}


def dispersion_solution(raw, bias, darks, tables, settings):
    """The ArcSolution of a single-pinhole arc; the slit's image is that of the nominal format, moved.

    tables: ArcTables. Drifts of tens of pixels are found by the pattern of the lines.
    """
    spots = arcs.find_spots(prepare(raw, bias, darks, settings), settings)
    arm = load_instrument(raw.exposure.instrument).arm(raw.exposure.arm)
    limits = arcs.order_limits(arm, arcs.MARGIN)
    nominal = arcs.nominal_solution(raw.exposure.arm, arm, tables.pinholes, limits)
    lines = arcs.line_list(tables.pinholes, tables.atlas, limits)
    slit = np.zeros(1)
    aligned = arcs.align(nominal, spots, lines, slit, settings)
    refined = arcs.refine(aligned, spots, lines, slit, settings)
    measured = arcs.measure_lines(refined, spots, lines, slit, settings)
    solution, measured = arcs.solve(nominal, measured, spots, settings, slit_degree=0)
    lsf = arcs.line_widths(solution, measured, spots.binning, settings)
    return ArcSolution(solution, measured, lsf, arcs.shifts(nominal, solution), arcs.listed_lines(lines))
