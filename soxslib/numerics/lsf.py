"""Width of lines over an order: a smooth model of measured widths."""

from dataclasses import dataclass

import numpy as np

from soxslib.datamodel.geometry import to_unit
from soxslib.numerics.polynomials import chebyshev_design, fit_with_prior, robust_scatter, tukey_weights

FWHM = float(np.sqrt(8.0 * np.log(2.0)))  # of a Gaussian, over its sigma


@dataclass(frozen=True)
class WidthModel:
    """Width (sigma, before the pixels) as Chebyshev polynomials of wavelength and slit position."""

    wavelength_nm: tuple[float, float]
    slit_arcsec: tuple[float, float]
    coefficients: np.ndarray
    covariance: np.ndarray
    degrees: tuple[int, int]

    def at(self, wavelength_nm, slit_arcsec):
        """(width, its error) in pixels."""
        design = chebyshev_design(
            to_unit(wavelength_nm, self.wavelength_nm), to_unit(slit_arcsec, self.slit_arcsec), self.degrees
        )
        return design @ self.coefficients, np.sqrt(np.einsum("ni,ij,nj->n", design, self.covariance, design))


def fit_widths(wavelength_nm, slit_arcsec, width, error, limits_nm, limits_arcsec, *, degrees, cut):
    """The WidthModel of measured widths; outliers, mostly undetected blends, lose their weight."""
    design = chebyshev_design(to_unit(wavelength_nm, limits_nm), to_unit(slit_arcsec, limits_arcsec), degrees)
    typical = float(np.median(width))
    prior = typical * 0.3 ** np.add.outer(np.arange(degrees[0] + 1), np.arange(degrees[1] + 1)).ravel()
    weights = np.ones(len(width))
    for _ in range(6):
        c, covariance = fit_with_prior(design, width - typical, error**2 / np.maximum(weights, 1e-9), prior)
        pull = (width - typical - design @ c) / error
        scale = max(robust_scatter(pull[weights > 0]), 1.0)
        weights = tukey_weights(pull / scale, cut=cut)
    c = c.copy()
    c[0] += typical
    return WidthModel(limits_nm, limits_arcsec, c, covariance * scale**2, degrees)


def sampled_fwhm(width, pixel):
    """Full width at half maximum of a Gaussian of this sigma after integration over pixels of this size."""
    return FWHM * np.sqrt(np.asarray(width) ** 2 + pixel**2 / 12.0)
