"""Where the light of each source falls and how it is spread: traces and slit profiles that agree with the light."""

from dataclasses import replace

import numpy as np

from soxslib.numerics import locate
from soxslib.numerics.filters import running_median
from soxslib.numerics.offsets import offsets
from soxslib.numerics.profile import SlitLight, profile_equations, stretched, updated
from soxslib.numerics.uniform import interpolated
from soxslib.recipes.slit_profiles import distance_from, readable

BLENDED = 3.0  # FWHM within which sources share light
CUT = 1.2  # FWHM from the slit's end, within which it cuts a profile
SHARED = 0.3  # of a source's light: what others may bring where it is to show its profile
PARTLY = 0.3  # of the tolerance: of a profile that is seen in part
ALIKE = 0.15  # relative: sources whose widths differ by less are points, whose profiles differ by as much less than any


def trace_source(blocks, source, windows, settings):
    """The Trace of a source through all orders, from blocks of light along the slit ({order: BlockProfiles})."""
    measured = {}
    if settings.slit_position_arcsec is None and source.significance > 0:
        measured = {
            order: locate.block_centres(
                b,
                source.slit_arcsec,
                source.fwhm_arcsec,
                least_significance=settings.trace_sigma,
                max_shift_arcsec=settings.trace_shift_arcsec,
            )
            for order, b in blocks.items()
        }
    return _trace_of(measured, source, windows, settings)


def shaped(blocks, source, trace):
    """The source with the shape that its light has about its trace."""
    if not source.significance > 0:
        return source
    fwhm, beta = locate.shape_about(blocks.values(), trace, source)
    return replace(source, fwhm_arcsec=fwhm, beta=beta)


def retrace(k, light, source, trace, profiles, windows, settings):
    """The Trace of source k corrected to where the SlitLight of each order stands about it, {order: } of each source."""
    measured = {}
    if settings.slit_position_arcsec is None and source.significance > 0:
        for order in windows:
            of_order = [along[order] for along in light]
            wavelength, offset, error, significance = offsets(
                k, profiles, order, of_order, n_blocks=settings.trace_blocks
            )
            at = offset + trace.at(order, wavelength) - source.slit_arcsec
            found = (significance > settings.trace_sigma) & (np.abs(at) < settings.trace_shift_arcsec)
            measured[order] = wavelength[found], at[found], error[found]
    return _trace_of(measured, source, windows, settings)


def _trace_of(measured, source, windows, settings):
    trace = locate.fit_trace(
        measured,
        {o: w.cutout.range_nm for o, w in windows.items()},
        source.slit_arcsec,
        common_degree=settings.trace_degree,
        prior_arcsec=settings.trace_prior_arcsec,
    )
    return replace(trace, n_blocks=settings.trace_blocks if measured else 0)


def refined(windows, positions, fits, profiles, sources, traces, slit_profiles, settings, on_extended):
    """(sources, traces, SlitProfiles) that agree with the light: positions, a common shape from all orders, each order's width.

    profiles: what the fits took. Seeing is the same for all sources: where the brightest is about as wide as another it shows
    the shape of both, and the other's light needs to tell no more than how it differs. on_extended: they stand on extended
    light, which has told their shapes together with its own: by themselves they could not be told from it.
    """
    light = [
        {o: _light_of(k, w, positions[o], fits[o], profiles[o], trace, settings) for o, w in windows.items()}
        for k, trace in enumerate(traces)
    ]
    paths = [
        retrace(k, light, source, trace, slit_profiles, windows, settings)
        for k, (source, trace) in enumerate(zip(sources, traces, strict=True))
    ]
    light = [
        {o: replace(of, distance_arcsec=distance_from(windows[o], path)) for o, of in along.items()}
        for path, along in zip(paths, light, strict=True)
    ]
    shapes = slit_profiles if on_extended else _of_one_seeing(slit_profiles, light, sources, settings)
    return [replace(s, fwhm_arcsec=p.fwhm_arcsec) for s, p in zip(sources, shapes, strict=True)], paths, shapes


