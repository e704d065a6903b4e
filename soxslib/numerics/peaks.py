"""Spots on an image: where they are, before anything is known of them."""

import numpy as np
from scipy import ndimage


def smooth_background(image, bad, *, box, quantile):
    """Light between the spots, as large as the image: a low quantile of boxes of pixels, smoothed and interpolated.

    box: (rows, columns). The quantile is below one half, since in crowded boxes spots cover half of the pixels.
    """
    rows, columns = (max(n // b, 1) for n, b in zip(image.shape, box, strict=True))
    edges = [np.linspace(0, n, k + 1).astype(int) for n, k in zip(image.shape, (rows, columns), strict=True)]
    level = np.zeros((rows, columns), np.float32)
    for i in range(rows):
        for j in range(columns):
            part = (slice(edges[0][i], edges[0][i + 1]), slice(edges[1][j], edges[1][j + 1]))
            values = image[part][~bad[part]][::3]
            level[i, j] = np.quantile(values, quantile) if values.size else np.nan
    level = np.where(np.isfinite(level), level, np.nanmedian(level) if np.isfinite(level).any() else 0.0)
    level = ndimage.median_filter(level, 3, mode="nearest")
    at = [(np.arange(n) + 0.5) * k / n - 0.5 for n, k in zip(image.shape, (rows, columns), strict=True)]
    along = _interpolated(level, at[1], axis=1)
    return _interpolated(along, at[0], axis=0).astype(np.float32)


def _interpolated(table, at, axis):
    """Linear interpolation along one axis at fractional indices, constant beyond the ends."""
    i = np.clip(np.floor(at).astype(int), 0, max(table.shape[axis] - 2, 0))
    t = np.clip(at - i, 0.0, 1.0)
    upper = np.minimum(i + 1, table.shape[axis] - 1)
    t = t[:, None] if axis == 0 else t
    return np.take(table, i, axis) * (1 - t) + np.take(table, upper, axis) * t


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
