"""One exposure of the sky, order by order: sources found, traced, and separated from the sky. Shared by stare, nod and offset."""

import logging
from dataclasses import dataclass, field, replace
from types import SimpleNamespace

import numpy as np

from soxslib.datamodel import DispersionSolution, Exposure
from soxslib.numerics import extraction, locate
from soxslib.numerics.cutout import to_binned
from soxslib.numerics.extended import ExtendedLight
from soxslib.numerics.extended_fit import UNREFINED
from soxslib.numerics.filters import median_of_five
from soxslib.numerics.illumination import corrected_slit_light, light_under_source, lines_of
from soxslib.numerics.profile import SlitProfile
from soxslib.numerics.uniform import interpolated
from soxslib.recipes.extended import EmptySky, empty_sky, find_extended
from soxslib.recipes.off_sky import SkyReport, fit_profiles, lit_alike, off_sky, report_of, seen_in, sky_exposure
from soxslib.recipes.order_fits import extended_variance_of, find_lines, fit_all, relit, sky_variance_of
from soxslib.recipes.skybend import bent
from soxslib.recipes.slit_profiles import first_profile, profiles_on_pixels, profiles_together, readable
from soxslib.recipes.source_shapes import is_seen_in_part, refined, shaped, trace_source
from soxslib.recipes.windows import Window, cut_orders, seeing_of, windows_of

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ReducedExposure:
    """What one exposure holds: windows, fits and profiles by order, traces and sources (the target first).

    grid_trace: the trace whose pixels are the native grid of the output; the target's to a few hundredths of an arcsecond.
    """

    exposure: Exposure
    solution: DispersionSolution
    windows: dict[int, Window]
    grid_trace: locate.Trace
    positions: dict[int, np.ndarray]
    bases: dict[int, extraction.Basis]
    fits: dict[int, extraction.OrderFit]
    sky_variance: dict[int, np.ndarray]  # what smoothness leaves of the sky's variance, per column; empty: all
    profiles: dict[int, list[np.ndarray]]
    slit_profiles: list[SlitProfile]
    traces: list[locate.Trace]
    sources: list[locate.Source]
    extended: ExtendedLight | None = None  # its part of the pixels stands last in profiles, its counts last in fits
    extended_variance: dict[int, np.ndarray] = field(default_factory=dict)  # what its smoothness leaves, per column
    off: SkyReport | None = None  # what exposures of the empty sky told
    slit_shifts: dict[int, float] = field(default_factory=dict)  # across the dispersion since the flat, unbinned px

    def position(self, order):
        """Position of an order's pixels along the dispersion, in columns of the cutout."""
        if order in self.positions:
            return self.positions[order]
        return native_positions(self.windows[order], self.solution, self.grid_trace, self.exposure.binning)

    def place(self, source=0):
        """Where a source stands on the slit [arcsec]: the median over the orders of the middles of its trace."""
        trace = self.traces[source]
        return float(np.median([trace.at(o, w.cutout.middle_nm) for o, w in self.windows.items()]))

    def host_under(self, order, source=0):
        """(counts of extended light that the source's profile would take for its own, over the source's; relative error of
        the source's counts that the forms of both leave, and that both may be of another form than any tried)."""
        if self.extended is None:
            return 0.0, 0.0
        profile, host = self.profiles[order][source], self.profiles[order][-1]
        taken = np.sum(profile * host, axis=0) / np.maximum(np.sum(profile**2, axis=0), 1e-12)
        counts = self.fits[order].counts
        share = float(np.sum(taken * counts[-1]) / max(np.sum(counts[source]), 1e-12))
        unlike = self.extended.unlike(self.sources[source].slit_arcsec, self.sources[source].fwhm_arcsec)
        return share, float(np.sqrt(self.extended.doubt[order] ** 2 + (unlike * share) ** 2 + UNREFINED**2))


