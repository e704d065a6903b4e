"""Shift of an order from an object whose spectrum is known: the catalogue model of a flux standard."""

from dataclasses import dataclass

import numpy as np

from soxslib.numerics.lineshift import LineOffsets, Shift, shift_of_lines
from soxslib.numerics.spline_columns import normal_of, spline_columns

BALMER_NM = (656.279, 486.135, 434.047, 410.173, 397.007, 388.905, 383.538, 379.790, 377.063)  # air


def template_shift(
    wavelength_nm,
    flux,
    variance,
    template_nm,
    template_flux,
    *,
    wavelength_range,
    fwhm_nm,
    features_nm,
    level_nm,
    search_px,
    feature_error_px,
    slope_px,
    template_error,
    binning=1,
):
    """Shift of one order from a spectrum whose template is known: a standard's catalogue model.

    Model: a spline level (knots every `level_nm`; wider than the features leaves steep throughputs undescribed,
    narrower takes the features away) times the template, blurred to the order's resolution. features_nm: where the
    template has its features; each has its own offset in the end, so that an imperfect level or template shows as
    their scatter (`feature_error_px` at least). Search, priors and result in unbinned pixels; see
    `measure_sky_shift`.
    """
    known = np.isfinite(wavelength_nm)
    if known.sum() < 100:
        return Shift()
    scene = _scene(wavelength_nm, flux, variance, template_nm, template_flux, fwhm_nm, level_nm)
    trials = np.arange(-np.ceil(search_px / binning), np.ceil(search_px / binning) + 1)
    tempered = scene.good / (scene.variance + (0.02 * scene.flux) ** 2)  # an imperfect level must not decide
    misfit = [_level_fit(scene, d, tempered)[1] for d in trials]
    shift = float(trials[int(np.argmin(misfit))])
    weight = tempered
    for _ in range(5):
        model, _, level = _level_fit(scene, shift, weight)
        spread = np.sqrt(scene.variance + (template_error * model) ** 2)
        weight = scene.good * np.where(np.abs(scene.flux - model) < 6 * spread, 1.0, 0.0) / spread**2
        step = _feature_offsets(scene, shift, weight, level, np.zeros(scene.flux.size, int), 1)[0][0]
        shift += float(np.clip(step, -3, 3))
    present = [f for f in features_nm if scene.nm.min() + 0.5 * fwhm_nm < f < scene.nm.max() - 0.5 * fwhm_nm]
    if not present:
        return Shift()
    nearest = np.argmin(np.abs(scene.nm[:, None] - np.array(present)), axis=1)
    offset, error = _feature_offsets(scene, shift, weight, level, nearest, len(present))
    use = error * binning < search_px / 2
    if not use.any():
        return Shift()
    low, high = wavelength_range
    unit = (2 * np.array(present)[use] - low - high) / (high - low)
    lines = LineOffsets(unit, (shift + offset[use]) * binning, error[use] * binning)
    return shift_of_lines(lines, line_error_px=feature_error_px, slope_px=slope_px)


@dataclass(frozen=True)
class _Scene:
    nm: np.ndarray
    dispersion: np.ndarray  # nm per pixel, signed
    flux: np.ndarray
    variance: np.ndarray
    good: np.ndarray
    weight: np.ndarray
    levels: np.ndarray  # spline basis
    template: tuple  # (wavelength, blurred flux), uniform grid


def _scene(wavelength_nm, flux, variance, template_nm, template_flux, fwhm_nm, level_nm):
    """Pixels, spline levels and the blurred template of an order."""
    known = np.flatnonzero(np.isfinite(wavelength_nm))
    nm = np.asarray(wavelength_nm, float)[known]
    good = np.isfinite(flux[known]) & np.isfinite(variance[known]) & (variance[known] > 0)
    y, v = np.where(good, flux[known], 0.0), np.where(good, variance[known], 1.0)
    low, high = nm.min(), nm.max()
    n_intervals = max(2, int(np.ceil((high - low) / level_nm)))
    levels = spline_columns((nm - low) * n_intervals / (high - low), n_intervals)
    step = fwhm_nm / 8
    grid = np.arange(low - 2, high + 2, step)
    sharp = np.interp(grid, template_nm, template_flux)
    kernel = np.exp(-0.5 * (np.arange(-24, 25) * step * 2.355 / fwhm_nm) ** 2)
    blurred = np.convolve(sharp, kernel / kernel.sum(), "same") / np.median(sharp)
    return _Scene(nm, np.gradient(nm), y, v, good, good / v, levels, (grid, blurred))


def _level_fit(scene, shift, weight):
    """(model, chi2, level) of the best spline level for a given shift."""
    template = np.interp(scene.nm - shift * scene.dispersion, *scene.template)
    columns = scene.levels * template[:, None]
    normal = normal_of(columns, weight)
    normal[np.diag_indices_from(normal)] *= 1 + 1e-9
    level = scene.levels @ np.linalg.lstsq(normal, columns.T @ (weight * scene.flux), rcond=None)[0]
    return level * template, float(np.sum(weight * (scene.flux - level * template) ** 2)), level


def _feature_offsets(scene, shift, weight, level, segment, n):
    """(offsets, errors) [px] of n segments of the order about a common shift, the level free."""
    place = scene.nm - shift * scene.dispersion
    template = np.interp(place, *scene.template)
    half = 0.5 * np.abs(scene.dispersion)
    ahead, behind = (np.interp(place - sign * half, *scene.template) for sign in (1, -1))
    slope = level * (ahead - behind) * np.sign(scene.dispersion)
    own = np.where(segment[:, None] == np.arange(n), slope[:, None], 0.0)
    columns = np.hstack([scene.levels * template[:, None], own])
    normal = normal_of(columns, weight)
    scale = 1 / np.sqrt(np.maximum(np.diag(normal), 1e-300))
    normal = normal * scale[:, None] * scale + 1e-10 * np.eye(scale.size)
    covariance = np.linalg.inv(normal)
    values = scale * (covariance @ (scale * (columns.T @ (weight * scene.flux))))
    return values[-n:], (scale * np.sqrt(np.diag(covariance)))[-n:]
