"""Where the sky's lines lie along the slit, against where the wavelength map has them."""

import numpy as np
from numpy.polynomial import chebyshev

from soxslib import kernels
from soxslib.numerics.polynomials import solved_with_prior

_sums = kernels.function("skybend_sums", "dddddbxnnd")

DEGREE = 5  # along the order
DECAY = 0.7  # of what is expected, from degree to degree
CLIP = 5.0  # sigma


def bend(along, slit, reference, *, residual, slope, variance, usable, prior_px):
    """Shift of the lines' light along the dispersion against the map [px], at all pixels: 0 at the reference.

    along: position of the columns along the order, -1 to 1; slit, reference: position along the slit, of the pixels and
    where wavelengths stay as they are, in units of its half; residual: data less model; slope: of the sky [electron per px].
    The shift leans and bows along the slit, each with a polynomial along the order; prior_px: expected size of its first
    term. Lines that all rows share cannot tell how far they are off together, but how far apart.
    """
    maps = slit, np.broadcast_to(reference, slit.shape), residual, slope, variance
    sums = np.zeros((5, slit.shape[1]))
    _sums(*(np.ascontiguousarray(a, float) for a in maps), np.ascontiguousarray(usable), CLIP, *slit.shape, sums)
    curves = chebyshev.chebvander(along, DEGREE)  # [column, degree]
    products = (curves[:, :, None] * curves[:, None, :]).reshape(along.size, -1).T @ sums[[0, 1, 1, 2]].T
    size = DEGREE + 1
    normal = products.reshape(size, size, 2, 2).transpose(0, 2, 1, 3).reshape(2 * size, 2 * size)
    prior = prior_px * DECAY ** np.add.outer(np.arange(size), np.arange(2)).ravel()
    coefficients = solved_with_prior(normal, (curves.T @ sums[3:].T).ravel(), prior)
    lean, bow = (curves @ coefficients.reshape(size, 2)).T
    return np.nan_to_num((slit - reference) * (lean + bow * (slit + reference)))