def condensed(reduced):
    """The ReducedExposure with what combining needs of all but the first: half of its memory.

    Its own native grid and the floors go; all but the counts of pixels and sky is kept in single precision.
    """
    single = lambda a: np.asarray(a, np.float32)
    windows, fits = reduced.windows.items(), reduced.fits.items()
    return replace(
        reduced,
        positions={},
        bases={},
        windows={order: replace(w, floor=None, slit_light=single(w.slit_light)) for order, w in windows},
        fits={order: replace(f, model=single(f.model), variance=single(f.variance)) for order, f in fits},
        profiles={order: [single(p) for p in of_order] for order, of_order in reduced.profiles.items()},
    )


def native_positions(window, solution, trace, binning):
    """Position along the dispersion, in columns of the cutout, at which the trace has each pixel's wavelength."""
    cutout = window.cutout
    along = columns_of(solution[cutout.order], trace, cutout, binning)
    return along(cutout.wavelength_nm)


def columns_of(solution, trace, cutout, binning):
    """Function from wavelengths to columns of a cutout, along a trace; NaN beyond the solution's wavelengths."""
    low, high = solution.wavelength_nm
    grid = np.linspace(low, high, 2000)  # linear between: off by less than 1e-4 px
    along = to_binned(solution.position(grid, trace.at(cutout.order, grid))[0], binning[1]) - cutout.columns[0]
    return lambda wavelength: interpolated((wavelength - low) * (grid.size - 1) / (high - low), along, np.nan)


def native_grid(windows, solution, trace, binning):
    """({order: native positions}, {order: Basis}) of the pixels."""
    positions = {o: native_positions(w, solution, trace, binning) for o, w in windows.items()}
    return positions, {o: extraction.basis_of(p, p.shape[1]) for o, p in positions.items()}


def estimate_sky(windows, ndit, settings):
    """{order: BlockProfiles} of light along the slit that is not sky."""
    blocks = {}
    for order, w in windows.items():
        smooth = median_of_five(np.where(w.good, w.data, 0.0))
        variance = extraction.model_variance(smooth, w.floor, ndit)
        blocks[order] = locate.block_profiles(
            w.cutout,
            w.data,
            variance,
            w.good,
            n_blocks=settings.trace_blocks,
            half_slit_arcsec=settings.half_slit_arcsec - 0.4,
        )
    return blocks


def find_targets(blocks, expected_arcsec, seeing_arcsec, settings):
    """The sources on the slit, the named target first: the significant one nearest to where it is expected.

    A single forced source at the expected position when nothing stands out, or when the settings give a position.
    """
    grid = np.arange(-settings.half_slit_arcsec, settings.half_slit_arcsec, 0.1)
    if settings.slit_position_arcsec is not None:
        return [locate.Source(settings.slit_position_arcsec, seeing_arcsec, 0.0)]
    light, error = locate.collapse(blocks.values(), grid)
    found = locate.find_sources(
        grid,
        light,
        error,
        seeing_arcsec=seeing_arcsec,
        least_significance=settings.detection_sigma,
        least_fraction=settings.detection_fraction,
        most=settings.most_sources,
    )
    near = [s for s in found if abs(s.slit_arcsec - expected_arcsec) < settings.search_arcsec]
    if not near:
        return [locate.Source(expected_arcsec, seeing_arcsec, 0.0), *found][: settings.most_sources]
    target = min(near, key=lambda s: abs(s.slit_arcsec - expected_arcsec))
    return [target, *(s for s in found if s is not target)]


