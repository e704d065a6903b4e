"""Functions sampled at equal steps."""

import numpy as np

from soxslib import kernels

_at = kernels.function("uniform_at", "ddnxxdn")


def interpolated(position, samples, outside=None):
    """Lines drawn between samples at 0, 1, 2 ..., at positions of any shape; NaN stays NaN.

    outside: the value beyond the first and last sample; None repeats these.
    """
    position, samples = (np.asarray(a, float, order="C") for a in (position, samples))
    below, above = (samples[0], samples[-1]) if outside is None else (outside, outside)
    out = np.empty(position.shape)
    _at(position, samples, samples.size, below, above, out, out.size)
    return out
