"""Simple sums along the slit."""

import numpy as np


def boxcar(data, model, good, inside, distance_arcsec, arcsec, half_width_arcsec):
    """(sum, robust sum, aperture's weights): the aperture's plain sum over each column, and the same with unusable pixels
    replaced by the model. Pixels at the aperture's ends count by the part inside."""
    part = np.clip((half_width_arcsec - np.abs(distance_arcsec)) / np.maximum(arcsec, 1e-9) + 0.5, 0.0, 1.0)
    part = np.where(inside, part, 0.0)
    readable = np.where(np.isfinite(data), data, 0.0)
    return (part * readable).sum(axis=0), (part * np.where(good, readable, model)).sum(axis=0), part
