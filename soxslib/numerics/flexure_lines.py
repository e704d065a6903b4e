"""Narrow emission lines of the object (or its host) as common ruler of the orders: one unknown redshift for all.

The orders with sky lines fix the redshift, the lines then fix the orders without. Lines are looked for at one common
redshift, which must stand out far above any other: structure that is not made of these lines matches as well at many
redshifts.
"""

from dataclasses import dataclass

import numpy as np

from soxslib.numerics.flexure import REDSHIFT_UNIT, Evidence

# strong narrow lines of nebulae, galaxies and interacting supernovae, air, nm (NIST; Osterbrock & Ferland 2006)
REST_NM = np.array(
    [386.876, 388.905, 397.007, 410.173, 434.047, 436.321, 447.148, 468.570, 486.135, 495.891, 500.684]
    + [587.562, 654.805, 656.279, 658.345, 667.815, 671.644, 673.082, 706.525]
)
MATCH_SIGMA = 6.0  # of a line by itself
LARGEST_SIGMA = 30.0  # a line counts no more than this in the search for the redshift
BLEND_FWHM = 2.0  # lines nearer to each other are not used


@dataclass(frozen=True)
class EmissionLine:
    order: int
    rest_nm: float
    wavelength_nm: float  # by the arc's solution
    dispersion_nm: float  # signed, per unbinned pixel
    error_px: float


def emission_lines(spectra, *, fwhm_px, search_px, redshifts, contrast, line_error_px, binning=1):
    """(redshift, [EmissionLine]) found in the orders, (nan, []) when no redshift stands out.

    spectra: {order: (wavelength_nm by the arc's solution, flux, variance)} on native pixels; fwhm_px of a line as
    binned; search_px: how far from its place a line may be, unbinned; redshifts: (lowest, highest); contrast: how
    many times the scatter of all redshifts' scores the best must stand out; line_error_px: least error of a line,
    unbinned.
    """
    peaks = {o: _significance(*s, fwhm_px) for o, s in spectra.items()}
    trials = np.arange(redshifts[0], redshifts[1], 1e-4)
    reach = int(np.ceil(search_px / binning))
    score = sum(_score(peaks[o], s[0], trials, reach) for o, s in spectra.items())
    best = int(np.argmax(score))
    far = np.abs(trials - trials[best]) > 4e-3
    rest = score[far]
    if score[best] < max(4 * MATCH_SIGMA**2, 2.0 * rest.max()) or (score[best] - rest.mean()) < contrast * rest.std():
        return np.nan, []
    lines = []
    for order, spectrum in spectra.items():
        lines += _measure(order, spectrum, peaks[order], trials[best], fwhm_px, reach, line_error_px, binning)
    return float(trials[best]), lines


def evidence_of_lines(lines, redshift, solutions):
    """Statements of the lines about their orders' shifts, with the redshift as common unknown."""
    statements = []
    for line in lines:
        low, high = solutions[line.order].wavelength_nm
        unit = (2 * line.wavelength_nm - low - high) / (high - low)
        offset = (line.wavelength_nm - line.rest_nm * (1 + redshift)) / line.dispersion_nm
        change = line.rest_nm * REDSHIFT_UNIT / line.dispersion_nm
        statements.append(Evidence("lines", {line.order: (1.0, unit)}, offset, line.error_px, 1.0, change))
    return statements


def _significance(wavelength, flux, variance, fwhm_px):
    """Significance of a narrow line on a straight continuum at each pixel: matched filter, level from both sides."""
    good = np.isfinite(flux) & np.isfinite(variance) & (variance > 0) & np.isfinite(wavelength)
    w = np.where(good, 1 / np.where(good, variance, 1.0), 0.0)
    y = np.where(good, flux, 0.0)
    half = int(np.ceil(4 * fwhm_px))
    x = np.arange(-half, half + 1)
    line = np.exp(-0.5 * (x * 2.355 / fwhm_px) ** 2)
    ring = (np.abs(x) > 1.5 * fwhm_px).astype(float)
    count = np.convolve(good.astype(float), ring, "same")
    level = np.convolve(y, ring, "same") / np.maximum(count, 1)
    moment = np.convolve(w * y, line, "same") - level * np.convolve(w, line, "same")
    return np.where(count > 0.7 * ring.sum(), moment / np.sqrt(np.convolve(w, line**2, "same") + 1e-300), 0.0)


