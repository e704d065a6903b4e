"""Scattered light: a smooth surface through the pixels between the orders."""

import numpy as np

from soxslib.numerics.noise import strips
from soxslib.numerics.smoothing import gaussian_smoothed, hat_matrix
from soxslib.numerics.splines import TAPS, bspline_weights, nodes_of


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
    used = usable & (variance > 0)
    blocks = tuple(max(n // b, 1) for n, b in zip(flux.shape, block_px, strict=True))
    sums = _block_sums(flux, variance, used, blocks)
    at = np.flatnonzero(used)
    light, limit = flux.ravel()[at], clip_sigma * np.sqrt(variance.ravel()[at])
    bases = [_basis((np.arange(n) + 0.5) / n, k).astype(np.float32) for n, k in zip(flux.shape, nodes, strict=True)]
    model, kept = np.empty(flux.shape, np.float32), np.ones(at.size, bool)
    for i in range(rounds):
        if i > 0:
            still = np.abs(light - model.ravel()[at]) < limit
            changed = at[still != kept]
            if not changed.size:
                break
            sums += _pixel_sums(flux, variance, changed, blocks, np.where(still, 1.0, -1.0)[still != kept])
            kept = still
        coefficients, covariance = _fit(sums, flux.shape, nodes, stiffness)
        np.matmul(bases[0] @ coefficients.astype(np.float32), bases[1].T, out=model)
    left = np.zeros(flux.shape, bool)
    left.ravel()[at[kept]] = True
    return model, _error(covariance, flux.shape, nodes), left


def _starts(n, blocks):
    """First pixels of nearly equal blocks."""
    return np.linspace(0, n, blocks + 1).round().astype(int)[:-1]


def _block_sums(flux, variance, used, blocks):
    """Sums over blocks of weight, and of weight times flux, row and column: [4, block]."""
    weight = np.divide(1.0, variance, out=np.zeros(flux.shape, np.float32), where=used)
    along = _starts(flux.shape[1], blocks[1])
    by_row = np.add.reduceat(weight, along, axis=1).astype(float)
    product = np.multiply(weight, np.arange(flux.shape[1], dtype=np.float32))
    columns = np.add.reduceat(product, along, axis=1)
    # where it is not used the product is 0 as it was
    light = np.add.reduceat(np.multiply(weight, flux, out=product, where=used), along, axis=1)
    rows = by_row * np.arange(flux.shape[0])[:, None]
    sums = (by_row, light, rows, columns)
    return np.array([np.add.reduceat(s, _starts(flux.shape[0], blocks[0]), axis=0, dtype=float).ravel() for s in sums])


def _pixel_sums(flux, variance, at, blocks, sign):
    """The same sums over some pixels alone, given by their places in the flat image."""
    position = np.divmod(at, flux.shape[1])
    block = [
        np.searchsorted(_starts(n, b), p, side="right") - 1
        for n, b, p in zip(flux.shape, blocks, position, strict=True)
    ]
    weight = sign / variance.ravel()[at]
    values = (1.0, flux.ravel()[at], *position)
    return np.array([np.bincount(block[0] * blocks[1] + block[1], weight * v, blocks[0] * blocks[1]) for v in values])


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
    fine = (hat_matrix(shape[0], grid[0]) @ coarse) @ hat_matrix(shape[1], grid[1]).T
    return np.maximum(fine, coarse.min()).astype(np.float32)


def row_noise(residual, variance, usable, *, smooth_px, least_pixels):
    """Offset of each row that read-out noise left, from its pixels between the orders; 0 where not significant.

    residual: frame less scattered light. How much of the scatter of the rows' means is more than noise tells the
    weight.
    """
    count = usable.sum(1)
    enough = count >= least_pixels
    if enough.sum() < 10:
        return np.zeros(residual.shape[0])
    parts = [_row_sums(residual[rows], variance[rows], usable[rows]) for rows in strips(len(residual))]
    total, light = (np.concatenate(part) for part in zip(*parts, strict=True))
    total = np.maximum(total, 1e-30)
    mean = np.where(enough, light / total, 0.0)
    noise = np.where(enough, 1.0 / total, 0.0)
    mean = np.where(enough, mean - gaussian_smoothed(mean, smooth_px, np.where(enough, total, 0.0)), 0.0)
    lasting = max(float(np.mean(mean[enough] ** 2 - noise[enough])), 0.0)
    return np.where(enough, mean * lasting / np.where(enough, lasting + noise, 1.0), 0.0)


def _row_sums(residual, variance, usable):
    """(weight, weighted residual) of some rows."""
    w = np.where(usable, 1.0 / np.where(usable, variance, 1.0), 0.0)
    return w.sum(1), (w * np.where(usable, residual, 0.0)).sum(1)
