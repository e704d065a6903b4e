"""What master bias and master dark share: frames without light become one frame, its errors and its defects."""

from dataclasses import dataclass, field

import numpy as np

from soxslib.datamodel import Quality
from soxslib.errors import ReductionError
from soxslib.numerics.noise import median
from soxslib.numerics.stacking import Stack, chi2_limit, discrepant, read_noise_of, stack_mean
from soxslib.numerics.structure import Structure, fit_structure, noise_about, shrunk


@dataclass(frozen=True)
class Lightless:
    """A stack of frames without light [electron].

    read_variance: of one frame; noise_e: of the stack about its structure, intrinsic_e: scatter of pixels beyond noise;
    excluded: {file: largest deviation} of frames left out.
    """

    flux: np.ndarray
    variance: np.ndarray
    quality: np.ndarray
    structure: Structure
    read_variance: float
    level_e: float
    noise_e: float
    intrinsic_e: float
    n_frames: int
    rejected_fraction: float
    excluded: dict = field(default_factory=dict)


def combine_lightless(frames, names, settings, *, keep_rows, integrations):
    """The Lightless of frames [electron, mean of so many integrations; infinitely many: no photon noise].

    Few frames are noisy and their master would add that noise to all it is subtracted from. So pixels are drawn to a
    model of the structure as far as they do not differ from it significantly; those that do keep their own values.
    """
    kept, excluded, noise = _alike(frames, names, settings)
    if len(kept) < settings.min_frames:
        left_out = f", {', '.join(excluded)} differ from the others" if excluded else ""
        raise ReductionError(
            f"{names[0]} and {len(names) - 1} more: {len(kept)} usable frames{left_out}, {settings.min_frames} needed; "
            f"take more or lower min_frames"
        )
    level = _typical(kept[0])
    read = max(noise**2 - max(level, 0.0) / integrations, 0.2 * noise**2)
    stack = stack_mean(kept, read_variance=read, clip_sigma=settings.clip_sigma)
    error = noise / np.sqrt(len(kept))
    good = np.abs(stack.mean - median(stack.mean[::3, ::3])) < settings.keep_sigma * error + settings.structure_e
    structure = fit_structure(stack.mean, good, sigma=error, block_px=settings.block_px, keep_rows=keep_rows)
    residual, expected, variance = noise_about(
        stack.mean, structure.model, stack.count, read_variance=read, integrations=integrations,
        keep_sigma=settings.keep_sigma,
    )  # fmt: skip
    flux, variance, intrinsic = shrunk(
        stack.mean, structure.model, variance=variance, model_variance=structure.variance, good=good,
        keep_sigma=settings.keep_sigma,
    )  # fmt: skip
    quality = _defects(residual, expected + intrinsic, stack, len(kept), settings)
    core = residual[good & (quality == 0)]
    rejected = 1.0 - stack.count.sum(dtype=np.float64) / (stack.count.size * len(kept))
    return Lightless(
        flux, variance, quality, structure, read, level, float(core.std()), float(np.sqrt(intrinsic)), len(kept),
        float(rejected), excluded,
    )  # fmt: skip


def _alike(frames, names, settings):
    """(frames alike, {name: largest deviation} of the others, noise of one frame)."""
    noise = read_noise_of(frames, _quiet(frames))
    out = discrepant(
        frames,
        noise=noise,
        blocks=tuple(max(n // settings.block_px, 1) for n in frames[0].shape),
        limit_sigma=settings.frame_limit_sigma,
        least=settings.frame_limit_e,
    )
    kept = [f for i, f in enumerate(frames) if i not in out]
    if out and kept:
        noise = read_noise_of(kept, _quiet(kept))
    return kept, {names[i]: value for i, value in out.items()}, noise


def _typical(frame):
    """Level of most pixels: the mean of the core, since the median of whole counts is a whole count."""
    sample = frame[::3, ::3].ravel().astype(float)
    centre = median(sample)
    spread = max(1.4826 * median(np.abs(sample - centre)), 1e-3)
    return float(sample[np.abs(sample - centre) < 4 * spread].mean())


def _quiet(frames):
    """Pixels of the core of the first frame: hot ones have photon noise of their own."""
    sample = frames[0][::3, ::3]
    centre = median(sample)
    return np.abs(frames[0] - centre) < 6 * max(1.4826 * median(np.abs(sample - centre)), 1e-3)


def _defects(residual: np.ndarray, variance: np.ndarray, stack: Stack, n_frames: int, settings):
    """Quality bits: HOT above, BAD below the structure, BAD where frames disagree with each other."""
    quality = np.zeros(residual.shape, np.uint16)
    limit = settings.defect_sigma * np.sqrt(variance)  # hot pixels are many, negative ones few: a fainter limit pays
    quality[residual > limit] |= np.uint16(Quality.HOT)
    quality[residual < -1.25 * limit] |= np.uint16(Quality.BAD)
    if n_frames > 2:
        unstable = stack.excess > chi2_limit(n_frames - 1, settings.unstable_sigma)
        quality[unstable | (stack.count < 0.6 * n_frames)] |= np.uint16(Quality.BAD)
    return quality
