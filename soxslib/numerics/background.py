"""Scattered light: a smooth surface through the pixels between the orders."""

import numpy as np

from soxslib import kernels
from soxslib.numerics.smoothing import gaussian_smoothed
from soxslib.numerics.splines import TAPS, bspline_weights, nodes_of

_blocks = kernels.function("background_blocks", "ffbinindd")
_clip = kernels.function("background_clip", "ffbfxiinnnnbdi")
_rows = kernels.function("background_rows", "ffbnnd")
_interpolate = kernels.function("background_interpolate", "dnididnnxdf")


def between_orders(shape, edges, *, margin_px):
    """Pixels more than margin_px from every order: True between orders.

    edges: [(lower, upper)] of each order, positions across (axis 0) for each column (axis 1).
    """
    outside = np.ones(shape, bool)
    columns = np.arange(shape[1])
    for lower, upper in edges:
        first = np.floor(lower - margin_px).astype(int)
        count = int(np.max(np.ceil(upper + margin_px) - first)) + 1
        rows = first[None, :] + np.arange(count)[:, None]
        near = (rows >= lower - margin_px) & (rows <= upper + margin_px) & (rows >= 0) & (rows < shape[0])
        outside[np.clip(rows, 0, shape[0] - 1)[near], np.broadcast_to(columns, rows.shape)[near]] = False
    return outside


