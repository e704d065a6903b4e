"""Short filters of vectors and images, without the half second that importing scipy.ndimage takes.

At the ends the outermost value is repeated, but where another rule is named.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from soxslib import kernels

_medians = kernels.function("medians_of_columns", "dbnnndd")
_of_five = kernels.function("medians_of_five", "dnndd")
_LANES = 32  # columns that the loop sorts side by side
_ALL = np.ones(1, bool)


def running_median(values, size):
    """Median of `size` values about each element of a vector (of an even number the upper of the two in the middle)."""
    padded = np.pad(values, (size // 2, size - size // 2 - 1), mode="edge")
    return np.partition(sliding_window_view(padded, size), size // 2, axis=1)[:, size // 2]


def column_medians(values, used=None):
    """Median along axis 0 at each position along axis 1, of the used values; NaN where there is none."""
    values = np.ascontiguousarray(values, float)
    out = np.empty(values.shape[1])
    mask = _ALL if used is None else np.ascontiguousarray(used)
    _medians(values, mask, used is not None, *values.shape, np.empty(_LANES * len(values)), out)
    return out


def median_of_five(image):
    """Median of five neighbours along axis 1; at the ends the neighbours are mirrored."""
    values = np.ascontiguousarray(image, float)
    out = np.empty(values.shape)
    _of_five(values, *values.shape, np.empty(values.shape[1] + 4), out)
    return out.astype(image.dtype, copy=False)


def median_3x3(image):
    """Median of each pixel and its eight neighbours."""
    windows = sliding_window_view(np.pad(image, 1, mode="edge"), (3, 3))
    return np.median(windows.reshape(*image.shape, 9), axis=2)


def convolved(values, kernel):
    """A vector convolved with a short kernel of odd length."""
    return np.convolve(np.pad(values, len(kernel) // 2, mode="edge"), kernel, "valid")


def box_mean_1d(values, size):
    """Mean of an odd number of values about each element of a vector, mirrored at its ends."""
    return np.convolve(np.pad(values, size // 2, mode="symmetric"), np.full(size, 1.0 / size), "valid")


def dilated(mask, reach):
    """True within `reach` elements of a True one of a vector."""
    return np.convolve(mask, np.ones(2 * reach + 1, int))[reach : reach + mask.size] > 0


def gaussian_blurred(image, sigma):
    """An image blurred by a Gaussian of `sigma` pixels, cut at four of them; nothing is beyond the borders."""
    half = int(4.0 * sigma + 0.5)
    kernel = np.exp(-0.5 * (np.arange(-half, half + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    matrices = []
    for n in image.shape:
        distance = np.arange(n)[:, None] - np.arange(n)
        matrices.append(np.where(np.abs(distance) <= half, kernel[np.clip(distance + half, 0, 2 * half)], 0.0))
    return matrices[0] @ image @ matrices[1].T
