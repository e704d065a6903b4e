"""Where the spectrum of extended light has lines and bands."""

import numpy as np

from soxslib.numerics import filters

_BAND, _BAND_SIGMA = 61, 0.32  # columns whose rms is so much of what makes a line hold many lines: a band
_MOST_NOISE = 2.0  # times that of the information alone: where all is lines their scatter is no noise


def line_columns(counts, information, *, length_px, line_sigma, reach, printed=None):
    """Columns where the spectrum of extended light has lines, and their neighbours within `reach`, or a band of many.

    counts: fitted with structure shorter than length_px damped; information: their inverse variance, were nothing else fitted;
    printed: light in the counts that may be of the sky's lines, or None.
    """
    per_noise = np.sqrt(np.maximum(information, 0.0))
    z = _curvature(counts) * per_noise
    scale = np.clip(1.4826 * np.median(np.abs(z)), 1e-12, _MOST_NOISE * _curvature_noise(length_px))
    if printed is not None:
        scale = np.hypot(scale, _curvature(printed) * per_noise)
    z = np.abs(z) / scale / line_sigma
    is_band = filters.box_mean_1d(np.minimum(z, 2 * _BAND_SIGMA) ** 2, _BAND) > _BAND_SIGMA**2
    return filters.dilated((z > 1.0) | is_band, reach)


def _curvature(counts):
    """Second difference, blurred to every other sample."""
    curvature = np.zeros_like(counts)
    curvature[1:-1] = np.diff(counts, 2)
    return filters.convolved(curvature, [0.5, 1.0, 0.5])


def _curvature_noise(length_px):
    """Standard deviation of `_curvature` of unit noise whose structure shorter than a length is damped as the sky's is."""
    k = np.linspace(0.0, np.pi, 400)
    gain = (2.0 - 2.0 * np.cos(k)) * (1.0 + np.cos(k)) / (1.0 + (length_px * k / (2 * np.pi)) ** 4)
    return float(np.sqrt(np.mean(gain**2)))
