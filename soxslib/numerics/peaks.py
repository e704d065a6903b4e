"""Spots on an image: where they are, before anything is known of them."""

import numpy as np

from soxslib.numerics.filters import median_3x3


def smooth_background(image, bad, *, box, quantile):
    """Light between the spots, as large as the image: a low quantile of boxes of pixels, smoothed and interpolated.

    box: (rows, columns). The quantile is below one half, since in crowded boxes spots cover half of the pixels.
    """
    blocks = [max(n // b, 1) for n, b in zip(image.shape, box, strict=True)]
    size = [n // k for n, k in zip(image.shape, blocks, strict=True)]
    inner = tuple(slice(0, k * b) for k, b in zip(blocks, size, strict=True))
    values = np.where(bad[inner], np.inf, image[inner])  # never among the lowest
    values = values.reshape(blocks[0], size[0], blocks[1], size[1])[
        :, :: 1 + (size[0] > 8), :, :: 1 + 2 * (size[1] > 8)
    ]
    values = values.transpose(0, 2, 1, 3).reshape(*blocks, -1)
    k = int(quantile * (values.shape[2] - 1))
    level = np.partition(values, k, axis=2)[:, :, k]
    seen = np.isfinite(level)
    level = np.where(seen, level, np.median(level[seen]) if seen.any() else 0.0)
    level = median_3x3(level)
    across, along = (_interpolation(n, b, k) for n, b, k in zip(image.shape, size, blocks, strict=True))
    return (across @ level @ along.T).astype(np.float32)


def _interpolation(n, size, blocks):
    """Matrix [pixel, block] of linear interpolation between the centres of blocks, constant beyond the outer ones."""
    at = np.clip((np.arange(n) - 0.5 * (size - 1)) / size, 0, blocks - 1)
    return np.maximum(1.0 - np.abs(at[:, None] - np.arange(blocks)), 0.0).astype(np.float32)


def find_peaks(image, noise, bad, *, threshold):
    """(rows, columns, heights) of local maxima above threshold * noise, brightest first; centres to about 0.2 px.

    A maximum exceeds its 8 neighbours, and has a neighbour at half the threshold, which single hot pixels and most
    cosmic rays lack. Bad pixels count as background.
    """
    clean = np.where(bad, 0.0, image)
    row, column = np.nonzero(clean > threshold * noise)
    inner = (row > 0) & (column > 0) & (row < image.shape[0] - 1) & (column < image.shape[1] - 1)
    row, column = row[inner], column[inner]
    around = np.stack([clean[row + i, column + j] for i in (-1, 0, 1) for j in (-1, 0, 1)])
    centre = around[4]
    order = np.arange(9)[:, None]
    higher = np.where(order < 4, around >= centre, around > centre)  # of equal neighbours the last one wins
    higher[4] = False
    others = np.delete(around, 4, axis=0)
    keep = ~higher.any(axis=0) & (others.max(axis=0) > 0.5 * threshold * noise[row, column])
    row, column, around = row[keep], column[keep], np.maximum(around[:, keep], 0.0)
    total = around.sum(axis=0)
    step = np.array([-1.0, 0.0, 1.0])
    rows = row + (around * np.repeat(step, 3)[:, None]).sum(axis=0) / total
    columns = column + (around * np.tile(step, 3)[:, None]).sum(axis=0) / total
    brightest = np.argsort(-around[4], kind="stable")
    return rows[brightest], columns[brightest], around[4][brightest]