def illuminated(windows, fits, settings, on_extended):
    """(windows, fits) with the slit's illumination corrected to what the sky shows beside the sources.

    on_extended: what the model lacks of extended light would pass for sky; only the sky's lines tell then.
    """
    out = {}
    for order, w in windows.items():
        fit = fits[order]
        source = fit.model - fit.sky
        quiet = readable(w, fit, settings) & (source < settings.slit_light_source * np.maximum(fit.sky, 0.0))
        quiet &= _far_from_sources(source, w.cutout.is_inside)
        sky = w.data - source, fit.sky / w.slit_light
        seen, full = lines_of(sky, quiet, settings.slit_light_lines_px) if on_extended else sky
        light = corrected_slit_light(
            w.cutout.slit_arcsec / settings.half_slit_arcsec, w.slit_light, seen, full, fit.variance, quiet,
            priors=settings.slit_light_prior,
        )  # fmt: skip
        light = light / np.average(light / w.slit_light, weights=quiet + 1e-12)  # the sky keeps its level
        out[order] = replace(w, slit_light=light)
    return out, {o: relit(fit, out[o].slit_light / windows[o].slit_light) for o, fit in fits.items()}


def _light_under(fits, profiles, k, settings):
    """Relative change of the illumination under source k, from all orders."""
    orders = []
    for order, fit in fits.items():
        profile = profiles[order][k]
        information = np.sum(profile**2 / fit.variance, axis=0)
        variance = np.divide(1.0, information, out=np.full(information.size, np.inf), where=information > 0)
        orders.append((fit.counts[k], variance, fit.sky_density / _peak(profile)))
    return light_under_source(orders, prior=settings.slit_light_under)


def without_lines(fits, profiles, n_sources, settings):
    """The OrderFits with the sky's lines taken out of the sources' counts: the slit's illumination under a source is what
    makes them vanish."""
    under = [_light_under(fits, profiles, k, settings) for k in range(n_sources)]
    out = {}
    for order, fit in fits.items():
        counts, share = fit.counts.copy(), 0.0
        for k, change in enumerate(under):
            part = change / _peak(profiles[order][k])
            counts[k] -= part * fit.sky_density
            share = share + part * profiles[order][k]
        out[order] = replace(fit, counts=counts, sky=fit.sky * (1.0 + share))
    return out


def _peak(profile):
    """Typical part of a source's light in the brightest pixel of a column."""
    peaks = profile.max(axis=0)
    return float(np.median(peaks[peaks > 0])) if np.any(peaks > 0) else 1.0


def _far_from_sources(source, inside):
    """Pixels of rows that on average hold little of any source: where one stands, its counts hide the slit's illumination."""
    mean = np.where(inside, source, 0.0).sum(axis=1) / np.maximum(inside.sum(axis=1), 1)
    return (mean < 0.02 * mean.max(initial=0.0))[:, None] | np.zeros(source.shape, bool)


def read_sky(frame, flat, slit_shifts, cuts, settings):
    """The SkyExposure of a prepared frame of the empty sky."""
    windows = windows_of(frame, cuts, flat, slit_shifts)
    return sky_exposure(frame.exposure, windows, estimate_sky(windows, frame.exposure.ndit, settings), settings)


def _first_sources(exposure, windows, expected_arcsec, seeing_arcsec, settings):
    """(sources, their Traces) that the light above a rough sky shows."""
    blocks = estimate_sky(windows, exposure.ndit, settings)
    sources = find_targets(blocks, expected_arcsec, seeing_arcsec, settings)
    places = ", ".join(f"{s.slit_arcsec:+.2f} arcsec ({s.significance:.0f} sigma)" for s in sources)
    log.info("%s: sources at %s", exposure.file, places)
    traces = [trace_source(blocks, s, windows, settings) for s in sources]
    return [shaped(blocks, s, t) for s, t in zip(sources, traces, strict=True)], traces


