"""Where sources stand about their traces."""

import numpy as np

_LEAST = 1e-12  # relative: what keeps a matrix from being singular where a source has no pixel


def offsets(k, profiles, order, lights, *, n_blocks, step_arcsec=0.02):
    """(wavelength, offset from the trace, its error, significance) of source k in blocks of columns of an order.

    profiles, lights: a SlitProfile and a SlitLight of each source on the slit, of the same pixels; those of source k are
    weighed by its own weights. Least squares of the offsets of all sources at once, with free counts of each in every
    column: sources that stand in each other's light would draw each other's places. One step of Gauss and Newton: good to a
    hundredth of the width for offsets of a fifth of it.
    """
    n, own, pairs = len(profiles), lights[k], list(zip(profiles, lights, strict=True))
    at = lambda p, of, d: p.at(of.distance_arcsec + d, of.wavelength_nm, order) * of.arcsec
    shapes = [at(p, of, 0.0) for p, of in pairs]
    slopes = [(at(p, of, -step_arcsec) - at(p, of, step_arcsec)) * of.counts / (2 * step_arcsec) for p, of in pairs]
    gram = _products([*shapes, *slopes, np.where(own.weight > 0, own.left, 0.0)], own.weight)
    inverse, seen = np.linalg.inv(_regular(gram[:, :n, :n])), gram[:, :n, n:]
    beside = gram[:, n:, n:] - np.swapaxes(seen, 1, 2) @ inverse @ seen  # what free counts do not explain
    counts, information = (inverse @ seen)[:, k, n], 1.0 / inverse[:, k, k]
    width = own.left.shape[1] // n_blocks
    total = lambda a: a[: width * n_blocks].reshape(n_blocks, width, *a.shape[1:]).sum(axis=1)
    told = total(beside)
    covariance = np.linalg.inv(_regular(told[:, :n, :n]))
    significance = total(counts * information) / np.sqrt(np.maximum(total(information), 1e-300))
    middle = total(own.wavelength_nm[own.wavelength_nm.shape[0] // 2]) / width
    return middle, np.einsum("bl,bl->b", covariance[:, k], told[:, :n, n]), np.sqrt(covariance[:, k, k]), significance


def _products(images, weight):
    """Weighted sums over the rows of the products of images [row, column], in pairs: [column, image, image]."""
    out = np.empty((weight.shape[1], len(images), len(images)))
    for i, image in enumerate(images):
        weighted = weight * image
        for j in range(i + 1):
            out[:, i, j] = out[:, j, i] = np.einsum("rc,rc->c", weighted, images[j])
    return out


def _regular(matrices):
    """Normal matrices [..., k, l] that have an inverse, with none told of what no pixel shows."""
    n = matrices.shape[-1]
    scale = np.maximum(np.trace(matrices, axis1=-2, axis2=-1), 1e-280)
    return matrices + _LEAST * scale[..., None, None] * np.eye(n)
