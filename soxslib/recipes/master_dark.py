"""Master dark: the signal without light of one exposure time."""

from dataclasses import dataclass

import numpy as np

from soxslib.datamodel import Frame, MasterDark
from soxslib.errors import ReductionError
from soxslib.instruments import load_instrument
from soxslib.numerics.noise import robust_std
from soxslib.numerics.stacking import median_of
from soxslib.numerics.structure import row_offsets
from soxslib.recipes.lightless import Lightless, combine_lightless
from soxslib.recipes.prepare import bad_bits, merged_settings, pedestal_free, saturation


@dataclass(frozen=True)
class MasterDarkResult:
    """The master, the noise common to the rows of one frame [electron], and what the stack was made of."""

    master: MasterDark
    row_noise_e: float
    stack: Lightless


def master_dark(raws, settings, bias=None):
    """Combine darks of one exposure time, rejecting cosmic rays, flagging hot and unstable pixels.

    Noise that a read-out gives to a whole row is no property of the detector: it is taken out of each frame.
    """
    _check_alike(raws)
    first = raws[0].exposure
    s = merged_settings(settings)
    detector = load_instrument(first.instrument).arm(first.arm)["detector"]
    frames = [pedestal_free(raw, bias, detector, s)[0] for raw in raws]
    row_noise = 0.0
    if settings.remove_row_noise:
        frames, row_noise = without_row_noise(frames, settings)
    names = [raw.exposure.file for raw in raws]
    stack = combine_lightless(frames, names, settings, keep_rows=len(raws) > 1, integrations=first.ndit)
    quality = stack.quality | saturation(median_of([raw.adu for raw in raws]), detector, s) | bad_bits(*raws)
    frame = Frame(stack.flux, stack.variance, quality, first, stack.variance)
    read_noise = float(np.sqrt(stack.read_variance * first.ndit))
    return MasterDarkResult(MasterDark(frame, read_noise), row_noise, stack)


def _check_alike(raws):
    times = sorted({(raw.exposure.exposure_s, raw.exposure.ndit) for raw in raws})
    if len(times) > 1:
        found = ", ".join(f"{t:g} s x {n}" for t, n in times)
        raise ReductionError(
            f"darks of different times do not scale into each other, found {found}; make one master of each"
        )


def without_row_noise(frames, settings):
    """(frames, noise of the row offsets of one frame [electron]) with what each read-out gave to its rows taken out.

    What the frames share is the detector's and stays, weighted by how far it exceeds the noise of the mean. A single
    frame cannot tell the two apart: it loses both, as a frame does whose rows are levelled on pixels between the
    orders.
    """
    offsets = []
    for frame in frames:
        sample = frame[::3, ::3]
        good = np.abs(frame - np.median(sample)) < 5 * robust_std(sample)
        offsets.append(row_offsets(frame, good, smooth_px=settings.row_smooth_px))
    offsets = np.array(offsets)
    n, common = len(frames), offsets.mean(0)
    noise = float(np.sqrt((offsets - common).var() * n / max(n - 1, 1))) if n > 1 else float(offsets.std())
    lasting = max(common.var() - noise**2 / n, 0.0) if n > 1 else 0.0
    common = common * (lasting / max(common.var(), 1e-12))
    return [f - (o - common)[:, None].astype(np.float32) for f, o in zip(frames, offsets, strict=True)], noise
