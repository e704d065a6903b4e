"""From reduced exposures to spectra: all exposures of a target in one least-squares solve on one native grid."""

from dataclasses import dataclass, replace

import numpy as np

from soxslib.datamodel import OrderSpectrum, Quality
from soxslib.numerics import extraction, optimal
from soxslib.numerics.agreement import LEAST_LIGHT, unlike_others
from soxslib.numerics.aperture import boxcar
from soxslib.numerics.cutout import to_binned
from soxslib.numerics.expected import expected_counts
from soxslib.numerics.filters import dilated, running_median
from soxslib.numerics.uniform import interpolated
from soxslib.recipes.flexure import native_wavelengths
from soxslib.recipes.science import columns_of
from soxslib.recipes.slit_profiles import distance_from

MISFIT = 25.0  # mean square pull of a column's pixels: cosmic rays on each other, that no model of the rest finds
MOST_HIT = 0.2  # of the pixels with a source's light: more are no cosmic rays, the exposures disagree about the source
LEAST_LEVEL = 0.01  # of an exposure over the mean: its counts are divided by it
LEAST_NOISE = 0.3  # of a pixel's variance, that is left when its own counts were noise


@dataclass(frozen=True)
class View:
    """One exposure's pixels of one order as the combination sees them: on the first exposure's native grid."""

    pixels: extraction.Pixels  # sky and other sources subtracted
    profile: np.ndarray
    variance: np.ndarray
    share: np.ndarray

    @property
    def told(self):
        """What `optimal` combines."""
        return self.pixels, self.profile, self.variance, self.share


def extract_source(exposures, shifts, throughput, source, settings):
    """[OrderSpectrum] of one source: index `source` of the first exposure's sources.

    exposures: ReducedExposures that hold the source; shifts: one {order: OrderShift} each; throughput: relative to their mean.
    """
    return [
        _extract_order(exposures, shifts, throughput, source, order, settings)
        for order in exposures[0].windows
        if all(order in e.windows for e in exposures)
    ]


def _extract_order(exposures, shifts, throughput, source, order, settings):
    first = exposures[0]
    columns = first.windows[order].cutout.columns
    views = [
        _view(e, s, t, first, shifts[0], source, order, settings)
        for e, s, t in zip(exposures, shifts, throughput, strict=True)
    ]
    if len(views) > 1:
        views, counts = _without_rays(views, columns.size, first.exposure.binning[1], settings)
        expected = expected_counts(counts.flux, 1.0 / counts.variance)
        views = [_of_common_counts(v, e, expected, source, order) for v, e in zip(views, exposures, strict=True)]
    counts = optimal.optimal_counts([v.told for v in views], columns.size)
    trace = _grid_trace(first, source)
    wavelength = native_wavelengths(first, order, shifts[0][order], trace)
    plain, robust, sky = _boxcars(exposures, throughput, source, order, settings)
    shift = shifts[0][order]
    place = shift.applied_to(first.solution[order]).position(wavelength, first.traces[source].at(order, wavelength))
    along, across = (to_binned(p, b) for p, b in zip(place, first.exposure.binning[::-1], strict=True))
    error_nm = np.hypot(
        first.solution[order].wavelength_error_nm,
        shift.error * np.nanmedian(np.abs(np.gradient(wavelength))) / first.exposure.binning[1],
    )
    return OrderSpectrum(
        order=order,
        wavelength_nm=wavelength,
        pixel_nm=np.abs(np.gradient(wavelength)),
        along_px=np.where(np.isfinite(along), along, columns),
        across_px=across,
        flux=counts.flux,
        variance=counts.variance,
        boxcar=plain,
        boxcar_robust=robust,
        sky=sky,
        quality=_quality(counts, exposures, source, order, wavelength, settings),
        wavelength_error_nm=float(error_nm),
        scale_error=_scale_error(exposures, source, order, settings),
    )


def _scale_error(exposures, source, order, settings):
    """Relative error of the counts that a host's form leaves; none where its light stays in them."""
    if not settings.subtract_extended:
        return 0.0
    return float(np.mean([e.host_under(order, source)[1] for e in exposures]))


