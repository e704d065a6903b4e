"""Spatial solution: wavelength and slit position of every pixel, from a row of pinholes in arc light."""

from dataclasses import dataclass

import numpy as np

from soxslib.instruments import load_instrument
from soxslib.numerics.dispersion import wavelength_map
from soxslib.recipes import arc_fit, arcs
from soxslib.recipes.arc_lines import measure_lines
from soxslib.recipes.dispersion_solution import ArcSolution
from soxslib.recipes.prepare import prepare


@dataclass(frozen=True)
class SpatialSolution(ArcSolution):
    """An ArcSolution over the whole slit, its map on the frame, and the pinholes seen."""

    wavelength_nm: np.ndarray
    slit_arcsec: np.ndarray
    order: np.ndarray
    pinholes: dict  # {order: number of pinholes seen}


def spatial_solution(raw, bias, darks, first_solution, tables, settings):
    """The SpatialSolution of a multi-pinhole arc.

    first_solution: DispersionSolution of a single pinhole to start from, or None to start from the published format.
    """
    spots = arcs.find_spots(prepare(raw, bias, darks, settings), settings)
    arm = load_instrument(raw.exposure.instrument).arm(raw.exposure.arm)
    limits = arcs.order_limits(arm, arcs.MARGIN)
    nominal = arcs.nominal_solution(raw.exposure.arm, arm, tables.pinholes, limits)
    lines = arcs.line_list(tables.pinholes, tables.atlas, limits)
    slit = np.unique(tables.pinholes["slit_arcsec"])
    start = first_solution or nominal
    aligned = arcs.align(start, spots, lines, slit, settings)
    aligned, pinholes = arcs.centre_pattern(aligned, start, spots, lines, slit, settings)
    refined = arcs.refine(aligned, spots, lines, slit, settings)
    measured = measure_lines(refined, spots, lines, slit, settings)
    solution, measured = arc_fit.solve(nominal, refined, measured, spots, settings, slit_degree=settings.slit_degree)
    images = wavelength_map(
        solution,
        spots.image.shape,
        spots.binning,
        slit_limit_arcsec=settings.map_slit_arcsec,
        wavelength_limits_nm=arcs.order_limits(arm, settings.map_margin),
    )
    lsf = arc_fit.line_widths(solution, measured, spots.binning, settings)
    return SpatialSolution(
        solution, measured, lsf, arc_fit.shifts(nominal, solution), lines.n_listed, nominal, *images, pinholes
    )
