"""Scattered light: a smooth surface through the pixels between the orders."""

import numpy as np

from soxslib.numerics.smoothing import block_sums, gaussian_smoothed, hat_matrix
from soxslib.numerics.splines import bspline_weights, nodes_of


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
    weight = np.where(used, 1.0 / np.where(used, variance, 1.0), 0.0).astype(np.float32)
    blocks = tuple(max(n // b, 1) for n, b in zip(flux.shape, block_px, strict=True))
    model = np.zeros_like(flux, dtype=np.float32)
    bases = [_basis((np.arange(n) + 0.5) / n, k) for n, k in zip(flux.shape, nodes, strict=True)]
    for i in range(rounds):
        kept = used if i == 0 else used & (np.abs(flux - model) < clip_sigma * np.sqrt(variance))
        w = np.where(kept, weight, 0.0)
        coefficients, covariance = _fit(np.where(kept, flux, 0.0), w, blocks, nodes, stiffness)
        model = ((bases[0] @ coefficients) @ bases[1].T).astype(np.float32)
    return model, _error(covariance, flux.shape, nodes), kept


def _basis(position, n):
    """Values [sample, function] of n cubic B-splines that cover [0, 1]."""
    first, phase = nodes_of(np.asarray(position) * (n - 3))
    out = np.zeros((np.size(position), n))
    rows = np.arange(np.size(position))
    for q, values in enumerate(bspline_weights(phase)):
        out[rows, np.clip(first + 1 + q, 0, n - 1)] += values
    return out


def _fit(flux, weight, blocks, nodes, stiffness):
    """(coefficients [nodes], their covariance) from weighted block means at the mean position of their pixels."""
    ny, nx = flux.shape
    total = block_sums(weight, blocks)
    mean = block_sums(weight * flux, blocks)
    y = block_sums(weight * ((np.arange(ny, dtype=np.float32)[:, None] + 0.5) / ny), blocks)
    x = block_sums(weight * ((np.arange(nx, dtype=np.float32)[None, :] + 0.5) / nx), blocks)
    seen = total > 0
    total, mean, y, x = total[seen], mean[seen] / total[seen], y[seen] / total[seen], x[seen] / total[seen]
    design = (_basis(y, nodes[0])[:, :, None] * _basis(x, nodes[1])[:, None, :]).reshape(y.size, -1)
    normal = design.T @ (total[:, None] * design)
    penalty = _roughness(nodes)
    normal += stiffness * np.trace(normal) / np.trace(penalty) * penalty
    normal += 1e-10 * np.trace(normal) / len(normal) * np.eye(len(normal))
    covariance = np.linalg.inv(normal)
    coefficients = covariance @ (design.T @ (total * mean))
    # what the blocks scatter more than noise explains is the model's error too
    residual = mean - design @ coefficients
    excess = np.sum(total * residual**2) / max(mean.size - 0.5 * len(normal), 1)
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
    w = np.where(usable, 1.0 / np.where(usable, variance, 1.0), 0.0)
    total = np.maximum(w.sum(1), 1e-30)
    mean = np.where(enough, (w * np.where(usable, residual, 0.0)).sum(1) / total, 0.0)
    noise = np.where(enough, 1.0 / total, 0.0)
    mean = np.where(enough, mean - gaussian_smoothed(mean, smooth_px, np.where(enough, total, 0.0)), 0.0)
    lasting = max(float(np.mean(mean[enough] ** 2 - noise[enough])), 0.0)
    return np.where(enough, mean * lasting / np.where(enough, lasting + noise, 1.0), 0.0)
