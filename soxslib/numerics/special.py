"""Special functions that NumPy lacks, without the half second that importing scipy.special takes."""

import numpy as np

from soxslib import kernels

_erf = kernels.function("erf_of", "ddn")


def erf(x):
    """The error function, by the C library."""
    x = np.asarray(x, float, order="C")
    out = np.empty(x.shape)
    _erf(x, out, out.size)
    return out
