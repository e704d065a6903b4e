"""Absorption by the atmosphere's molecules: seen against a star of known flux, fitted to other spectra.

The depth of one molecule's bands scales with its amount along the line of sight, T = T_star ** f. Oxygen and carbon dioxide
follow the airmass, water vapour changes within hours: f is fitted to each spectrum, with the airmass as what is expected.
Beer's law holds line by line, not for the unresolved sum of lines, so that f far from 1 leaves errors in deep bands. Each
order is corrected on its own pixels with what the star showed in that order: nothing is resampled but by their small shift.
"""

from dataclasses import dataclass, replace
from functools import cache, partial

import numpy as np

from soxslib.datamodel import Absorption

MOLECULES = ("O2", "H2O", "CO2")
OPAQUE = 0.05  # transmission below which nothing is corrected
_EXPECTED = (0.03, 0.5, 0.03)  # scatter of ln f about the ratio of the airmasses, by molecule
_SHIFT_PX = 0.3  # scatter expected between a star in a wide slit and a target
_SEEN = 2.0  # errors that a star's transmission must be to tell a depth
_ITERATIONS = 8
_CONTINUUM_NM = 40.0  # of a band for each degree of its continuum beyond a parabola
_LEAST_SAMPLES = 30
_SUM_PX = (
    8  # samples that are compared as sums: a line's equivalent width is the same at any resolution, its depth is not
)
_CLIP = 5.0  # scatters from which a sample is no continuum: emission lines, what the star did not show


@dataclass(frozen=True)
class Amounts:
    """Molecules above a spectrum: {molecule: (f, its error)}, the bands' shift against the star's [px], and the scatter of the
    corrected bands about their continuum over what noise explains."""

    of: dict
    shift_px: float
    scatter: float
    parameters: np.ndarray
    covariance: np.ndarray


def star_absorption(order, wavelength_nm, transmission, error, bands_nm, molecules, *, airmass):
    """The Absorption that a star shows in an order, at increasing wavelengths; transmission: NaN where unknown.

    Where next to nothing of the star came through the depth is unknown too. bands_nm: [band, (low, high)]; molecules: index
    of each band into MOLECULES.
    """
    inside = (wavelength_nm[:, None] > bands_nm[:, 0]) & (wavelength_nm[:, None] < bands_nm[:, 1])
    molecule = np.where(inside.any(axis=1), np.asarray(molecules)[np.argmax(inside, axis=1)], -1)
    known = (molecule >= 0) & np.isfinite(error) & (np.nan_to_num(transmission) > _SEEN * error)
    value = np.where(known, transmission, 1.0)
    sigma = np.where(known, error / value, np.where(molecule >= 0, np.inf, 0.0))
    return Absorption(order, wavelength_nm, -np.log(value), sigma, molecule, airmass)


def fitted_amounts(orders, absorptions, bands_nm, *, airmass, model_error):
    """The Amounts above calibrated orders (OrderSpectrum, observer's air); absorptions: {order: Absorption}.

    model_error: accuracy of scaled depths, relative. Where spectra are too faint to tell, amounts follow the airmass.
    """
    used = [o for o in orders if o.order in absorptions]
    ratio = airmass / next(iter(absorptions.values())).airmass
    parts = [_band(o, absorptions[o.order], low, high) for o in used for low, high in bands_nm]
    parts = [p for p in parts if p is not None]
    prior = np.array([*_EXPECTED, _SHIFT_PX])
    p, covariance, scatter = np.zeros(prior.size), np.diag(prior**2), 1.0
    if parts:
        p, covariance, scatter = _minimised(parts, prior, ratio, model_error)
    amounts = ratio * np.exp(p[:-1])
    errors = amounts * np.sqrt(np.diag(covariance)[:-1])
    of = {name: (float(a), float(e)) for name, a, e in zip(MOLECULES, amounts, errors, strict=True)}
    return Amounts(of, float(p[-1]), scatter, p, covariance)


def without_absorption(order, absorption, amounts, *, airmass, model_error):
    """The OrderSpectrum without the absorption, its variance with what the correction adds; NaN where nothing came through.

    The correction's own errors are those of the star's counts, of the amounts, and model_error of the depth.
    """
    ratio, p = airmass / absorption.airmass, amounts.parameters
    each = [_depth(p, m, order.wavelength_nm, order.pixel_nm, absorption, ratio) for m in range(len(MOLECULES))]
    depth = sum(each)
    at = order.wavelength_nm - p[-1] * order.pixel_nm
    star = ratio * np.interp(at, absorption.wavelength_nm, absorption.error, left=0.0, right=0.0)
    relative2 = star**2 + (model_error * depth) ** 2
    relative2 = relative2 + sum(d**2 * amounts.covariance[m, m] for m, d in enumerate(each))
    gain = np.where((depth < -np.log(OPAQUE)) & np.isfinite(relative2), np.exp(depth), np.nan)
    flux = order.flux * gain
    return replace(
        order,
        flux=flux,
        variance=order.variance * gain**2 + np.where(np.isfinite(gain), flux**2 * relative2, np.nan),
        boxcar=order.boxcar * gain,
        boxcar_robust=order.boxcar_robust * gain,
        sky=order.sky * gain,
    )


