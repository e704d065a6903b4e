"""The shift of each order of an exposure since the arc, from the sky in the exposure itself and what is known of the instrument."""

import numpy as np

from soxslib.instruments import load_instrument
from soxslib.numerics import flexure, skylines
from soxslib.numerics.cutout import to_binned
from soxslib.numerics.dispersion import jacobian

SEARCH_PX = 8.0  # largest shift looked for: twice what was ever seen in the orders that have sky lines


def sky_spectrum(reduced, order):
    """(wavelength, sky per pixel, variance) on the native pixels of an order's trace, by the arc's solution."""
    window, fit = reduced.windows[order], reduced.fits[order]
    weight = np.where(window.good & ~fit.is_cosmic_ray, window.slit_light**2 / fit.variance, 0.0)
    information = weight.sum(axis=0)
    seen = information > 0
    variance = np.where(seen, 1.0 / np.where(seen, information, 1.0), -1.0)
    return native_wavelengths(reduced, order), fit.sky_density, variance


def native_wavelengths(reduced, order, shift=None, trace=None):
    """Wavelength of the cutout's columns on a trace (the native grid's), by the arc's solution or with a shift applied."""
    trace = trace or reduced.grid_trace
    solution = reduced.solution[order] if shift is None else shift.applied_to(reduced.solution[order])
    grid = np.linspace(*_wide(solution.wavelength_nm), 4000)
    along = to_binned(solution.position(grid, trace.at(order, grid))[0], reduced.exposure.binning[1])
    k = np.argsort(along)
    return np.interp(reduced.windows[order].cutout.columns, along[k], grid[k], left=np.nan, right=np.nan)


def _wide(limits):
    margin = 0.02 * (limits[1] - limits[0])
    return limits[0] - margin, limits[1] + margin


def exposure_shifts(reduced, arc, lines, width_px):
    """{order: OrderShift} of a ReducedExposure.

    arc: Exposure of the arc behind the solution; lines: (wavelength, flux) of the night sky, sorted; width_px: {order: Gaussian
    sigma of the optics in unbinned pixels}.
    """
    e = reduced.exposure
    instrument = load_instrument(e.instrument)
    model = instrument.yaml("flexure.yaml")[e.arm]
    measured = {}
    for order, window in reduced.windows.items():
        wavelength, sky, variance = sky_spectrum(reduced, order)
        solution = reduced.solution[order]
        middle = float(np.nanmedian(wavelength))
        px_per_arcsec = float(np.abs(jacobian(solution, middle, 0.0).across_by_slit)) / e.binning[1]
        measured[order] = skylines.measure_sky_shift(
            wavelength,
            sky,
            variance,
            lines,
            wavelength_range=solution.wavelength_nm,
            sigma_px=width_px.get(order, 0.8) / e.binning[1],
            slit_px=max((e.slit_width_arcsec or 1.0) * px_per_arcsec, 0.3),
            search_px=SEARCH_PX,
            line_error_px=0.02,
            slope_px=model["slope_px"],
            template_error=0.03,
            min_significance=6.0,
            binning=e.binning[1],
        )
    evidence = flexure.evidence_of_rotator(
        model, angle_deg=e.rotator_deg, arc_angle_deg=arc.rotator_deg, hours=24.0 * (e.mjd - arc.mjd)
    )
    return flexure.arm_shifts(reduced.windows, measured, model, evidence=evidence, doubt_sigma=4.0)
