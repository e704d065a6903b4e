"""Fits of sky and sources to the orders of an exposure."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np

from soxslib.numerics import extraction
from soxslib.numerics.extended_lines import line_columns

FIRST_ROUNDS = 5  # of fit and rejection until the last: a ray along the slit must not pass for light of a source


def fit_window(
    window, basis, profiles, ndit, settings, before=None, *, is_last=True, has_extended=False, free=None, known=None
):
    """The OrderFit of a window; `before`: that of the round before. Until the last round only the worst pixels are rejected.

    free [column]: where extended light has lines; known: KnownSky of other exposures.
    """
    pixels = extraction.Pixels(
        window.data, window.floor, window.good, basis, window.slit_light, ndit, window.response_variance
    )
    return extraction.fit_order(
        pixels,
        profiles,
        reject_sigma=settings.reject_sigma,
        grow_sigma=settings.grow_sigma,
        model_error=settings.model_error,
        sky_error=settings.sky_error,
        sharpest_px=settings.sharpest_px,
        rounds=settings.reject_rounds if is_last else FIRST_ROUNDS,
        stiffness=stiffness_of(before, settings) if before else None,
        start=before.variance if before else None,
        extended_px=settings.extended_smooth_px if has_extended else 0,
        extended_free=free,
        known=known,
    )


def stiffness_of(fit, settings):
    """The Stiffness of the sky after a fit."""
    return extraction.sky_stiffness(
        fit, length_px=settings.sky_smooth_px, line_sigma=settings.sky_line_sigma, between=settings.sky_between
    )


def fit_all(windows, bases, profiles, before, ndit, settings, *, free=None, known=None, **how):
    """{order: OrderFit} of the windows; `before`: those of the round before; free, known: by order, where there are any."""
    free, known = free or {}, known or {}
    return {
        o: fit_window(
            w, bases[o], profiles[o], ndit, settings, before.get(o), free=free.get(o), known=known.get(o), **how
        )
        for o, w in windows.items()
    }


def less_smooth(settings):
    """The settings with which extended light shows its lines."""
    return SimpleNamespace(**vars(settings) | {"extended_smooth_px": settings.sky_smooth_px})


def find_lines(windows, bases, profiles, fits, ndit, settings):
    """({order: OrderFit}, {order: columns where extended light has lines}) of one exposure whose fits had none.

    Where the sky has a line as well, an error of the slit's illumination may print it on the light.
    """
    fits = fit_all(windows, bases, profiles, fits, ndit, less_smooth(settings), is_last=False, has_extended=True)
    error = settings.slit_light_under
    return fits, {o: line_columns_of(w, fits[o], profiles[o], settings, error) for o, w in windows.items()}


def line_columns_of(window, fit, profiles, settings, illumination_error=0.0):
    """Columns where the last of an order's profiles, that of extended light, has lines."""
    weight = np.where(window.good, profiles[-1] / fit.variance, 0.0)
    information = (weight * profiles[-1]).sum(axis=0)
    of_sky = (weight * window.slit_light).sum(axis=0) / np.maximum(information, 1e-12)
    return line_columns(
        fit.counts[-1], information, length_px=settings.sky_smooth_px, line_sigma=settings.extended_line_sigma,
        reach=int(np.ceil(1.5 * settings.sky_smooth_px)), printed=illumination_error * of_sky * fit.sky_density,
    )  # fmt: skip


def relit(fit, ratio):
    """The OrderFit with its sky under another illumination of the slit, relative to the one it was fitted with."""
    return replace(fit, sky=fit.sky * ratio, model=fit.model + fit.sky * (ratio - 1.0))


def sky_variance_of(fit, known, settings):
    """What smoothness and the KnownSky of other exposures leave of the variance of an order's sky, per column."""
    left = stiffness_of(fit, settings).variance_left
    if known is None:
        return left
    own = np.maximum(fit.sky_information, 1e-300)
    return left * own / (own + known.information)


def extended_variance_of(n_columns, free, settings):
    """What smoothness leaves of the variance of extended light, per column; free: where it has lines, or None."""
    left = np.full(n_columns, extraction.variance_left(settings.extended_smooth_px))
    return left if free is None else np.where(free, 1.0, left)
