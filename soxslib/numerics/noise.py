"""The noise model: read noise, signal, and how both are measured."""

import numpy as np

from soxslib import kernels

STRIP = 32  # rows worked on at once: their arrays stay in the processor's cache


_box_mean = kernels.function("noise_box_mean", "fnnnff")
_model_variance = kernels.function("noise_model_variance", "fffnnnnxff")
_core = kernels.function("noise_core", "dnxnd")


def strips(n_rows):
    """Slices of the rows of an image, a strip after the other."""
    return [slice(first, min(first + STRIP, n_rows)) for first in range(0, n_rows, STRIP)]


def box_mean(image, *, size):
    """Mean over size x size pixels around each pixel (odd size); at the border over the repeated edge pixels."""
    image = np.ascontiguousarray(image, np.float32)
    out = np.empty_like(image)
    _box_mean(image, *image.shape, size, np.empty(image.shape[1] + size, np.float32), out)
    return out


def model_variance(flux, floor, *, integrations, size, contrast):
    """Variance [electron^2] of each pixel: the floor, and the photon noise of the signal that its neighbourhood shows.

    Weights from a variance that follows the noisy pixel itself bias every weighted mean low, so the mean of the
    neighbourhood is used wherever that is not in conflict with the data. Where the neighbourhood varies by more than
    `contrast` times its noise (lines, order edges) the pixel's own value takes over gradually: Lee 1980, IEEE PAMI 2,
    165, with a raised noise term so that the pixel has no weight at all in flat areas. flux is the mean of so many
    integrations (a number, or one for each pixel). In the dark the local mean may be negative: cut at zero it would
    raise the mean variance.
    """
    flux = np.ascontiguousarray(flux, np.float32)
    per_electron, n = np.asarray(1.0 / integrations, np.float32), flux.shape[1]
    is_each = per_electron.ndim > 0
    per_electron = np.ascontiguousarray(np.broadcast_to(per_electron, flux.shape if is_each else n))
    floor = np.ascontiguousarray(np.broadcast_to(floor, flux.shape), np.float32)
    out = np.empty_like(flux)
    buffer = np.empty(2 * (n + size) + 2 * n, np.float32)
    _model_variance(flux, floor, per_electron, is_each, *flux.shape, size, contrast, buffer, out)
    return out


def median(values):
    """Median of all values, as np.median has it but for NaN, in a quarter of the time."""
    values = np.ravel(values)
    half = values.size // 2
    parted = np.partition(values, half)
    return parted[half] if values.size % 2 else 0.5 * (parted[:half].max() + parted[half])


def robust_std(values, *, clip=4.0, rounds=5):
    """Standard deviation of the core of a distribution: clipped about the median."""
    values = np.ravel(values)
    values = values[:: max(values.size // 400_000, 1)].astype(float)  # a sample tells it to 0.1 per cent
    centre = median(values)
    spread = 1.4826 * median(np.abs(values - centre))
    if spread == 0.0:  # whole counts: more than half of them equal
        spread = values.std() or 1.0
    core = np.array([centre, spread])
    _core(values, values.size, clip, rounds, core)
    return float(core[1])


def pair_noise(first, second, good=None):
    """Noise of one frame [its unit] from the difference of two alike: structure that both share drops out."""
    difference = first - second
    if good is not None:
        difference = difference[good]
    return robust_std(difference) / np.sqrt(2.0)
