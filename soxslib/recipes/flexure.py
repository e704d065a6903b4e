"""The shift of each order since the arc, from the sky, the object and what is known of the instrument."""

from dataclasses import replace

import numpy as np

from soxslib.instruments import load_instrument
from soxslib.numerics import flexure, skylines
from soxslib.numerics.cutout import to_binned
from soxslib.numerics.dispersion import jacobian
from soxslib.numerics.flexure_evidence import evidence_of_object
from soxslib.numerics.lineshift import Shift

SEARCH_PX = 8.0  # largest shift looked for: twice what was ever seen in the orders that have sky lines
FAR_PX, FAR_SIGMA = (
    60.0,
    12.0,
)  # the same, and its significance, where nothing is found so near: the arc is of another setting
DOUBT_SIGMA = 4.0  # one or two lines that disagree by more with all else are no sky lines
LEAST_BLAZE = 0.003  # of the order's largest: an object's spectrum is not read below
SLIT_SCALES = np.geomspace(0.75, 1.5, 11)  # slit width along over that across: no grating stretches it more
WIDE_SLIT = 6.0  # times the blur's sigma, from which a slit's image has two edges
START_ERROR = 0.1  # of the best of these widths, relative
STRETCH_SCATTER = 0.02  # of the orders' widths about the common one, relative
TELLING_ORDERS = 4  # with the brightest lines: they tell the width a hundred times better than is needed
LEAST_MATCH = 400.0  # sigma^2 of all orders' sky lines together, from which they tell the slit's width
TEMPLATE_ERROR = 0.03  # fraction by which the slit's image may be wrong
BLUR_PX = 0.8  # Gaussian sigma of the optics in unbinned pixels, for an order without measured line-spread function


def observation_shifts(exposures, calibrations):
    """[{order: OrderShift}] of the ReducedExposures of one observation.

    Each has its own sky and rotator; the sky of the others counts as far as little time has passed. What the object
    tells is common: its spectra are added on the pixels of the first exposure, and their statements hold for the others
    after the difference that sky and rotator tell.
    """
    first = exposures[0].exposure
    model = load_instrument(first.instrument).yaml("flexure.yaml")[first.arm]
    sky = [sky_shifts(e, calibrations, model) for e in exposures]
    known = [
        [*rotator_statements(e.exposure, calibrations.arc, model), *sky_of_others(i, exposures, sky, model)]
        for i, e in enumerate(exposures)
    ]
    centring_px = model["centring_arcsec"] * _px_per_arcsec(exposures[0], min(exposures[0].windows)) * first.binning[1]
    solve = lambda i, more: flexure.arm_shifts(
        exposures[i].windows,
        sky[i],
        model,
        evidence=[*known[i], *more],
        centring_px=centring_px,
        doubt_sigma=DOUBT_SIGMA,
    )
    shifts = [solve(i, []) for i in range(len(exposures))]
    known = [doubted(statements, shift, model) for statements, shift in zip(known, shifts, strict=True)]
    shifts = [solve(i, []) for i in range(len(exposures))]
    if not model.get("object"):
        return shifts
    moves = [_moves(e.exposure, first, own, shifts[0], sky, model) for e, own in zip(exposures, shifts, strict=True)]
    statements = object_statements(exposures, moves, calibrations, model)
    return [solve(i, [_moved(s, move) for s in statements]) for i, move in enumerate(moves)]


def doubted(statements, shift, model):
    """The statements, those of the rotator with larger errors where they move an order farther than orders were ever seen
    to move: the relation behind them does not hold there, by at least that excess."""
    largest = model.get("largest_px", np.inf)
    out = []
    for s in statements:
        excess = max(
            (abs(a) * (abs(shift[o].pixels) - largest) for o, (a, _) in s.terms.items() if o in shift), default=0.0
        )
        is_doubted = s.method == "rotator" and excess > 0
        out.append(replace(s, error=float(np.hypot(s.error, excess))) if is_doubted else s)
    return out


def sky_of_others(i, exposures, sky, model):
    """Statements about exposure `i` from the sky lines of the others, the less certain the more time lies between."""
    statements = []
    for k, e in enumerate(exposures):
        drift = _drift_px(exposures[i].exposure, e.exposure, model)
        for order, shift in sky[k].items():
            if k != i and shift.is_measured and shift.n_lines > 2:
                error = float(np.hypot(shift.error, drift))
                statements.append(flexure.Evidence("sky", {order: (1.0, 0.0)}, shift.pixels, error))
    return statements


def _drift_px(exposure, other, model):
    """How far an order may move between two exposures."""
    return model["drift_px_hour"] * 24.0 * abs(exposure.mjd - other.mjd)