def scattered_light(flux, variance, usable, *, nodes, block_px, clip_sigma, stiffness, rounds=4):
    """(model, its 1-sigma error, pixels used) of the light that covers the whole detector, from its usable pixels.

    A tensor product of cubic B-splines, `nodes` along each axis, fitted by weighted least squares to means over blocks;
    second differences of the coefficients are held by `stiffness` (relative to the data) where few pixels tell. Pixels
    clip_sigma off the model (cosmic rays, stars' ghosts) are left out in rounds. Nothing is clipped at zero: in the
    dark the light is as often below as above it.
    """
    flux, variance = (np.ascontiguousarray(a, np.float32) for a in (flux, variance))
    used = usable & (variance > 0)
    counts = [max(n // b, 1) for n, b in zip(flux.shape, block_px, strict=True)]
    sums = _block_sums(flux, variance, used, counts)
    block_of = [
        np.searchsorted(_starts(n, b), np.arange(n), "right") - 1 for n, b in zip(flux.shape, counts, strict=True)
    ]
    bases = [_basis((np.arange(n) + 0.5) / n, k).astype(np.float32) for n, k in zip(flux.shape, nodes, strict=True)]
    model, kept, changed = np.empty(flux.shape, np.float32), used.copy(), np.empty(1, np.intp)
    for i in range(rounds):
        if i > 0:
            size = counts[1], sums[0].size, *flux.shape
            _clip(flux, variance, used, model, clip_sigma, *block_of, *size, kept, sums, changed)
            if not changed[0]:
                break
        coefficients, covariance = _fit(sums, flux.shape, nodes, stiffness)
        np.matmul(bases[0] @ coefficients.astype(np.float32), bases[1].T, out=model)
    return model, _error(covariance, flux.shape, nodes), kept


def _starts(n, blocks):
    """First pixels of nearly equal blocks."""
    return np.linspace(0, n, blocks + 1).round().astype(np.intp)[:-1]


def _block_sums(flux, variance, used, counts):
    """Sums over blocks of weight, and of weight times flux, row and column: [4, block]."""
    borders = [np.append(_starts(n, b), n) for n, b in zip(flux.shape, counts, strict=True)]
    out, lines = np.empty((4, counts[0] * counts[1])), np.empty(3 * flux.shape[1])
    _blocks(flux, variance, used, borders[0], counts[0], borders[1], counts[1], lines, out)
    return out


def _taps(position, n):
    """(functions, values), each [sample, tap], of n cubic B-splines that cover [0, 1]."""
    first, phase = nodes_of(np.asarray(position) * (n - 3))
    return np.clip(first[:, None] + np.arange(1, 1 + TAPS), 0, n - 1), np.stack(bspline_weights(phase), axis=1)


def _basis(position, n):
    """Values [sample, function] of n cubic B-splines that cover [0, 1]."""
    functions, values = _taps(position, n)
    out = np.zeros((len(values), n))
    np.add.at(out, (np.arange(len(values))[:, None], functions), values)
    return out


def _fit(sums, shape, nodes, stiffness):
    """(coefficients [nodes], their covariance) from weighted block means at the mean position of their pixels."""
    seen = sums[0] > 1e-5 * sums[0].max()  # where all pixels of a block are left out again, rounding remains
    total, mean, y, x = sums[0, seen], *(sums[1:, seen] / sums[0, seen])
    across, along = (_taps((p + 0.5) / size, n) for p, size, n in zip((y, x), shape, nodes, strict=True))
    pairs = lambda a, b: (a[:, :, None] + b[:, None, :]).reshape(len(a), -1)
    place = pairs(across[0] * nodes[1], along[0])  # of 16 coefficients for each block
    value = (across[1][:, :, None] * along[1][:, None, :]).reshape(place.shape)
    n = nodes[0] * nodes[1]
    weighted = total[:, None] * value
    normal = np.bincount(pairs(place * n, place).ravel(), (weighted[:, :, None] * value[:, None, :]).ravel(), n * n)
    normal = normal.reshape(n, n)
    penalty = _roughness(nodes)
    normal += stiffness * np.trace(normal) / np.trace(penalty) * penalty
    normal += 1e-10 * np.trace(normal) / n * np.eye(n)
    covariance = np.linalg.inv(normal)
    coefficients = covariance @ np.bincount(place.ravel(), (weighted * mean[:, None]).ravel(), n)
    # what the blocks scatter more than noise explains is the model's error too
    residual = mean - (value * coefficients[place]).sum(axis=1)
    excess = np.sum(total * residual**2) / max(mean.size - 0.5 * n, 1)
    return coefficients.reshape(nodes), covariance * max(excess, 1.0)


def _roughness(nodes):
    """Quadratic form of the second differences of the coefficients along both axes."""
    second = lambda n: np.diff(np.eye(n), 2, axis=0) if n > 2 else np.zeros((1, n))
    a, b = (second(n).T @ second(n) for n in nodes)
    return np.kron(a, np.eye(nodes[1])) + np.kron(np.eye(nodes[0]), b)


def _error(covariance, shape, nodes, grid=(24, 24)):
    """Error of the surface at every pixel, from a coarse grid."""
    rows, columns = (_basis((np.arange(g) + 0.5) / g, n) for g, n in zip(grid, nodes, strict=True))
    design = (rows[:, None, :, None] * columns[None, :, None, :]).reshape(grid[0] * grid[1], -1)
    variance = np.einsum("ij,jk,ik->i", design, covariance, design, optimize=True).reshape(grid)
    coarse = np.sqrt(np.maximum(variance, 0.0))
    (low_y, share_y), (low_x, share_x) = (_between(n, g) for n, g in zip(shape, grid, strict=True))
    out = np.empty(shape, np.float32)
    line = np.empty(grid[1])
    _interpolate(coarse, grid[1], low_y, share_y, low_x, share_x, *shape, coarse.min(), line, out)
    return out


def _between(n, grid):
    """(node before, part of the way to the next) of n pixels among the centres of `grid` equal bins; lines go on beyond."""
    position = (np.arange(n) + 0.5) * grid / n - 0.5
    low = np.clip(np.floor(position), 0, grid - 2).astype(np.intp)
    return low, position - low


def row_noise(residual, variance, usable, *, smooth_px, least_pixels):
    """Offset of each row that read-out noise left, from its pixels between the orders; 0 where not significant.

    residual: frame less scattered light. How much of the scatter of the rows' means is more than noise tells the
    weight.
    """
    count = usable.sum(1)
    enough = count >= least_pixels
    if enough.sum() < 10:
        return np.zeros(residual.shape[0])
    residual, variance = (np.ascontiguousarray(a, np.float32) for a in (residual, variance))
    sums = np.empty((2, len(residual)))
    _rows(residual, variance, usable, *residual.shape, sums)
    total, light = np.maximum(sums[0], 1e-30), sums[1]
    mean = np.where(enough, light / total, 0.0)
    noise = np.where(enough, 1.0 / total, 0.0)
    mean = np.where(enough, mean - gaussian_smoothed(mean, smooth_px, np.where(enough, total, 0.0)), 0.0)
    lasting = max(float(np.mean(mean[enough] ** 2 - noise[enough])), 0.0)
    return np.where(enough, mean * lasting / np.where(enough, lasting + noise, 1.0), 0.0)
