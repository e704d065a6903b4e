"""What in a frame without light is structure and what is noise: a model of few numbers, and shrinkage towards it."""

from dataclasses import dataclass

import numpy as np

from soxslib.numerics.smoothing import block_sums, gaussian_smoothed, hat_matrix


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
    used = good.sum(1)
    mean = np.where(good, image, 0.0).sum(1, dtype=np.float64) / np.maximum(used, 1)
    enough = used > 0.1 * image.shape[1]
    return np.where(enough, mean - gaussian_smoothed(mean, smooth_px, np.where(enough, used, 0.0)), 0.0)


def fit_structure(image, good, *, sigma, block_px, keep_rows, rounds=2):
    """The Structure of an image with noise sigma per pixel.

    Alternates block means (smooth on block_px), the profile along axis 0 (only with keep_rows) and the profile along
    axis 1. The profiles' small scales are shrunk by how far they exceed noise: what is not significant adds none.
    """
    ny, nx = image.shape
    blocks = max(ny // block_px, 1), max(nx // block_px, 1)
    rows, columns = np.zeros(ny), np.zeros(nx)
    hat_y, hat_x = hat_matrix(ny, blocks[0]), hat_matrix(nx, blocks[1])
    weight = np.maximum(block_sums(good, blocks), 1.0)
    counts = [np.maximum(good.sum(1), 1), np.maximum(good.sum(0), 1)]
    smooth = np.zeros_like(image, dtype=np.float32)
    share_x = share_y = 0.0  # of the profiles' noise that enters the model
    for _ in range(rounds):
        profile = (rows[:, None] + columns[None]).astype(np.float32)
        surface = block_sums(np.where(good, image - profile, 0.0), blocks) / weight
        smooth = ((hat_y @ surface) @ hat_x.T).astype(np.float32)
        residual = np.where(good, image - smooth, 0.0)
        columns, share_x = _significant(
            (residual.sum(0) - good.T @ rows) / counts[1], sigma / np.sqrt(counts[1]), block_px
        )
        if keep_rows:
            rows, share_y = _significant(
                (residual.sum(1) - good @ columns) / counts[0], sigma / np.sqrt(counts[0]), block_px
            )
    model = smooth + (rows[:, None] + columns[None]).astype(np.float32)
    variance = sigma**2 * (1 / np.median(weight) + share_x / np.median(counts[1]) + share_y / np.median(counts[0]))
    return Structure(model, float(variance), rows, columns)


def _significant(profile, error, scale_px):
    """(fine, share): the profile's part below scale_px, shrunk by its power over that of noise."""
    fine = profile - gaussian_smoothed(profile, scale_px)
    share = max(0.0, 1.0 - np.mean(error**2) / max(np.mean(fine**2), 1e-300))
    return fine * share, share


def shrunk(image, model, *, variance, model_variance, good, keep_sigma):
    """(image, variance, intrinsic variance) between measurement and model, as their powers tell (empirical Bayes).

    Where pixels differ from the model by no more than noise, the model is the better estimate and adds less noise to
    what it is subtracted from. Pixels beyond keep_sigma keep their measured values: they are defects, not noise.
    """
    residual = image - model
    intrinsic = 0.0
    for _ in range(3):  # what counts as a defect depends on how much all pixels scatter
        kept = np.abs(residual) > keep_sigma * np.sqrt(variance + intrinsic)
        core = good & ~kept
        intrinsic = max(float(np.mean(residual[core] ** 2 - variance[core])), 0.0) if core.any() else 0.0
    weight = np.where(kept, 1.0, intrinsic / (intrinsic + variance)).astype(np.float32)
    out_variance = weight * variance + np.where(kept, 0.0, (1.0 - weight) * model_variance)
    return model + weight * residual, out_variance.astype(np.float32), intrinsic
