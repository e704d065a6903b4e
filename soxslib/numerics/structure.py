"""What in a frame without light is structure and what is noise: a model of few numbers, and shrinkage towards it."""

from dataclasses import dataclass

import numpy as np

from soxslib import kernels
from soxslib.numerics.smoothing import gaussian_smoothed, hat_matrix

_blocks = kernels.function("structure_blocks", "fbddinindd")
_interpolate = kernels.function("structure_interpolate", "dnidnnf")
_columns = kernels.function("structure_columns", "ffbdnnd")
_rows = kernels.function("structure_rows", "ffbdnnd")
_noise = kernels.function("structure_noise", "fffnxxxfff")
_excess = kernels.function("structure_excess", "ffbnxxd")
_shrink = kernels.function("structure_shrink", "fffnxxxxff")


@dataclass(frozen=True)
class Structure:
    """Smooth surface plus a profile along each axis: model [y, x] and its variance (one number, typical)."""

    model: np.ndarray
    variance: float
    rows: np.ndarray  # profile along axis 0, as it is in the model
    columns: np.ndarray  # profile along axis 1


def row_offsets(image, good, *, smooth_px):
    """Offset of each row (axis 0) from a smooth run over the rows: read-out noise common to a row.

    good: pixels without light and defects. The mean over the row, where at least a tenth of it is good; else 0.
    """
    image, used, sums = np.ascontiguousarray(image, np.float32), good.sum(1), np.empty(len(image))
    _rows(image, np.zeros_like(image), good, np.zeros(image.shape[1]), *image.shape, sums)
    mean = sums / np.maximum(used, 1)
    enough = used > 0.1 * image.shape[1]
    return np.where(enough, mean - gaussian_smoothed(mean, smooth_px, np.where(enough, used, 0.0)), 0.0)


def fit_structure(image, good, *, sigma, block_px, keep_rows, rounds=2):
    """The Structure of an image with noise sigma per pixel.

    Alternates block means (smooth on block_px), the profile along axis 0 (only with keep_rows) and the profile along
    axis 1. The profiles' small scales are shrunk by how far they exceed noise: what is not significant adds none.
    """
    image = np.ascontiguousarray(image, np.float32)
    ny, nx = image.shape
    blocks = max(ny // block_px, 1), max(nx // block_px, 1)
    rows, columns = np.zeros(ny), np.zeros(nx)
    places = [np.linspace(0, n, b + 1).round().astype(np.intp) for n, b in zip(image.shape, blocks, strict=True)]
    sums_of = lambda values, rows, columns: _block_sums(values, good, rows, columns, places, np.empty(blocks))
    weight = np.maximum(sums_of(np.ones_like(image), rows, columns), 1.0)
    counts = [np.maximum(good.sum(1), 1), np.maximum(good.sum(0), 1)]
    smooth = np.zeros_like(image)
    share_x = share_y = 0.0  # of the profiles' noise that enters the model
    by_row, by_column = np.empty(ny), np.empty(nx)
    for _ in range(rounds):
        _surface(sums_of(image, rows, columns) / weight, smooth)
        _columns(image, smooth, good, rows, ny, nx, by_column)
        columns, share_x = _significant(by_column / counts[1], sigma / np.sqrt(counts[1]), block_px)
        if keep_rows:
            _rows(image, smooth, good, columns, ny, nx, by_row)
            rows, share_y = _significant(by_row / counts[0], sigma / np.sqrt(counts[0]), block_px)
    model = np.add(rows[:, None], columns, dtype=np.float32, casting="same_kind")
    model += smooth
    variance = sigma**2 * (1 / np.median(weight) + share_x / np.median(counts[1]) + share_y / np.median(counts[0]))
    return Structure(model, float(variance), rows, columns)


def _block_sums(image, good, rows, columns, places, out):
    """Sums over blocks, whose borders are given, of the good pixels less the profiles."""
    line = np.empty(image.shape[1])
    _blocks(image, good, rows, columns, places[0], out.shape[0], places[1], out.shape[1], line, out)
    return out


def _surface(values, out):
    """Fills an image by linear interpolation of values at the centres of blocks."""
    (ny, nx), nodes = out.shape, values.shape[1]
    along = np.ascontiguousarray(np.pad(hat_matrix(ny, values.shape[0]) @ values, ((0, 0), (0, 1))))
    position = (np.arange(nx) + 0.5) * nodes / nx - 0.5
    low = np.clip(np.floor(position).astype(np.intp), 0, max(nodes - 2, 0))
    share = position - low if nodes > 1 else np.zeros(nx)
    _interpolate(along, nodes + 1, low, share, ny, nx, out)


def _significant(profile, error, scale_px):
    """(fine, share): the profile's part below scale_px, shrunk by its power over that of noise."""
    fine = profile - gaussian_smoothed(profile, scale_px)
    share = max(0.0, 1.0 - np.mean(error**2) / max(np.mean(fine**2), 1e-300))
    return fine * share, share


def noise_about(mean, model, count, *, read_variance, integrations, keep_sigma):
    """(residual from the model, its expected variance, variance of the mean) of a stack of `count` frames.

    Pixels that stand out by keep_sigma have the photon noise of their own signal, the others that of the model.
    """
    residual, expected, variance = (np.empty_like(mean) for _ in range(3))
    _noise(mean, model, count, mean.size, read_variance, integrations, keep_sigma, residual, expected, variance)
    return residual, expected, variance


def shrunk(image, model, *, variance, model_variance, good, keep_sigma):
    """(image, variance, intrinsic variance) between measurement and model, as their powers tell (empirical Bayes).

    Where pixels differ from the model by no more than noise, the model is the better estimate and adds less noise to
    what it is subtracted from. Pixels beyond keep_sigma keep their measured values: they are defects, not noise.
    """
    residual, model, variance = (np.ascontiguousarray(a, np.float32) for a in (image - model, model, variance))
    before, intrinsic, sums = 0.0, 0.0, np.empty(2)
    for _ in range(3):  # what counts as a defect depends on how much all pixels scatter
        before = intrinsic
        _excess(residual, variance, good, residual.size, keep_sigma, before, sums)
        intrinsic = max(float(sums[1] / sums[0]), 0.0) if sums[0] else 0.0
    flux, out_variance = np.empty_like(residual), np.empty_like(residual)
    _shrink(model, residual, variance, flux.size, keep_sigma, before, intrinsic, model_variance, flux, out_variance)
    return flux, out_variance, intrinsic
