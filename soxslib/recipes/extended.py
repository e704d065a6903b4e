"""Extended light under the sources of an exposure."""

import logging
from dataclasses import dataclass, replace

import numpy as np

from soxslib.numerics.extended import light_along
from soxslib.numerics.extended_fit import split_light
from soxslib.numerics.uniform import interpolated
from soxslib.recipes.slit_profiles import distance_from, readable_before
from soxslib.recipes.source_shapes import is_seen_in_part

log = logging.getLogger(__name__)

LEAST_SEEN = 0.7  # of the slit
FLANK = 0.1  # arcsec by which a trace may be off, and be told later
HIDDEN = 5.0  # significance of a source that only the fit of all light shows


@dataclass(frozen=True)
class EmptySky:
    """The sky of an exposure as exposures of the empty sky tell it: {order: image of the pixels}, {order: its error per arcsec}."""

    image: dict
    error: dict


def empty_sky(off, windows, bases, settings):
    """The EmptySky of an OffSky."""
    image = {o: off.at(o, w, bases[o]) for o, w in windows.items()}
    per_arcsec = {o: np.median(w.cutout.arcsec[w.cutout.is_inside]) for o, w in windows.items()}
    part = lambda o: settings.off_continuum_error * np.mean(off.continuum_of(o)) / per_arcsec[o]
    return EmptySky(image, {o: max(float(part(o)), 1e-9) for o in windows})


def find_extended(windows, positions, fits, profiles, sources, traces, expected, settings, sky, *, side_by_side):
    """(sources, their Traces, their Points, ExtendedLight or None) as the light along the slit shows them together.

    Extended light must matter to the sources. fits: of sky and sources with these profiles. The sky has taken part of extended
    light, unless exposures of the empty sky tell it (an EmptySky); what is left along the slit still shows its shape. The
    orders' light falls together along the trace of the source that is known best, side by side along the target's. expected:
    where the target should be [arcsec].
    """
    lead = 0 if side_by_side else int(np.argmax([s.significance for s in sources]))
    grid = np.arange(-settings.half_slit_arcsec + 0.4, settings.half_slit_arcsec - 0.3, settings.extended_step_arcsec)
    along = [
        _along_slit(o, w, fits[o], profiles[o], positions[o], grid, settings, sky, traces[lead], sources[lead])
        for o, w in windows.items()
    ]
    light, variance = (np.stack(part) for part in zip(*along, strict=True))
    seen = np.isfinite(variance).all(axis=0)
    grid, light, variance = grid[seen], light[:, seen], variance[:, seen]
    if seen.mean() < LEAST_SEEN or not light.sum(axis=0).max(initial=0.0) > 0:
        return sources, traces, None, None
    is_forced = settings.slit_position_arcsec is not None
    middle = np.array([w.cutout.middle_nm for w in windows.values()])
    points, extended, doubt = split_light(
        grid, light, variance, middle, [s.slit_arcsec for s in sources], max(s.fwhm_arcsec for s in sources),
        light_error=settings.extended_light_error, least_gain=settings.off_extended_gain if sky else settings.extended_gain,
        # where the sky is known it does not take light that is wide
        least_peak=settings.extended_least * (0.5 if sky else 1.0), least_wings=settings.extended_least_wings,
        most=0 if side_by_side or is_forced else settings.most_sources, expected_arcsec=expected, side_by_side=side_by_side,
        sky_error=np.array([sky.error[o] for o in windows]) if sky else None,
    )  # fmt: skip
    if extended:
        log.info(
            "extended light at %+.2f arcsec, %.1f arcsec wide, Sersic index %.2f; the target at %+.2f, %.2f arcsec wide",
            extended.centre_arcsec, extended.fwhm_arcsec, extended.index, points.positions[0], points.fwhm_arcsec[0],
        )  # fmt: skip
        extended = replace(extended, doubt={o: float(d) for o, d in zip(windows, doubt, strict=True)})
    hidden = len(points.positions) - len(sources)
    places = points.positions
    if is_forced:
        places = [s.slit_arcsec for s in sources]
    elif not (extended or hidden):
        places = _places(sources, traces, lead, points, windows, settings)
    beside = lambda place: traces[lead].shifted(place - sources[lead].slit_arcsec)
    known = {s.slit_arcsec: t for s, t in zip(sources, traces, strict=True)}
    sources = [*sources, *(replace(sources[0], significance=HIDDEN) for _ in range(hidden))]
    shaped = [
        replace(s, slit_arcsec=p, fwhm_arcsec=w, beta=points.power)
        for s, p, w in zip(sources, places, points.fwhm_arcsec, strict=True)
    ]
    return shaped, [known.get(p) or beside(p) for p in places], points, extended


def _places(sources, traces, lead, points, windows, settings):
    """Where sources stand that were traced: elsewhere where another's light, or the slit's end, has drawn one from where all
    light shows it.

    Places are told by light along the leading trace; a trace that agrees with it is the better known.
    """
    if len(sources) == 1 and not is_seen_in_part(0, sources, settings):
        return [sources[0].slit_arcsec]
    mean = lambda trace: np.mean([trace.at(o, w.cutout.middle_nm) for o, w in windows.items()])
    along = [mean(t) - mean(traces[lead]) + sources[lead].slit_arcsec for t in traces]
    pairs = zip(sources, along, points.positions, strict=True)
    return [s.slit_arcsec if abs(at - p) < FLANK else p for s, at, p in pairs]


def _along_slit(order, window, fit, profiles, position, grid, settings, sky, trace, target):
    """(mean light above the sky per arcsec, its variance) of an order's pixels about each point of the slit, as if the slit
    were even."""
    cutout, used = window.cutout, readable_before(window, fit, settings)
    place = distance_from(window, trace) + target.slit_arcsec
    even = 1.0 / window.slit_light
    variances = even**2 * window.floor, even**2 * fit.variance
    data = even * _of_one_colour(window.data, fit, profiles, position, used)
    images = place, cutout.arcsec, data, even * (sky.image[order] if sky else fit.sky), *variances
    return light_along(grid, *images, used, sky_error=settings.slit_light_under)


def _of_one_colour(data, fit, profiles, position, used):
    """The data as if each source had its mean counts everywhere: pixels that are missing at some place of the slit then take no
    light from there but noise."""
    weight = np.where(used, 1.0 / fit.variance, 0.0)
    for counts, profile in zip(fit.counts, profiles, strict=True):
        own = np.nan_to_num(interpolated(position, counts))
        data = data - (own - np.average(own, weights=weight)) * profile
    return data
