"""Order trace: the centre of each order from a continuum lamp through a pinhole."""

import logging
from dataclasses import dataclass

import numpy as np

from soxslib.datamodel import OrderTrace, Quality
from soxslib.errors import ReductionError
from soxslib.numerics import tracing
from soxslib.numerics.cutout import to_binned, to_unbinned
from soxslib.recipes.prepare import prepare

log = logging.getLogger("soxslib")


@dataclass(frozen=True)
class OrderTraceResult:
    """The trace, with what it rests on: per order the slices (on the frame's pixels), displacement and scatter [px]."""

    trace: OrderTrace
    slices: dict
    displacement: dict
    scatter: dict
    binning: tuple[int, int]


def order_trace(raw, bias, darks, solution, settings):
    """Trace the orders of a pinhole flat, sought about the slit's centre of a DispersionSolution, nominal or not."""
    guess = slit_centre(solution)
    frame = prepare(raw, bias, darks, settings)
    full = frame.quality & Quality.SATURATED != 0
    bad = frame.quality & ~np.uint16(Quality.SATURATED | Quality.NONLINEAR) != 0
    binning = frame.exposure.binning
    lines = {o: line_on_frame(points, frame.shape, binning) for o, points in guess.items()}
    lines = {o: line for o, line in lines.items() if line[0].size >= 4 * settings.slice_px}
    half = settings.half_px // binning[0] + 2
    found = tracing.displacement(
        frame.flux, bad, lines,
        search_px=max(settings.search_px // binning[0], 2),
        order_px=max(settings.order_search_px // binning[0], 2),
        smooth_px=2,
        slice_px=settings.slice_px,
    )  # fmt: skip
    slices = {
        o: usable_slices(
            tracing.fit_slices(
                frame.flux, frame.variance, bad, full, (columns, position + found[o]),
                slice_px=settings.slice_px, half=half, sigma_px=settings.sigma_px / binning[0], reach=half - 2.0,
            ),
            settings,
        )
        for o, (columns, position) in lines.items()
    }  # fmt: skip
    _check(slices, raw, settings)
    curves, scatter = fitted(slices, lines, found, frame.shape, binning, settings)
    domain = (0.0, float(frame.shape[1] * binning[1] - 1))
    limits = {
        o: (float(max(p[0].min(), 0)), float(min(p[0].max(), domain[1]))) for o, p in guess.items() if o in curves
    }
    trace = OrderTrace(frame.exposure.arm, domain, curves, limits)
    moved = {o: displacement_of(trace, o, guess[o]) for o in curves}
    return OrderTraceResult(trace, slices, moved, scatter, binning)


def displacement_of(trace, order, points):
    """How far a traced order lies from where it was sought [unbinned px]; points: (along, across) of the guess."""
    along, across = points
    first, last = trace.limits[order]
    seen = (along >= first) & (along <= last)
    return float(np.median(trace.at(order, along[seen]) - across[seen])) if seen.any() else float("nan")


def slit_centre(solution, n_points=400):
    """{order: (along, across)} of the slit's centre in a DispersionSolution, unbinned pixels, along ascending."""
    out = {}
    for order in solution:
        row = solution[order]
        along, across = row.position(np.linspace(*row.wavelength_nm, n_points), 0.0)
        ascending = np.argsort(along)
        out[order] = along[ascending], across[ascending]
    return out


def line_on_frame(points, shape, binning):
    """(columns, positions) of a guessed line on the frame's pixels, where the frame has them."""
    along, across = to_binned(points[0], binning[1]), to_binned(points[1], binning[0])
    columns = np.arange(max(int(np.ceil(along[0])), 0), min(int(along[-1]), shape[1] - 1) + 1)
    position = np.interp(columns, along, across)
    on = (position > 0) & (position < shape[0] - 1)
    return columns[on], position[on]


def usable_slices(slices, settings):
    """Slices with enough light and a width like the others'."""
    good = slices.is_good & (slices.signal_to_noise > settings.least_signal_to_noise)
    if good.sum() > 5:
        typical = np.median(slices.sigma[good])
        good &= np.abs(slices.sigma - typical) < 0.5 * typical
    return tracing.Slices(slices.along, slices.across, slices.error, slices.sigma, slices.signal_to_noise, good)


def _check(slices, raw, settings):
    enough = [o for o, s in slices.items() if s.is_good.sum() >= settings.least_slices]
    if 2 * len(enough) < len(slices) or not enough:
        counts = ", ".join(f"{o}: {int(s.is_good.sum())}" for o, s in slices.items())
        raise ReductionError(
            f"{raw.exposure.file}: light of a pinhole found in too few slices (of each order {counts}; "
            f"{settings.least_slices} needed in half the orders); is the lamp on and the pinhole in?"
        )
    for order in slices:
        if order not in enough:
            log.warning("%s: order %s is too faint to trace; it follows the others", raw.exposure.file, order)


def fitted(slices, lines, found, shape, binning, settings):
    """({order: Legendre coefficients in unbinned pixels}, {order: scatter [unbinned px]})."""
    unbinned = {
        o: tracing.Slices(
            to_unbinned(s.along, binning[1]), to_unbinned(s.across, binning[0]), s.error * binning[0],
            s.sigma * binning[0], s.signal_to_noise, s.is_good,
        )
        for o, s in slices.items()
    }  # fmt: skip
    domain = (0.0, float(shape[1] * binning[1] - 1))
    guess = {o: _smooth_line(columns, position, binning, settings.degree) for o, (columns, position) in lines.items()}
    return tracing.fit_curves(
        unbinned, guess, domain=domain, degree=settings.degree, common_degree=settings.common_degree,
        order_degree=settings.order_degree, cut=settings.cut, floor_px=settings.floor_px, prior_px=settings.prior_px,
    )  # fmt: skip


def _smooth_line(columns, position, binning, degree):
    """A guessed line as a polynomial of unbinned pixels, so that it may be continued beyond its ends."""
    x, y = to_unbinned(columns, binning[1]), to_unbinned(position, binning[0])
    own = lambda v: (2.0 * np.asarray(v, float) - x[0] - x[-1]) / (x[-1] - x[0])
    fit = np.polynomial.legendre.legfit(own(x), y, degree)
    return lambda along: np.polynomial.legendre.legval(own(along), fit)
