"""The noise model: read noise, signal, and how both are measured."""

import numpy as np


def box_mean(image, *, size):
    """Mean over size x size pixels around each pixel (odd size); at the border over the repeated edge pixels."""
    half = size // 2
    padded = np.pad(image, half, mode="edge")
    rows, columns = image.shape
    total = padded[:rows].copy()
    for k in range(1, size):
        total += padded[k : k + rows]
    out = total[:, :columns].copy()
    for k in range(1, size):
        out += total[:, k : k + columns]
    out *= np.float32(1.0 / size**2)
    return out


def local_signal(flux, floor, *, size, contrast):
    """Signal [electron] expected in each pixel, for the noise model: the local mean where the image is flat.

    Weights from a variance that follows the noisy pixel itself bias every weighted mean low, so the mean of the
    neighbourhood is used wherever that is not in conflict with the data. Where the neighbourhood varies by more than
    `contrast` times its noise (lines, order edges) the pixel's own value takes over gradually: Lee 1980, IEEE PAMI 2,
    165, with a raised noise term so that the pixel has no weight at all in flat areas.
    """
    mean = box_mean(flux, size=size)
    scatter = box_mean(flux * flux, size=size)
    scatter -= mean * mean
    noise = np.maximum(mean, 0.0)
    noise += floor
    own = 1.0 - np.float32(contrast) * noise / np.maximum(scatter, np.float32(1e-6))
    np.maximum(own, 0.0, out=own)
    mean += own * (flux - mean)
    return np.maximum(mean, 0.0, out=mean)


def robust_std(values, *, clip=4.0, rounds=5):
    """Standard deviation of the core of a distribution: clipped about the median, corrected for nothing (clip >= 4)."""
    values = np.asarray(values, float).ravel()
    centre = np.median(values)
    spread = 1.4826 * np.median(np.abs(values - centre))
    if spread == 0.0:  # whole counts: more than half of them equal
        spread = values.std() or 1.0
    for _ in range(rounds):
        kept = values[np.abs(values - centre) < clip * spread]
        if kept.size < 3:
            break
        centre, spread = kept.mean(), kept.std()
    return float(spread)


def pair_noise(first, second, good=None):
    """Noise of one frame [its unit] from the difference of two alike: structure that both share drops out."""
    difference = first - second
    if good is not None:
        difference = difference[good]
    return robust_std(difference) / np.sqrt(2.0)
