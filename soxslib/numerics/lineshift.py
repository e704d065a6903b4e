"""Common shift of an order from the offsets of single lines or features, with an error that their scatter justifies."""

from dataclasses import dataclass, field

import numpy as np

MIXING_ROUNDS = 6  # of the random-effects weights; they settle in three or four


@dataclass(frozen=True)
class LineOffsets:
    """Offsets of groups of lines from where the arc's solution puts them: unit position in the order, px, error."""

    unit: np.ndarray
    offset: np.ndarray
    error: np.ndarray  # photon noise and the scatter from line to line

    @property
    def size(self):
        return self.offset.size


NO_LINES = LineOffsets(*(np.zeros(0),) * 3)


@dataclass(frozen=True)
class Shift:
    """Shift of an order at the middle of its wavelength range [px, + to larger pixel] with its error; slope:
    additional shift at the red end of the range (unit wavelength +1). An order without usable lines has an infinite
    error.
    """

    pixels: float = 0.0
    error: float = np.inf
    n_lines: int = 0
    chi2: float = np.nan  # of the offsets about the result, per degree of freedom, with photon noise alone
    slope: float = 0.0
    slope_error: float = np.inf
    covariance: float = 0.0  # of shift and slope
    sigma_px: float = np.nan  # fitted blur of the slit's image
    lines: LineOffsets = field(default=NO_LINES, repr=False)

    @property
    def is_measured(self):
        return bool(np.isfinite(self.error))


def shift_of_lines(lines, *, line_error_px, slope_px, sigma_px=np.nan, clip=4.0):
    """Common shift and slope of lines whose offsets scatter by more than their photon noise (random effects).

    The extra scatter is that of DerSimonian & Laird (1986, eq. 8), not less than `line_error_px`; outliers are left
    out. With few lines the scatter says little, so it is averaged with two lines' worth of `line_error_px`.
    """
    design = np.column_stack([np.ones(lines.size), lines.unit])
    prior = np.diag([0.0, slope_px**-2])
    keep = np.ones(lines.size, bool)
    spread = line_error_px
    for _ in range(MIXING_ROUNDS):
        weight = keep / (lines.error**2 + spread**2)
        covariance = np.linalg.inv(design.T * weight @ design + prior + 1e-12 * np.eye(2))
        value = covariance @ (design.T @ (weight * lines.offset))
        residual = lines.offset - design @ value
        if lines.size > 2:
            keep = np.abs(residual) < clip * np.hypot(
                lines.error, _typical_scatter(residual, lines.error, line_error_px)
            )
        spread = _extra_scatter(residual[keep], lines.error[keep], line_error_px)
    n = int(keep.sum())
    chi2 = np.sum((residual[keep] / lines.error[keep]) ** 2) / max(n - 1, 1)
    kept = LineOffsets(lines.unit[keep], lines.offset[keep], np.hypot(lines.error[keep], spread))
    errors = np.sqrt(np.diag(covariance))
    (shift, slope), (shift_error, slope_error) = value.tolist(), errors.tolist()
    return Shift(shift, shift_error, n, float(chi2), slope, slope_error, float(covariance[0, 1]), float(sigma_px), kept)


def _typical_scatter(residual, error, least):
    """Scatter beyond the photon noise of the better half of the lines: outliers do not widen it."""
    trials = least * 1.3 ** np.arange(0, 24)[:, None]
    size = 1.48 * np.median(np.abs(residual) / np.hypot(error, trials), axis=1)
    enough = np.flatnonzero(size <= 1.0)
    return trials[enough[0] if enough.size else -1, 0]


def _extra_scatter(residual, error, least, prior_lines=2):
    """Scatter beyond the photon noise, shrunk to its least value when few lines define it."""
    weight = error**-2.0
    free = residual.size - 1
    moment = np.sum(weight) - np.sum(weight**2) / np.sum(weight) if free > 0 else 0.0
    extra = max(0.0, (np.sum(weight * residual**2) - free) / moment) if moment > 0 else 0.0
    return np.sqrt(max(least**2, (free * extra + prior_lines * least**2) / (free + prior_lines)))
