"""Exposures of the empty sky beside a target, and what they tell of the sky on the target."""

import logging
from dataclasses import dataclass, replace

import numpy as np

from soxslib.datamodel import Exposure
from soxslib.errors import ReductionError
from soxslib.numerics import extraction, known_sky, locate
from soxslib.numerics.illumination import corrected_slit_light
from soxslib.numerics.spline_columns import spline_columns
from soxslib.numerics.uniform import interpolated
from soxslib.recipes.order_fits import fit_all, fit_window, less_smooth, line_columns_of, relit
from soxslib.recipes.slit_profiles import readable
from soxslib.recipes.windows import Window, seeing_of

log = logging.getLogger(__name__)

LEAST_SKY = 0.4  # of the slit without sources, from which an exposure is of the empty sky
LINE_PX = 61  # unbinned; what is smoother than that is continuum, or light of sources
KNOT_PX = 250.0  # unbinned; lines nearer to one another vary alike


@dataclass(frozen=True)
class SkyExposure:
    """An exposure of the empty sky; pixels with sources in it are not good. ndit: integrations that give the noise.

    All are kept until the last target is reduced: pixels are in single precision until they are wanted `in_counts_of` one.
    """

    exposure: Exposure
    windows: dict[int, Window]
    ndit: float

    def in_counts_of(self, exposure):
        """As if it had been as long as another."""
        factor = exposure.exposure_s / self.exposure.exposure_s
        scaled = lambda w: replace(w, data=w.data.astype(float) * factor, floor=w.floor.astype(float) * factor**2)
        return replace(self, windows={o: scaled(w) for o, w in self.windows.items()}, ndit=self.ndit / factor)


@dataclass(frozen=True)
class OffSky:
    """What exposures of the empty sky tell of the sky of one on the target.

    seen: {order: [(SkyExposure's window, its ndit, its OrderFit, SkyChange)]}; known: {order: KnownSky}; added: {order: counts
    per native pixel that the continuum has gained since, smooth}.
    """

    files: list[str]
    seen: dict[int, list[tuple]]
    known: dict[int, known_sky.KnownSky]
    added: dict[int, np.ndarray]
    binning: int = 1  # along the dispersion

    def continuum_of(self, order):
        """Counts per native pixel of the exposures' mean continuum."""
        return np.mean([change.continuum for *_, change in self.seen[order]], axis=0)

    def at(self, order, window, basis):
        """The sky of a window's pixels as the exposures of the empty sky tell it."""
        return self.known[order].at(basis) * window.slit_light


@dataclass(frozen=True)
class SkyReport:
    """What is told of the empty sky's part in an exposure: files, the SkyChanges of all orders, binning along the dispersion."""

    files: list[str]
    changes: list[known_sky.SkyChange]
    binning: int


def report_of(off):
    """The SkyReport of an OffSky, whose images need not be kept; None of None."""
    if off is None:
        return None
    return SkyReport(off.files, [change for seen in off.seen.values() for *_, change in seen], off.binning)


def sky_exposure(exposure, windows, blocks, settings):
    """The SkyExposure of windows and their BlockProfiles; ReductionError when they hold too much else than sky."""
    grid = np.arange(-settings.half_slit_arcsec, settings.half_slit_arcsec, 0.1)
    seeing = seeing_of(exposure, settings)
    found = locate.find_sources(
        grid, *locate.collapse(blocks.values(), grid), seeing_arcsec=seeing,
        least_significance=settings.detection_sigma, least_fraction=0.0, most=settings.most_sources,
    )  # fmt: skip
    taken = np.zeros(grid.size, bool)
    for s in found:
        taken |= np.abs(grid - s.slit_arcsec) < 1.5 * max(s.fwhm_arcsec, seeing)
    if np.mean(~taken) < LEAST_SKY:
        raise ReductionError(f"{exposure.file}: sources fill {np.mean(taken):.0%} of the slit on the empty sky")
    if found:
        places = ", ".join(f"{s.slit_arcsec:+.2f}" for s in found)
        log.info("%s: sources on the empty sky at %s arcsec are left out", exposure.file, places)
    is_taken = lambda w: np.interp(w.cutout.slit_arcsec, grid, taken.astype(float)) > 0
    kept = lambda w: np.where(is_taken(w), np.nan, w.data) if found else w.data
    single = lambda w: replace(w, data=kept(w).astype(np.float32), floor=w.floor.astype(np.float32))
    return SkyExposure(exposure, {o: single(w) for o, w in windows.items()}, exposure.ndit)


def seen_in(sky, bases, settings):
    """({order: Window}, {order: OrderFit}) of a SkyExposure on the native grid of the exposure on the target, with the slit's
    illumination as the sky shows it."""
    windows, fits = {}, {}
    for order, window in sky.windows.items():
        if order not in bases:
            continue
        fit = fit_window(window, bases[order], [], sky.ndit, settings, is_last=False)
        light = corrected_slit_light(
            window.cutout.slit_arcsec / settings.half_slit_arcsec, window.slit_light, window.data,
            fit.sky / window.slit_light, fit.variance, readable(window, fit, settings),
            priors=settings.slit_light_prior,
        )  # fmt: skip
        light = light / np.average(light / window.slit_light, weights=window.cutout.is_inside + 1e-12)
        fit = relit(fit, light / window.slit_light)
        windows[order] = replace(window, slit_light=light)
        fits[order] = fit_window(windows[order], bases[order], [], sky.ndit, settings, fit)
    return windows, fits