def _moves(exposure, first, shift, first_shift, sky, model):
    """{order: (px, error)} that an exposure has moved since the first, as told by sky and rotator.

    Minutes apart an order hardly moves at all, so that what is told is believed only as far as it is better than that.
    """
    drift = _drift_px(exposure, first, model)
    out = {}
    for order in shift:
        measured = all(s[order].is_measured for s in sky if order in s)
        error = shift[order].error if measured else model["repeat"]["floor_px"]
        trust = drift**2 / (drift**2 + error**2)
        told = shift[order].pixels - first_shift[order].pixels if order in first_shift else 0.0
        out[order] = trust * told, np.sqrt(trust) * error
    return out


def sky_shifts(reduced, calibrations, model):
    """{order: Shift} that the sky lines of an exposure show; farther off than orders ever were where none shows any nearer."""
    seen = {order: _sky_setup(reduced, order, calibrations) for order in reduced.windows}
    seen = {order: setup for order, setup in seen.items() if np.isfinite(setup[0][0]).sum() > 50}
    scale = _slit_scale(seen.values())
    out = dict.fromkeys(reduced.windows, Shift())
    for reach in ({"min_significance": 6.0}, {"search_px": FAR_PX, "min_significance": FAR_SIGMA}):
        for order, (spectrum, optics) in seen.items():
            out[order] = skylines.measure_sky_shift(
                *spectrum,
                **{**optics, "slit_px": scale * optics["slit_px"], **reach},
                wavelength_range=reduced.solution[order].wavelength_nm,
                line_error_px=0.02,
                slope_px=model["slope_px"],
                template_error=TEMPLATE_ERROR,
            )
        if any(shift.is_measured for shift in out.values()):
            break
    return out


def _sky_setup(reduced, order, calibrations):
    """(spectrum and lines, optics) of an order, as `skylines` wants them."""
    e = reduced.exposure
    optics = dict(
        sigma_px=calibrations.width_px.get(order, BLUR_PX) / e.binning[1],
        slit_px=max((e.slit_width_arcsec or 1.0) * _px_per_arcsec(reduced, order), 0.3),
        search_px=SEARCH_PX,
        binning=e.binning[1],
    )
    return (*sky_spectrum(reduced, order), calibrations.sky_lines), optics


def _slit_scale(seen):
    """How much wider along the dispersion a wide slit is than the scale across makes it, from all orders' sky lines.

    1 for a narrow slit: there a wrong width is no different from a wrong blur, which the fit of an order finds.
    """
    seen = [s for s in seen if s[1]["slit_px"] > WIDE_SLIT * s[1]["sigma_px"]]
    if not seen:
        return 1.0
    match = np.array(
        [
            skylines.slit_width_match(*spectrum, **optics, widths_px=optics["slit_px"] * SLIT_SCALES)
            for spectrum, optics in seen
        ]
    )
    together = match.sum(axis=0)
    if together.max() < LEAST_MATCH:
        return 1.0
    start = SLIT_SCALES[np.argmax(together)]
    telling = np.argsort(-match.max(axis=1), kind="stable")[:TELLING_ORDERS]
    return float(start * np.exp(_fitted_stretch([seen[i] for i in telling], start)))


def _fitted_stretch(seen, start):
    """ln of the slit's width over `start` times the given one: mean of what the fits of the orders' lines say."""
    total, weight = 0.0, START_ERROR**-2
    for spectrum, optics in seen:
        given = {**optics, "slit_px": start * optics["slit_px"]}
        stretch, information = skylines.slit_width_fit(*spectrum, **given, template_error=TEMPLATE_ERROR)
        if information > 0 and abs(stretch) < 3 * START_ERROR:  # farther off, the fit has lost its lines
            own = 1 / (1 / information + STRETCH_SCATTER**2)
            total, weight = total + own * stretch, weight + own
    return total / weight


def rotator_statements(exposure, arc, model):
    """What the instrument's known flexure lets expect."""
    hours = 24.0 * (exposure.mjd - arc.mjd)
    return flexure.evidence_of_rotator(
        model, angle_deg=exposure.rotator_deg, arc_angle_deg=arc.rotator_deg, hours=hours
    )


def object_statements(exposures, moves, calibrations, model):
    """Statements of the first target's own spectrum, about the first exposure.

    moves: of each exposure, {order: (px along the dispersion, error)} since the first.
    """
    first = exposures[0]
    orders = [o for o in first.windows if all(o in e.windows for e in exposures)]
    spectra = {o: _added(exposures, moves, o, calibrations.flat) for o in orders}
    spectra = {o: s for o, s in spectra.items() if np.isfinite(s[1]).sum() > 100}
    flat = calibrations.flat
    if flat is None or any(o not in flat.blaze for o in spectra):  # the ends of the blaze would pass for features
        model = {**model, "object": {**model["object"], "ties": []}}
    return evidence_of_object(
        spectra,
        first.solution,
        model,
        fwhm_px={o: _line_fwhm_px(first, o, calibrations.width_px.get(o, BLUR_PX)) for o in spectra},
        search_px=SEARCH_PX,
        template=calibrations.template,
        binning=first.exposure.binning[1],
    )