def _view(exposure, shift, throughput, first, first_shift, source, order, settings):
    """The View of an exposure. Wavelengths include its own shift, so that exposures which moved apart fall together."""
    window, fit = exposure.windows[order], exposure.fits[order]
    others = sum(
        (
            _samples(fit.counts[j], exposure.position(order)) * p
            for j, p in enumerate(exposure.profiles[order])
            if j != source and (j < len(exposure.sources) or settings.subtract_extended)
        ),
        0.0,
    )
    good = window.good & ~fit.is_cosmic_ray
    n = first.windows[order].cutout.columns.size
    if exposure is first and source == 0 and exposure.bases:  # condensed ones have none
        basis = exposure.bases[order]
    else:
        basis = extraction.basis_of(_position_on(first, first_shift, exposure, shift, source, order), n)
    pixels = extraction.Pixels(
        window.data - fit.sky - others, window.floor, good, basis, window.slit_light, exposure.exposure.ndit
    )
    profile = exposure.profiles[order][source] * throughput
    left = exposure.sky_variance.get(order)
    how = {"left": left} if left is not None and left.size == n else {}
    if exposure.extended and settings.subtract_extended:
        how |= {"beneath": exposure.profiles[order][-1], "beneath_left": exposure.extended_variance[order]}
    share = optimal.sky_share(pixels, profile, fit.variance, good, n, **how)
    return View(pixels, profile, fit.variance, share)


def _without_rays(views, n_columns, along, settings):
    """(the Views without pixels that show more light than all other exposures let expect, the Counts of all); along: binning
    of the dispersion. Where most of a source's pixels do, it is the source that differs, and all are kept."""
    told = [optimal.told_by(v.told, n_columns) for v in views]
    total, out = sum(told), []
    for view, own in zip(views, told, strict=True):
        hit = unlike_others(
            view.pixels, view.profile, view.variance, optimal.counts_of(total - own, n_columns),
            reject_sigma=settings.reject_sigma, scale_error=settings.others_scale_error,
            shift_error_px=settings.others_shift_px / along,
        )  # fmt: skip
        lit = view.pixels.good & (view.profile > LEAST_LIGHT)
        if 0 < np.count_nonzero(hit) < MOST_HIT * np.count_nonzero(lit):
            view = replace(view, pixels=replace(view.pixels, good=view.pixels.good & ~hit))
            total = total + optimal.told_by(view.told, n_columns) - own
        out.append(view)
    return out, optimal.counts_of(total, n_columns)


def _of_common_counts(view, exposure, expected, source, order):
    """The View with the noise of the photons that all exposures together expect of the source: by those of its own counts an
    exposure would weigh the less the more its noise has added, and the mean be an electron per pixel too low."""
    fit = exposure.fits[order]
    common = interpolated(view.pixels.basis.position, expected) * view.profile
    own = _samples(fit.expected[source], exposure.position(order)) * exposure.profiles[order][source]
    more = np.maximum(np.nan_to_num(common), 0.0) - np.maximum(np.nan_to_num(own), 0.0)
    return replace(view, variance=np.maximum(view.variance + more / view.pixels.ndit, LEAST_NOISE * view.variance))


def _grid_trace(first, source):
    """The Trace whose pixels are the native grid of a source's spectrum."""
    return first.grid_trace if source == 0 else first.traces[source]


def _position_on(first, first_shift, exposure, shift, source, order):
    """Position of an exposure's pixels on the native grid of the first exposure's trace of the source."""
    wavelength = true_wavelengths(exposure, shift, order)
    solution = first_shift[order].applied_to(first.solution[order])
    trace = _grid_trace(first, source)
    return columns_of(solution, trace, first.windows[order].cutout, first.exposure.binning)(wavelength)


def true_wavelengths(exposure, shift, order):
    """Wavelength of each pixel of a cutout during the exposure: that of the arc at the place the light came from."""
    cutout = exposure.windows[order].cutout
    low, high = exposure.solution[order].wavelength_nm
    unit = (2.0 * cutout.wavelength_nm - low - high) / (high - low)
    moved = (shift[order].pixels + shift[order].slope * unit) / exposure.exposure.binning[1]
    return cutout.displaced(moved)


