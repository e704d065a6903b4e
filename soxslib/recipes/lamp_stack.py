"""The flats of each lamp as one frame: saturated ones left out, cosmic rays rejected."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from soxslib.datamodel import Frame, Quality
from soxslib.errors import ReductionError
from soxslib.numerics.cutout import to_binned, to_unbinned
from soxslib.numerics.flatstack import stack_flats
from soxslib.numerics.noise import model_variance

UNREADABLE = np.uint16(Quality.BAD | Quality.HOT | Quality.COLD | Quality.SATURATED)


@dataclass(frozen=True)
class LampStack:
    """The flats of one lamp as one: electrons of its first frame's brightness, quality bits that all frames share."""

    lamp: str
    frame: Frame
    light: np.ndarray  # how many frames of that brightness, integrations counted, are in each pixel
    n_frames: int
    rejected_fraction: float

    @cached_property
    def is_bad(self):
        return (self.frame.quality & UNREADABLE) != 0


def trace_on_frame(trace, order, shape, binning):
    """(columns, positions) of an order's trace on the frame's pixels, where the order was seen and the frame has it."""
    columns = np.arange(shape[1])
    along = to_unbinned(columns, binning[1])
    position = to_binned(trace.at(order, along), binning[0])
    first, last = trace.limits[order]
    seen = (along >= first - binning[1]) & (along <= last + binning[1]) & (position > 0) & (position < shape[0] - 1)
    return columns[seen], position[seen]


def saturated_fractions(frame, lines, core_px):
    """{order: fraction of the pixels near its trace that are saturated}."""
    full = (frame.quality & np.uint16(Quality.SATURATED)) != 0
    return {order: float(core_of(full, line, core_px).mean()) for order, line in lines.items()}


def core_of(image, line, core_px):
    """Pixels [row, column] of an image within core_px of a line."""
    rows = np.round(line[1]).astype(int)[None, :] + np.arange(-core_px, core_px + 1)[:, None]
    return image[np.clip(rows, 0, image.shape[0] - 1), line[0][None, :]]


def usable_frames(frames, lines, settings):
    """(frames without an order mostly at the full well, [reason of each that was left out])."""
    kept, reasons = [], []
    core = max(int(settings.core_px / frames[0].exposure.binning[0]), 1)
    for frame in frames:
        fractions = saturated_fractions(frame, lines, core)
        worst = max(fractions, key=fractions.get)
        if fractions[worst] > settings.saturated_limit:
            reasons.append(
                f"{frame.exposure.file}: {100 * fractions[worst]:.0f} per cent of order {worst} are saturated in "
                f"{frame.exposure.exposure_s:g} s, {100 * settings.saturated_limit:.0f} allowed"
            )
        else:
            kept.append(frame)
    if not kept:
        raise ReductionError(f"{reasons[0]}; none of {len(frames)} flats is left, take shorter ones")
    return kept, reasons


def stack_lamp(lamp, frames, lines, settings):
    """The LampStack of the flats of one lamp."""
    core = max(int(settings.core_px / frames[0].exposure.binning[0]), 1)
    levels = [sum(np.median(core_of(f.flux, line, core)) for line in lines.values()) for f in frames]
    for frame in frames:
        brightest = max(np.median(core_of(frame.flux, line, core)) for line in lines.values())
        noise = float(np.sqrt(np.median(frame.floor)))
        if brightest < settings.least_light * noise or min(levels) <= 0:
            raise ReductionError(
                f"{frame.exposure.file}: a flat of lamp {lamp} with {brightest:.1f} electron in its brightest order, "
                f"{settings.least_light * noise:.1f} needed; "
                f"exclude it, or check its darks ({frame.exposure.exposure_s:g} s)"
            )
    mean, floor, light, count = stack_flats(
        [f.flux for f in frames],
        [f.floor for f in frames],
        [(f.quality & UNREADABLE) != 0 for f in frames],
        [level / levels[0] for level in levels],
        clip_sigma=settings.clip_sigma,
        clip_ratio=settings.clip_ratio,
    )
    variance = model_variance(
        mean,
        floor,
        integrations=light * frames[0].exposure.ndit,
        size=settings.noise_box_px,
        contrast=settings.noise_contrast,
    )
    shared = np.bitwise_and.reduce([f.quality for f in frames])
    ever = np.bitwise_or.reduce([f.quality for f in frames])
    quality = np.where(count == 0, ever, shared)
    rejected = sum(float(np.mean((f.quality & UNREADABLE) == 0)) for f in frames) - float(count.mean())
    frame = Frame(mean, variance, quality, frames[0].exposure, floor)
    return LampStack(lamp, frame, light, len(frames), rejected / len(frames))
