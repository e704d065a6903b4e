"""Where the sky's lines lie along the slit, against where the wavelength map has them."""

import numpy as np
from numpy.polynomial import chebyshev

from soxslib.numerics.polynomials import fit_with_prior

DEGREE = 5  # along the order
DECAY = 0.7  # of what is expected, from degree to degree
CLIP = 5.0  # sigma


def bend(along, slit, reference, *, residual, slope, variance, usable, prior_px):
    """Shift of the lines' light along the dispersion against the map [px], at all pixels: 0 at the reference.

    along: position along the order, -1 to 1; slit, reference: position along the slit, of the pixels and where wavelengths
    stay as they are, in units of its half; residual: data less model; slope: of the sky [electron per px]. The shift leans and
    bows along the slit, each with a polynomial along the order; prior_px: expected size of its first term. Lines that all
    rows share cannot tell how far they are off together, but how far apart.
    """
    terms = _terms(along, slit, reference)
    use = usable & np.isfinite(terms[0]) & (np.abs(residual) < CLIP * np.sqrt(variance))
    prior = prior_px * DECAY ** np.add.outer(np.arange(DEGREE + 1), np.arange(2)).ravel()
    design = np.stack([-slope[use] * t[use] for t in terms], axis=1)
    coefficients, _ = fit_with_prior(design, residual[use], variance[use], prior)
    return np.nan_to_num(sum(c * t for c, t in zip(coefficients, terms, strict=True)))


def _terms(along, slit, reference):
    """T_i(along) times slope or bow along the slit, i outermost."""
    curves = chebyshev.chebvander(along, DEGREE)
    shapes = slit - reference, slit**2 - reference**2
    return [curves[..., i] * shape for i in range(DEGREE + 1) for shape in shapes]
