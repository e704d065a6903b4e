"""Sharing of pixels between the bins of a uniform grid: flux is conserved, covariances are known.

A pixel is taken as evenly filled; bin i collects sum_j R_ij c_j, where R_ij is the part of pixel j inside bin i. The
covariance of bins is then R V R^T, banded: its width is the number of bins that one pixel reaches.
"""

import numpy as np


def uniform_grid(low_nm, high_nm, step_nm):
    """Centres of the bins of a uniform grid that covers the range; they are multiples of the step.

    Whatever the range.
    """
    first, last = int(np.floor(low_nm / step_nm + 0.5)), int(np.ceil(high_nm / step_nm - 0.5))
    # rounded so that the same bin has the same number whichever way it was reached
    return np.round(np.arange(first, last + 1) * step_nm, 9)


def pixel_edges(centre, width):
    """(low, high) edges of pixels sorted by wavelength: half way to the neighbour.

    Or half a width where it is missing.
    """
    middle = 0.5 * (centre[1:] + centre[:-1])
    is_next = np.diff(centre) < 0.75 * (width[1:] + width[:-1])
    low, high = centre - 0.5 * width, centre + 0.5 * width
    low[1:][is_next] = middle[is_next]
    high[:-1][is_next] = middle[is_next]
    return low, high


def share(low, high, grid):
    """(bins, parts), each (pixels, reach): the bins that a pixel touches and the part of it that falls in each.

    Parts outside the grid are left out: a pixel wholly inside has parts that sum to 1.
    """
    step = grid[1] - grid[0]
    start = grid[0] - 0.5 * step
    a, b = (low - start) / step, (high - start) / step
    first = np.floor(a).astype(np.int64)
    reach = int(np.max(np.ceil(b) - first, initial=1))
    bins = first + np.arange(reach)[:, None]  # one row for each bin of a pixel: sums over pixels run along the memory
    parts = np.minimum(b, bins + 1) - np.maximum(a, bins)
    np.maximum(parts, 0.0, out=parts)
    parts /= b - a
    outside = (bins < 0) | (bins >= grid.size)
    if outside.any():
        parts[outside] = 0.0
        bins[outside] = 0
    return bins.T, parts.T


def rebin(values, bins, parts, size):
    """Sums of the pixels' values over the bins."""
    return np.bincount(bins.ravel(), (parts * values[:, None]).ravel(), minlength=size)


def rebin_covariance(variance, bins, parts, size):
    """Covariance of bin i with bin i + k, one row for every k = 0, 1 ... that a pixel can reach."""
    reach = bins.shape[1]
    out = np.zeros((reach, size))
    for lag in range(reach):
        product = parts[:, : reach - lag] * parts[:, lag:] * variance[:, None]
        out[lag] = np.bincount(bins[:, : reach - lag].ravel(), product.ravel(), minlength=size)
    return out


def covered(low, high, grid):
    """Part of every bin that lies inside the pixels."""
    bins, parts = share(low, high, grid)
    return rebin((high - low) / (grid[1] - grid[0]), bins, parts, grid.size)