def lit_alike(windows, skies):
    """The windows with the illumination of the slit that the skies' show: the mean of [({order: Window}, fits)]."""
    light = {o: np.mean([own[o].slit_light for own, _ in skies], axis=0) for o in windows}
    return {o: replace(w, slit_light=light[o]) for o, w in windows.items()}


def off_sky(skies, seen, positions, fits, settings):
    """The OffSky of an exposure with a first fit. skies: SkyExposures, seen: what `seen_in` made of them."""
    matched = {}
    for order, fit in fits.items():
        matched[order] = []
        for sky, (windows, own) in zip(skies, seen, strict=True):
            binning = sky.exposure.binning[1]
            change = known_sky.sky_change(
                fit.sky_density, _variance(fit), own[order].sky_density, _variance(own[order]),
                length_px=max(LINE_PX // binning, 9), knot_px=KNOT_PX / binning,
                scale_error=settings.off_line_error, shift_error_px=settings.off_shift_px / binning,
            )  # fmt: skip
            matched[order].append((windows[order], sky.ndit, own[order], change))
    added = {o: np.zeros(fit.sky_density.size) for o, fit in fits.items()}
    return with_continuum(
        OffSky([s.exposure.file for s in skies], matched, {}, added, skies[0].exposure.binning[1]), added, positions
    )


def with_continuum(off, added, positions):
    """The OffSky with so much added to the continuum of each order."""
    known = {}
    for order, seen in off.seen.items():
        continuum = off.continuum_of(order) + added[order]
        parts = []
        for window, ndit, fit, change in seen:
            basis = extraction.basis_of(positions[order] + change.shift_px, continuum.size)
            good = window.good & ~fit.is_cosmic_ray
            pixels = extraction.Pixels(
                window.data, window.floor, good, basis, window.slit_light, ndit, window.response_variance
            )
            parts.append((pixels, fit.sky, fit.variance, change))
        known[order] = known_sky.known_sky(parts, continuum, extraction.MARGIN)
    return replace(off, known=known, added=added)


def levelled(off, windows, fits, profiles, positions, bases, settings):
    """The OffSky with the change of the continuum that fits the light along the slit beside that of the sources.

    Sources count by one factor each, the sky by a curve of its own: expected to change by a part of the continuum, but light
    that fills the slit, with no shape to tell it by, is taken with the sky.
    """
    added = {}
    for order, window in windows.items():
        fit, continuum = fits[order], off.continuum_of(order)
        n = continuum.size
        at = np.clip(np.nan_to_num(positions[order]), 0, n - 1)
        sources = [interpolated(at, c) * p for c, p in zip(fit.counts, profiles[order], strict=True)]
        doubt = (settings.model_error * (fit.model - fit.sky)) ** 2
        weight = np.where(readable(window, fit, settings), 1.0 / (fit.variance + doubt), 0.0)
        left = np.where(weight > 0, window.data - off.at(order, window, bases[order]), 0.0)
        knot = KNOT_PX / off.binning
        curve = spline_columns(np.arange(n) / n * max(n / knot, 1), max(int(np.ceil(n / knot)), 1))
        light = window.slit_light
        down = lambda a: (weight * a).sum(axis=0)
        k = len(sources)
        normal, right = np.zeros((k + curve.shape[1],) * 2), np.zeros(k + curve.shape[1])
        normal[k:, k:] = curve.T @ (down(light**2)[:, None] * curve)
        right[k:] = curve.T @ down(light * left)
        for i, source in enumerate(sources):
            normal[i, k:] = normal[k:, i] = curve.T @ down(light * source)
            right[i] = down(source * left).sum()
            normal[i, :k] = [down(source * other).sum() for other in sources]
        expected = settings.off_continuum_error * max(float(np.mean(np.abs(continuum))), 1e-3)
        normal += np.diag(np.r_[1e-9 * np.diag(normal)[:k] + 1e-12, np.full(curve.shape[1], expected**-2.0)])
        added[order] = off.added[order] + curve @ np.linalg.solve(normal, right)[k:]
    return with_continuum(off, added, positions)


def fit_profiles(windows, bases, positions, profiles, off, ndit, settings, extended):
    """({order: OrderFit} for new profiles, the OffSky with its continuum's level, {order: columns where extended light has
    lines}), none without exposures of the empty sky: there a better form of the light must tell them from the sky's first."""
    how = dict(is_last=False, has_extended=extended is not None)
    if off is None:
        return fit_all(windows, bases, profiles, {}, ndit, settings, **how), None, {}
    fits = fit_all(windows, bases, profiles, {}, ndit, less_smooth(settings), known=off.known, **how)
    off = levelled(off, windows, fits, profiles, positions, bases, settings)
    if not extended:
        return fits, off, {}
    return fits, off, {o: line_columns_of(w, fits[o], profiles[o], settings) for o, w in windows.items()}


def _variance(fit):
    """Variance of a fitted sky per native pixel, inf where it was not seen."""
    seen = fit.sky_information > 0
    return np.where(seen, 1.0 / np.where(seen, fit.sky_information, 1.0), np.inf)