def _is_blended(k, sources):
    """Whether another of the sources stands in the light of source k."""
    apart = [abs(s.slit_arcsec - sources[k].slit_arcsec) for j, s in enumerate(sources) if j != k]
    return min(apart, default=np.inf) < BLENDED * sources[k].fwhm_arcsec


def is_seen_in_part(k, sources, settings):
    """Whether another source or the slit's end hides a part of the profile of source k."""
    inside = settings.half_slit_arcsec - abs(sources[k].slit_arcsec)
    return _is_blended(k, sources) or inside < CUT * sources[k].fwhm_arcsec


def _own_light(k, light, sources, slit_profiles, settings):
    """The SlitLight of source k in all orders; where another stands near, or the slit's end, only what is nearly its own, on
    both sides of it as if it were even: by a part of it its counts and its profile could not be told apart."""
    if not is_seen_in_part(k, sources, settings):
        return light[k]
    out = {}
    for order, own in light[k].items():
        seen = [
            p.at(of[order].distance_arcsec, own.wavelength_nm, order) * of[order].counts
            for p, of in zip(slit_profiles, light, strict=True)
        ]
        weight = np.where(sum(seen) - seen[k] < SHARED * seen[k], own.weight, 0.0)
        twice = {f: np.concatenate([a, a]) for f, a in vars(replace(own, weight=0.5 * weight)).items()}
        twice["distance_arcsec"] = np.concatenate([own.distance_arcsec, -own.distance_arcsec])
        out[order] = SlitLight(**twice)
    return out


def _of_one_seeing(slit_profiles, light, sources, settings):
    """The SlitProfiles of sources by their SlitLight in all orders, {order: } each."""
    light = [_own_light(k, light, sources, slit_profiles, settings) for k in range(len(sources))]
    brightest = int(np.argmax([sum(float(of_order.counts.sum()) for of_order in along.values()) for along in light]))
    in_part = [is_seen_in_part(k, sources, settings) for k in range(len(sources))]
    tolerance = [settings.profile_tolerance * (PARTLY if part else 1.0) for part in in_part]
    best = _refined(slit_profiles[brightest], light[brightest], tolerance[brightest], settings)
    shapes = []
    for k, profile in enumerate(slit_profiles):
        is_alike = abs(profile.fwhm_arcsec / slit_profiles[brightest].fwhm_arcsec - 1.0) < ALIKE
        if k == brightest or (is_alike and in_part[k]):
            shapes.append(best)
        else:
            start, part = (best, ALIKE) if is_alike else (profile, 1.0)
            shapes.append(_refined(start, light[k], part * tolerance[k], settings))
    return shapes


def _refined(start, light, tolerance, settings):
    """The SlitProfile of a source by its SlitLight in all orders, and each order's own width."""
    equations = [profile_equations(start, order, of_order) for order, of_order in light.items()]
    profile = updated(start, *(sum(e[i] for e in equations) for i in range(2)), tolerance=tolerance)
    return stretched(profile, light, prior=settings.profile_stretch, own=settings.profile_stretch_own)


def _light_of(k, window, position, fit, profiles, trace, settings):
    """The SlitLight of source k in an order."""
    others = sum(_at_pixels(fit.counts[j], position) * p for j, p in enumerate(profiles) if j != k)
    doubt = (settings.model_error * fit.model) ** 2 + (settings.profile_tolerance * others) ** 2
    weight = np.where(readable(window, fit, settings), 1.0 / (fit.variance + doubt), 0.0)
    cutout, counts = window.cutout, _at_pixels(fit.counts[k], position)
    left = window.data - fit.sky - others
    return SlitLight(distance_from(window, trace), cutout.wavelength_nm, cutout.arcsec, counts, left, weight)


def _at_pixels(samples, position):
    """Native samples at the positions of the pixels, smoothed so that noise does not weigh the profile."""
    smooth = np.maximum(running_median(samples, 9), 0.0)
    return interpolated(position, smooth)
