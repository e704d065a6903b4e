"""Everything an object's own spectrum tells about the shifts of its orders, as statements for `flexure.arm_shifts`."""

import numpy as np

from soxslib.numerics.flexure import evidence_of_shift, evidence_of_tie
from soxslib.numerics.flexure_lines import emission_lines, evidence_of_lines
from soxslib.numerics.flexure_object import overlap_shift
from soxslib.numerics.flexure_template import BALMER_NM, template_shift


def evidence_of_object(spectra, solutions, model, *, fwhm_px, search_px, template=None, binning=1):
    """Statements from overlaps, narrow emission lines and, of a standard, its template; [] for an arm that needs none.

    spectra: {order: (wavelength_nm by the arc's solution, flux over blaze, variance)} on native pixels, NaN where
    unusable; solutions: {order: OrderSolution}; model: the arm's part of flexure.yaml; fwhm_px: of a line, {order:
    pixels as binned}; search_px: largest shift, unbinned; template: (wavelength_nm, flux) of a flux standard, else
    None.
    """
    settings = model.get("object")
    if not settings:
        return []
    fwhm_nm = {o: fwhm_px[o] * abs(float(np.nanmedian(np.diff(s[0])))) for o, s in spectra.items()}
    statements = _ties(spectra, solutions, settings, fwhm_nm, search_px, binning)
    if template is None:
        redshift, lines = emission_lines(
            spectra,
            fwhm_px=float(np.median(list(fwhm_px.values()))),
            search_px=search_px,
            redshifts=settings["redshifts"],
            contrast=settings["contrast"],
            line_error_px=settings["line_error_px"],
            binning=binning,
        )
        return statements + evidence_of_lines(lines, redshift, solutions)
    for order, spectrum in spectra.items():
        shift = template_shift(
            *spectrum,
            *template,
            wavelength_range=solutions[order].wavelength_nm,
            fwhm_nm=fwhm_nm[order],
            features_nm=BALMER_NM,
            level_nm=settings["level_nm"],
            search_px=search_px,
            feature_error_px=settings["line_error_px"],
            slope_px=model["slope_px"],
            template_error=settings["template_error"],
            binning=binning,
        )
        if shift.is_measured:
            statements += evidence_of_shift(order, shift, "template", centring=1.0)
    return statements


def _ties(spectra, solutions, settings, fwhm_nm, search_px, binning):
    """Statements of the overlaps of neighbouring orders."""
    statements = []
    for red, blue in settings["ties"]:
        if red not in spectra or blue not in spectra:
            continue
        pixel = np.mean([abs(np.nanmedian(np.diff(spectra[o][0]))) for o in (red, blue)]) / binning
        difference = overlap_shift(
            *spectra[red],
            *spectra[blue],
            search_nm=1.2 * search_px * float(pixel),
            fwhm_a_nm=fwhm_nm[red],
            fwhm_b_nm=fwhm_nm[blue],
            level_terms=settings["level_terms"],
        )
        if difference is not None:
            place = difference.wavelength_nm
            statements.append(
                evidence_of_tie(red, blue, difference.nm, difference.error_nm, wavelength_nm=place, solutions=solutions)
            )
    return statements