def _depth(p, molecule, wavelength, pixel_nm, absorption, ratio):
    """Optical depth by one molecule. p: logs of the amounts over the airmasses' ratio, shift in pixels."""
    return np.exp(p[molecule]) * _unit_depths(p[-1], wavelength, pixel_nm, absorption, ratio)[molecule]


def _unit_depths(shift_px, wavelength, pixel_nm, absorption, ratio):
    """Optical depths by each molecule in the amounts of the star's airmass times the airmasses' ratio."""
    at = wavelength - shift_px * pixel_nm
    own = [np.where(absorption.molecule == m, absorption.depth, 0.0) for m in range(len(MOLECULES))]
    return [ratio * np.interp(at, absorption.wavelength_nm, depth, left=0.0, right=0.0) for depth in own]


def _band(order, absorption, low, high):
    """(wavelength, pixel, flux density, its error, polynomials of the continuum, Absorption) of a band and what is beside it;
    None without samples."""
    beside = max(0.2 * (high - low), 2.0)
    w = order.wavelength_nm
    good = (order.quality == 0) & np.isfinite(order.flux) & (order.variance > 0)
    good &= np.isfinite(np.interp(w, absorption.wavelength_nm, absorption.error))
    k = np.flatnonzero(good & (w > low - beside) & (w < high + beside))
    inside = (w[k] > low) & (w[k] < high)
    if inside.sum() < _LEAST_SAMPLES or (~inside).sum() < _LEAST_SAMPLES:
        return None
    x = (2.0 * w[k] - low - high) / (high - low + 2 * beside)
    terms = np.polynomial.chebyshev.chebvander(x, 2 + int((high - low) / _CONTINUUM_NM))
    pixel = order.pixel_nm[k]
    return w[k], pixel, order.flux[k] / pixel, np.sqrt(order.variance[k]) / pixel, terms, absorption


def _minimised(parts, prior, ratio, model_error):
    """(parameters, covariance, scatter over noise): Gauss-Newton; continua are solved for at each step, robustly."""
    sizes = [-(-part[0].size // _SUM_PX) for part in parts]
    p, robust = np.zeros(prior.size), [np.ones(size) for size in sizes]
    depths = [
        cache(partial(_unit_depths, wavelength=w, pixel_nm=n, absorption=a, ratio=ratio)) for w, n, *_, a in parts
    ]
    pulls_at = lambda p, robust: _pulls(p, parts, depths, robust, model_error)
    for _ in range(_ITERATIONS):
        weight = np.concatenate(robust)
        pulls = weight * pulls_at(p, robust)
        moved = (weight * pulls_at(p + 0.02 * one, robust) for one in np.eye(p.size))
        a = np.stack([(m - pulls) / 0.02 for m in moved], axis=1)
        normal = a.T @ a + np.diag(prior**-2.0)
        change = np.clip(-np.linalg.solve(normal, a.T @ pulls + p / prior**2), -0.5, 0.5)
        p = p + change
        pulls = pulls_at(p, robust)
        scale = max(1.4826 * np.median(np.abs(pulls)), 1.0)
        weight = np.clip(1.0 - (pulls / (_CLIP * scale)) ** 2, 0.0, None)  # Tukey's biweight, as a factor of the pulls
        robust = np.split(weight, np.cumsum(sizes)[:-1])
        if np.abs(change).max() < 1e-3:
            break
    return p, np.linalg.inv(normal) * scale**2, float(scale)


def _pulls(p, parts, depths, robust, model_error):
    """Residuals over errors of all bands about continuum times transmission; depths: functions of the shift, as
    `_unit_depths`; robust: weights of the continua's fits."""
    out = []
    for (wavelength, _, flux, error, terms, _), of_shift, weight in zip(parts, depths, robust, strict=True):
        depth = sum(np.exp(log) * unit for log, unit in zip(p[:-1], of_shift(float(p[-1])), strict=True))
        through = np.exp(-depth)
        first = np.arange(0, wavelength.size, _SUM_PX)
        add = lambda y, first=first: np.add.reduceat(y, first, axis=0)
        doubt = model_error * add(depth * through) * np.median(np.abs(flux))
        sigma = np.sqrt(add(error**2) + doubt**2)
        design = add(terms * through[:, None]) / sigma[:, None]
        sums = add(flux) / sigma
        continuum = np.linalg.lstsq(design * weight[:, None], sums * weight, rcond=1e-10)[0]
        out.append(sums - design @ continuum)
    return np.concatenate(out)