def _object_spectrum(reduced, order, flat):
    """(counts over blaze, variance) of the target on the native pixels of an exposure, NaN where light is lacking."""
    window, fit, profile = reduced.windows[order], reduced.fits[order], reduced.profiles[order][0]
    good = window.good & ~fit.is_cosmic_ray
    information = np.where(good, profile**2 / fit.variance, 0.0).sum(axis=0)
    seen = np.where(good, profile, 0.0).sum(axis=0) > 0.5 * profile.sum(axis=0)
    blaze = np.ones(information.size)
    if flat is not None and order in flat.blaze:
        lamp = flat.blaze[order]
        blaze = lamp[np.clip(window.cutout.columns, 0, lamp.size - 1)] / np.nanmax(lamp)
    use = seen & (information > 0) & (blaze > LEAST_BLAZE)
    blaze = np.where(use, blaze, np.nan)
    return fit.counts[0] / blaze, 1.0 / np.where(use, information, 1.0) / blaze**2


def _added(exposures, moves, order, flat):
    """(wavelength, flux, variance): mean of the exposures' spectra on the first one's pixels, weighted by their noise.

    The variance of an interpolated sample is taken as that of the pixels: right for features wider than a pixel.
    """
    target = native_wavelengths(exposures[0], order)
    light, weights = np.zeros(target.size), np.zeros(target.size)
    for e, move in zip(exposures, moves, strict=True):
        flux, variance = _object_spectrum(e, order, flat)
        own = native_wavelengths(e, order, flexure.OrderShift(move[order][0], 0.0, 0.0, 0.0, ""))
        k = np.flatnonzero(np.isfinite(own))
        k = k[np.argsort(own[k])]
        if k.size < 2:
            continue
        # an unread pixel takes its neighbours with it; the first exposure's own pixels are met exactly
        flux, variance = (np.interp(target, own[k], y[k], left=np.nan, right=np.nan) for y in (flux, variance))
        weight = np.where(np.isfinite(flux) & (variance > 0), 1.0 / variance, 0.0)
        light += np.where(weight > 0, weight * flux, 0.0)
        weights += weight
    weights[weights == 0] = np.nan
    return target, light / weights, 1.0 / weights


def _line_fwhm_px(reduced, order, sigma_px):
    """Width of a line of a point source, in pixels as binned: the optics and what the slit leaves of the seeing."""
    e = reduced.exposure
    variance = (reduced.slit_profiles[0].fwhm_arcsec / 2.3548) ** 2
    if e.slit_width_arcsec:
        variance = 1.0 / (1.0 / variance + 12.0 / e.slit_width_arcsec**2)
    return 2.3548 * float(np.hypot(sigma_px / e.binning[1], np.sqrt(variance) * _px_per_arcsec(reduced, order)))


def _px_per_arcsec(reduced, order):
    """Pixels as binned along the dispersion per arcsecond, ASSUME as many as across it."""
    solution = reduced.solution[order]
    middle = 0.5 * sum(solution.wavelength_nm)
    return float(np.abs(jacobian(solution, middle, 0.0).across_by_slit)) / reduced.exposure.binning[1]


def _moved(statement, move):
    """The statement about the first exposure, for one that has moved."""
    known = [(a, *move[order]) for order, (a, _) in statement.terms.items() if order in move]
    value = statement.value + sum(a * px for a, px, _ in known)
    error = np.sqrt(statement.error**2 + sum((a * e) ** 2 for a, _, e in known))
    return replace(statement, value=float(value), error=float(error))


def sky_spectrum(reduced, order):
    """(wavelength, sky per pixel, variance) on the native pixels of an order's trace, by the arc's solution."""
    window, fit = reduced.windows[order], reduced.fits[order]
    weight = np.where(window.good & ~fit.is_cosmic_ray, window.slit_light**2 / fit.variance, 0.0)
    information = weight.sum(axis=0)
    seen = information > 0
    variance = np.where(seen, 1.0 / np.where(seen, information, 1.0), -1.0)
    return native_wavelengths(reduced, order), fit.sky_density, variance


def native_wavelengths(reduced, order, shift=None, trace=None):
    """Wavelength of the cutout's columns on a trace (the native grid's), by the arc's solution or a shifted one."""
    trace = trace or reduced.grid_trace
    solution = reduced.solution[order] if shift is None else shift.applied_to(reduced.solution[order])
    grid = np.linspace(*_wide(solution.wavelength_nm), 4000)
    along = to_binned(solution.position(grid, trace.at(order, grid))[0], reduced.exposure.binning[1])
    k = np.argsort(along)
    return np.interp(reduced.windows[order].cutout.columns, along[k], grid[k], left=np.nan, right=np.nan)


def _wide(limits):
    margin = 0.02 * (limits[1] - limits[0])
    return limits[0] - margin, limits[1] + margin