def _samples(counts, position):
    return interpolated(position, counts)


def _boxcars(exposures, throughput, source, order, settings):
    """(boxcar, robust boxcar, sky in the aperture) on the first exposure's columns, mean of the exposures.

    Simple sums along the slit, for comparison: exposures at other places are brought along by whole columns' wavelengths.
    """
    first = exposures[0]
    target = native_wavelengths(first, order, trace=_grid_trace(first, source))
    out = []
    for e, t in zip(exposures, throughput, strict=True):
        window, fit = e.windows[order], e.fits[order]
        half = settings.boxcar_fwhm * e.slit_profiles[source].fwhm_arcsec
        sums = boxcar(
            window.data - fit.sky,
            fit.model - fit.sky,
            window.good & ~fit.is_cosmic_ray,
            window.cutout.is_inside,
            distance_from(window, e.traces[source]),
            window.cutout.arcsec,
            half,
        )
        sky = (sums[2] * fit.sky).sum(axis=0)
        own = native_wavelengths(e, order, trace=e.traces[source])
        k = np.argsort(own)
        k = k[np.isfinite(own[k])]
        out.append([np.interp(target, own[k], y[k]) for y in (sums[0] / t, sums[1] / t, sky)])
    return np.mean(out, axis=0)


def _quality(counts, exposures, source, order, wavelength, settings):
    """Quality bits of the samples: what the core of the profile met."""
    first = exposures[0]
    quality = np.zeros(counts.flux.size, np.int64)
    quality[counts.coverage < settings.least_coverage] |= int(Quality.INTERPOLATED)
    quality[~np.isfinite(counts.variance)] |= int(Quality.NO_CALIBRATION)
    quality[~np.isfinite(wavelength)] |= int(Quality.NO_CALIBRATION)
    window, profile = first.windows[order], first.profiles[order][source]
    core = profile > 0.25 * profile.max(axis=0)[None, :]
    saturated = ((window.quality & int(Quality.SATURATED)) > 0) & core
    if len(exposures) == 1:
        quality[saturated.any(axis=0)] |= int(Quality.SATURATED)
        quality[dilated(first.fits[order].misfit > MISFIT, 2)] |= int(Quality.POOR_SKY)
    return quality.astype(np.uint16)


def relative_throughput(exposures, source_of):
    """Throughput of each exposure relative to their mean, from the target's counts in all orders; 1 where it is too faint."""
    if len(exposures) == 1:
        return [1.0]
    level, error = [], []
    smooth = [
        {o: running_median(e.fits[o].counts[k], 101) for o in e.fits} for e, k in zip(exposures, source_of, strict=True)
    ]
    common = set.intersection(*(set(s) for s in smooth))
    mean = {o: np.mean([_of_length(s[o], smooth[0][o].size) for s in smooth], axis=0) for o in common}
    for e, s in zip(exposures, smooth, strict=True):
        top, bottom = 0.0, 0.0
        for o in common:
            information = np.sum(np.where(e.windows[o].good, e.profiles[o][0] ** 2 / e.fits[o].variance, 0.0), axis=0)
            w = _of_length(information, mean[o].size)
            top += np.sum(w * mean[o] * _of_length(s[o], mean[o].size))
            bottom += np.sum(w * mean[o] ** 2)
        level.append(top / max(bottom, 1e-300))
        error.append(1.0 / np.sqrt(max(bottom, 1e-300)))
    level, error = np.array(level), np.array(error)
    trust = 0.3**2 / (0.3**2 + error**2)  # exposures of one target seldom differ by more than 30 %
    level = 1.0 + trust * (np.clip(level, LEAST_LEVEL, 10.0) - 1.0)
    return list(level / level.mean())


def _of_length(values, n):
    return values[:n] if values.size >= n else np.pad(values, (0, n - values.size), mode="edge")
