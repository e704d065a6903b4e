"""Master bias: the structure of the pedestal from zero-second frames."""

from dataclasses import dataclass

import numpy as np

from soxslib.datamodel import Frame, MasterBias
from soxslib.recipes.lightless import Lightless, combine_lightless
from soxslib.recipes.prepare import bad_bits, merged_settings, strips_of


@dataclass(frozen=True)
class MasterBiasResult:
    """The master, the level of each frame's pedestal [electron], and what the stack was made of."""

    master: MasterBias
    levels_e: np.ndarray
    stack: Lightless


def master_bias(raws, settings):
    """Combine raw bias frames into the structure relative to the strips without light, rejecting cosmic rays.

    Drifts of the level between bias and science then do no harm.
    """
    frames, exposures, levels, is_relative, bad = pedestals(raws, merged_settings(settings))
    stack = combine_lightless(frames, [e.file for e in exposures], settings, keep_rows=True, integrations=np.inf)
    frame = Frame(stack.flux, stack.variance, stack.quality | bad, exposures[0], stack.variance)
    level = float(np.mean(levels)) if is_relative else None
    return MasterBiasResult(MasterBias(frame, float(np.sqrt(stack.read_variance)), level), levels, stack)


def pedestals(raws, s):
    """(frames [electron], their exposures, level of each [electron], whether it is taken out by the strips without light,
    quality bits of pixels that hold no number in one).

    raws may be read as they are asked for: they are not kept.
    """
    frames, strips, exposures, bad = [], [], [], np.uint16(0)
    for raw in raws:
        frames.append(raw.adu)
        strips.append(strips_of(raw, s))
        exposures.append(raw.exposure)
        bad = bad | bad_bits(raw)
        del raw
    gains = [np.float32(e.gain_e_adu) for e in exposures]
    if all(strip is not None for strip in strips):
        levels = np.array([np.mean(strip[0]) * g for strip, g in zip(strips, gains, strict=True)])
        for i, (strip, gain) in enumerate(zip(strips, gains, strict=True)):
            frames[i] = (frames[i] - strip[0].astype(np.float32)) * gain
        return frames, exposures, levels, True, bad
    levels = np.array([adu.mean(dtype=np.float64) * g for adu, g in zip(frames, gains, strict=True)])
    typical = np.median(levels)
    for i, (gain, level) in enumerate(zip(gains, levels, strict=True)):
        frames[i] = frames[i] * gain - np.float32(level - typical)
    return frames, exposures, levels, False, bad