def reduce_exposure(frame, flat, solution, expected_arcsec, settings, cuts=None, skies=(), slit_shifts=None):
    """The ReducedExposure of a prepared frame; cuts: {order: Cut}, when they are known from another exposure; skies:
    SkyExposures of the empty sky; slit_shifts: {order: px across the dispersion} of the slit's image since the flat.

    Two rounds: positions and profile from the light above a rough sky, then from the light above the fitted one. Extended
    light under the sources takes one more: its shape, and theirs, are found again when the traces are known.
    """
    e = frame.exposure
    settings = _for_binning(settings, e.binning)
    windows = windows_of(frame, cuts or cut_orders(e, frame.shape, flat, solution, settings), flat, slit_shifts or {})
    sources, traces = _first_sources(e, windows, expected_arcsec, seeing_of(e, settings), settings)
    reference = float(np.median([w.cutout.middle_nm for w in windows.values()]))
    slit_profiles = [first_profile(s, reference, settings) for s in sources]
    grid_trace, fits, profiles, sky_variance, extended = traces[0], {}, {}, {}, None
    positions, bases = native_grid(windows, solution, grid_trace, e.binning)
    skies = [sky.in_counts_of(e) for sky in skies]
    seen, off, free, known = [seen_in(sky, bases, settings) for sky in skies], None, {}, {}
    light, about = lambda: (windows, positions, fits, profiles), (expected_arcsec, settings)
    windows = lit_alike(windows, seen) if seen else windows
    for round_ in range(settings.rounds + 1):
        is_last = round_ == settings.rounds - (0 if extended or is_seen_in_part(0, sources, settings) else 1)
        sky_variance |= {o: sky_variance_of(fit, known.get(o), settings) for o, fit in fits.items()}
        profiles = profiles_on_pixels(windows, traces, slit_profiles, extended, sources[0].slit_arcsec)
        how = dict(is_last=is_last, has_extended=extended is not None, free=free)
        fits = fit_all(windows, bases, profiles, fits, e.ndit, settings, known=known, **how)
        if round_ == 0:
            off = off_sky(skies, seen, positions, fits, settings) if skies else None
            sky = empty_sky(off, windows, bases, settings) if skies else None
            together, paths, points, extended = find_extended(
                *light(), sources, traces, *about, sky, side_by_side=False
            )
            if points:
                sources, traces, slit_profiles = together, paths, profiles_together(together, points, windows, settings)
            if extended or off or len(sources) > 1:
                profiles = profiles_on_pixels(windows, traces, slit_profiles, extended, sources[0].slit_arcsec)
                fits, off, free = fit_profiles(windows, bases, positions, profiles, off, e.ndit, settings, extended)
            known, report, off, seen = off.known if off else {}, report_of(off), None, None  # their images may go
            sky = EmptySky({}, sky.error) if sky else None
        elif extended and not is_last:
            sky = EmptySky({o: f.sky for o, f in fits.items()}, sky.error) if sky else None
            together, _, points, again = find_extended(*light(), sources, traces, *about, sky, side_by_side=True)
            if again:
                extended, slit_profiles = again, profiles_together(together, points, windows, settings)
            fits, free = (fits, free) if sky else find_lines(windows, bases, profiles, fits, e.ndit, settings)
        if is_last:
            break
        on_host = extended is not None
        if not skies:  # they have told the slit's light
            windows, fits = illuminated(windows, fits, settings, on_host)
        sources, traces, slit_profiles = refined(*light(), sources, traces, slit_profiles, settings, on_host)
        if not skies:  # theirs are not bent
            windows = bent(windows, fits, positions, grid_trace, settings)
            positions, bases = native_grid(windows, solution, grid_trace, e.binning)
    fits = without_lines(fits, profiles, len(sources), settings)
    smooth = {o: extended_variance_of(w.cutout.columns.size, free.get(o), settings) for o, w in windows.items()}
    return ReducedExposure(
        e, solution, windows, grid_trace, positions, bases, fits, sky_variance, profiles, slit_profiles, traces,
        sources, extended, smooth, report, slit_shifts or {},
    )  # fmt: skip


def _for_binning(settings, binning):
    """The settings with the model's error that pixels binned across the dispersion leave, and lines as sharp as they are on
    pixels binned along it: a profile is known the less the coarser the pixels that show it, by their square."""
    across, along = binning
    return SimpleNamespace(
        **vars(settings)
        | {"model_error": settings.model_error * across**2, "sharpest_px": settings.sharpest_px / along}
    )
