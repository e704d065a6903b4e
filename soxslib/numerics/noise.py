"""The noise model: read noise, signal, and how both are measured."""

import numpy as np

STRIP = 32  # rows worked on at once: their arrays stay in the processor's cache


def strips(n_rows):
    """Slices of the rows of an image, a strip after the other."""
    return [slice(first, min(first + STRIP, n_rows)) for first in range(0, n_rows, STRIP)]


def box_mean(image, *, size):
    """Mean over size x size pixels around each pixel (odd size); at the border over the repeated edge pixels."""
    out = np.empty_like(image)
    for rows in strips(len(image)):
        out[rows] = _box_mean(_with_surroundings(image, rows, size // 2), size)
    return out


def _with_surroundings(image, rows, reach):
    """Rows of an image and `reach` pixels about them, at the border repeated edge pixels."""
    first, last = max(rows.start - reach, 0), min(rows.stop + reach, len(image))
    missing = first - (rows.start - reach), rows.stop + reach - last
    return np.pad(image[first:last], (missing, (reach, reach)), mode="edge")


def _box_mean(padded, size):
    rows, columns = (n - size + 1 for n in padded.shape)
    total = padded[:rows].copy()
    for k in range(1, size):
        total += padded[k : k + rows]
    out = total[:, :columns].copy()
    for k in range(1, size):
        out += total[:, k : k + columns]
    out *= np.float32(1.0 / size**2)
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
    each = np.broadcast_to(np.asarray(1.0 / integrations, np.float32), flux.shape)
    floor = np.broadcast_to(floor, flux.shape)
    out = np.empty_like(flux)
    for rows in strips(len(flux)):
        per_electron = each[rows]
        here = _with_surroundings(flux, rows, size // 2)
        signal = _box_mean(here, size)
        scatter = _box_mean(here * here, size)
        scatter -= signal * signal
        noise = np.maximum(signal, 0.0)
        noise *= per_electron
        noise += floor[rows]
        np.maximum(scatter, np.float32(1e-6), out=scatter)
        own = 1.0 - np.float32(contrast) * noise / scatter
        np.maximum(own, 0.0, out=own)
        signal += own * (flux[rows] - signal)
        signal *= per_electron
        signal += floor[rows]
        np.maximum(signal, np.float32(0.8) * floor[rows], out=out[rows])
    return out


def robust_std(values, *, clip=4.0, rounds=5):
    """Standard deviation of the core of a distribution: clipped about the median."""
    values = np.ravel(values)
    values = values[:: max(values.size // 400_000, 1)].astype(float)  # a sample tells it to 0.1 per cent
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