def _score(significance, wavelength, trials, reach):
    """Sum over the lines of their squared significance, the best within reach, for each redshift."""
    known = np.flatnonzero(np.isfinite(wavelength))
    rising = known if wavelength[known[-1]] > wavelength[known[0]] else known[::-1]
    best = np.max([np.roll(significance, k) for k in range(-reach, reach + 1)], axis=0)
    place = np.interp(REST_NM[:, None] * (1 + trials), wavelength[rising], rising, left=-1, right=-1)
    value = np.where(place >= 0, best[np.rint(place).astype(int)], 0.0)
    value = np.where(value > MATCH_SIGMA, np.minimum(value, LARGEST_SIGMA), 0.0)
    return np.sum(value**2, axis=0)


def _measure(order, spectrum, significance, redshift, fwhm_px, reach, line_error_px, binning):
    """The order's lines, each with its place from a Gaussian fit."""
    wavelength, flux, variance = spectrum
    known = np.flatnonzero(np.isfinite(wavelength))
    rising = known if wavelength[known[-1]] > wavelength[known[0]] else known[::-1]
    expected = REST_NM * (1 + redshift)
    place = np.interp(expected, wavelength[rising], rising, left=np.nan, right=np.nan)
    lines = []
    for rest, x in zip(REST_NM, place, strict=True):
        others = np.abs(place - x)
        crowded = np.any((others > 0) & (others < BLEND_FWHM * fwhm_px + 1))
        if not np.isfinite(x) or crowded or x < 3 * fwhm_px + reach or x > wavelength.size - 3 * fwhm_px - reach - 1:
            continue
        start = int(np.rint(x)) + np.arange(-reach, reach + 1)
        peak = int(start[np.argmax(significance[start])])
        if significance[peak] < MATCH_SIGMA:
            continue
        centre, error = _fit_place(flux, variance, peak, fwhm_px)
        if np.isfinite(error) and abs(centre - peak) < 0.6 * fwhm_px:
            nm = float(np.interp(centre, np.arange(wavelength.size), wavelength))
            dispersion = float(wavelength[peak + 1] - wavelength[peak - 1]) / 2 / binning
            error_px = float(np.hypot(error * binning, line_error_px))
            lines.append(EmissionLine(order, float(rest), nm, dispersion, error_px))
    return lines


def _fit_place(flux, variance, peak, fwhm_px, rounds=8):
    """(position, error) of a line: Gaussian of free width on a straight continuum, Gauss-Newton."""
    half = int(np.ceil(2.0 * fwhm_px))
    x = np.arange(max(peak - half, 0), min(peak + half + 1, flux.size))
    good = np.isfinite(flux[x]) & np.isfinite(variance[x]) & (variance[x] > 0)
    if good.sum() < 6:
        return np.nan, np.nan
    x = x[good]
    y, root = flux[x], variance[x] ** -0.5
    centre, sigma = float(peak), fwhm_px / 2.355
    for _ in range(rounds):
        z = (x - centre) / sigma
        shape = np.exp(-0.5 * z**2)
        linear = np.column_stack([shape, np.ones(x.size), x - peak]) * root[:, None]
        height, *level = np.linalg.lstsq(linear, y * root, rcond=None)[0]
        if height <= 0:
            return np.nan, np.nan
        bends = np.column_stack([height * shape * z / sigma, height * shape * z**2]) * root[:, None]
        residual = (y - height * shape - level[0] - level[1] * (x - peak)) * root
        columns = np.hstack([bends, linear])
        step = np.linalg.lstsq(columns, residual, rcond=None)[0]
        centre += float(np.clip(step[0], -1, 1))
        sigma = float(np.clip(sigma * np.exp(np.clip(step[1], -0.3, 0.3)), 0.25 * fwhm_px, 1.2 * fwhm_px))
    covariance = np.linalg.pinv(columns.T @ columns)
    chi2 = max(1.0, float(residual @ residual) / max(x.size - 5, 1))
    return centre, float(np.sqrt(covariance[0, 0] * chi2))
