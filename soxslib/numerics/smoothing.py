"""Smooth versions of noisy vectors and images that have gaps."""

import numpy as np


def gaussian_smoothed(values, sigma, weights=None):
    """The vector smoothed with a Gaussian of `sigma` samples; ends are handled by renormalising, not by inventing data.

    weights: relative trust of each sample, 0 where it must not be read. Where nothing is near, the weighted mean.
    """
    values = np.asarray(values, float)
    weights = np.ones(values.size) if weights is None else np.asarray(weights, float)
    if sigma <= 0:
        return values.copy()
    half = min(int(4 * sigma + 1), values.size - 1)
    kernel = np.exp(-0.5 * (np.arange(-half, half + 1) / sigma) ** 2)
    numerator = np.convolve(np.where(weights > 0, values, 0.0) * weights, kernel)[half : half + values.size]
    denominator = np.convolve(weights, kernel)[half : half + values.size]
    mean = (np.where(weights > 0, values, 0.0) * weights).sum() / max(weights.sum(), 1e-300)
    known = denominator > 1e-9 * weights.max(initial=1e-300)
    return np.where(known, numerator / np.where(known, denominator, 1.0), mean)


def hat_matrix(n_samples, n_nodes):
    """Matrix (n_samples, n_nodes) of linear interpolation from nodes at the centres of equal bins to the samples.

    Beyond the first and last node the line goes on: held constant there, a gradient would leave steps at the border.
    """
    if n_nodes == 1:
        return np.ones((n_samples, 1))
    position = (np.arange(n_samples) + 0.5) * n_nodes / n_samples - 0.5
    low = np.clip(np.floor(position).astype(int), 0, n_nodes - 2)
    out = np.zeros((n_samples, n_nodes))
    rows = np.arange(n_samples)
    out[rows, low] = 1.0 - (position - low)
    out[rows, low + 1] = position - low
    return out


def block_sums(image, blocks):
    """Sums over (rows, columns) of nearly equal blocks."""
    edges = [np.linspace(0, n, b + 1).round().astype(int)[:-1] for n, b in zip(image.shape, blocks, strict=True)]
    return np.add.reduceat(np.add.reduceat(image, edges[1], axis=1, dtype=np.float64), edges[0], axis=0)
