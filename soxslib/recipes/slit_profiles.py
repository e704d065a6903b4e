"""How the light of the sources falls on the pixels of an exposure."""

from dataclasses import replace

import numpy as np

from soxslib.numerics.hits import steady
from soxslib.numerics.profile import analytic_profile

_HIT = 0.7  # of a row's pixels that cosmic rays leave, at least


def distance_from(window, trace):
    """Distance of the pixels from a trace [arcsec]."""
    cutout = window.cutout
    return cutout.slit_arcsec - trace.at(cutout.order, cutout.wavelength_nm)


def readable(window, fit, settings):
    """Pixels that show how light is spread along the slit: good ones that no cosmic ray has hit, found yet or not."""
    return _steady(window, fit, window.good & ~fit.is_cosmic_ray, settings)


def readable_before(window, fit, settings):
    """The same before the sources are known: what has been rejected all along a row is light that the model lacks."""
    kept = window.good & ~fit.is_cosmic_ray
    lacking = kept.sum(axis=1) < _HIT * window.good.sum(axis=1)
    kept[lacking] = window.good[lacking]
    return _steady(window, fit, kept, settings)


def _steady(window, fit, kept, settings):
    residual = np.where(kept, window.data - fit.model, 0.0)
    return kept & steady(residual, np.sqrt(fit.variance), settings.reject_sigma)


def on_pixels(window, trace, slit_profile):
    """Part of the source's light in each pixel."""
    cutout = window.cutout
    part = slit_profile.at(distance_from(window, trace), cutout.wavelength_nm, cutout.order) * cutout.arcsec
    return np.where(cutout.is_inside, part, 0.0)


def first_profile(source, reference_nm, settings, stretch=None):
    """The SlitProfile of a source of which only width and beta are known; stretch: {order: } its width over the seeing's law."""
    profile = analytic_profile(
        source.fwhm_arcsec,
        step_arcsec=settings.profile_step_arcsec,
        half_width_arcsec=settings.profile_half_width_arcsec,
        reference_nm=reference_nm,
        beta=source.beta,
    )
    return replace(profile, stretch=stretch or {})


def profiles_together(sources, points, windows, settings):
    """The SlitProfiles of sources as extended light and they together, the Points, tell."""
    stretch = {o: float(points.stretch(w.cutout.middle_nm)) for o, w in windows.items()}
    return [first_profile(s, points.reference_nm, settings, stretch) for s in sources]


def profiles_on_pixels(windows, traces, slit_profiles, extended, target_arcsec):
    """{order: parts of each source's light in the pixels, with those of the extended light last, if any}.

    Extended light passes the slit as unevenly as the sky; a source's profile is measured as the slit passes it.
    Refraction and flexure move extended light with the target, which is at target_arcsec where its trace would be straight.
    """
    out = {}
    for order, w in windows.items():
        out[order] = [on_pixels(w, t, p) for t, p in zip(traces, slit_profiles, strict=True)]
        if extended:
            part = extended.at(distance_from(w, traces[0]) + target_arcsec, w.cutout.middle_nm) * w.cutout.arcsec
            out[order].append(np.where(w.cutout.is_inside, part * w.slit_light, 0.0))
    return out
