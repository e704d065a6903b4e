"""Master bias: the structure of the pedestal from zero-second frames."""

from dataclasses import dataclass

import numpy as np

from soxslib.datamodel import Frame, MasterBias
from soxslib.recipes.lightless import Lightless, combine_lightless
from soxslib.recipes.prepare import merged_settings, strips_of


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
    frames, levels, is_relative = pedestals(raws, merged_settings(settings))
    names = [raw.exposure.file for raw in raws]
    stack = combine_lightless(frames, names, settings, keep_rows=True, integrations=np.inf)
    frame = Frame(stack.flux, stack.variance, stack.quality, raws[0].exposure, stack.variance)
    level = float(np.mean(levels)) if is_relative else None
    return MasterBiasResult(MasterBias(frame, float(np.sqrt(stack.read_variance)), level), levels, stack)


def pedestals(raws, s):
    """(frames [electron], level of each [electron], whether it is taken out by the strips without light)."""
    strips = [strips_of(raw, s) for raw in raws]
    gains = [np.float32(raw.exposure.gain_e_adu) for raw in raws]
    if all(strip is not None for strip in strips):
        levels = np.array([np.mean(strip[0]) * g for strip, g in zip(strips, gains, strict=True)])
        frames = [(r.adu - strip[0].astype(np.float32)) * g for r, strip, g in zip(raws, strips, gains, strict=True)]
        return frames, levels, True
    levels = np.array([raw.adu.mean(dtype=np.float64) * g for raw, g in zip(raws, gains, strict=True)])
    typical = np.median(levels)
    frames = [raw.adu * g - np.float32(level - typical) for raw, g, level in zip(raws, gains, levels, strict=True)]
    return frames, levels, False
