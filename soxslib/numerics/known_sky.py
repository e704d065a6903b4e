"""What other exposures of the empty sky tell of the sky of an exposure: its spectrum but for what changed meanwhile.

Airglow lines vary by several per cent in minutes, bands differently, the continuum on its own, and the instrument bends. What
is left after scale and shift are fitted is measured too, and limits how far the other exposures are believed.
"""

from dataclasses import dataclass

import numpy as np

from soxslib.numerics import series, splines
from soxslib.numerics.filters import running_median
from soxslib.numerics.spline_columns import spline_columns
from soxslib.numerics.uniform import interpolated

_CLIP = 5.0
_LEAST_LINE = 5.0  # significance
_ROUNDS = 5


@dataclass(frozen=True)
class SkyChange:
    """How the sky of an exposure differs from another's.

    lines [column]: scale of its lines; shift_px: its lines lie at larger columns by so much; misfit: what is left of a
    line, relative to it; continuum [column]: what is no line, of the other exposure.
    """

    lines: np.ndarray
    shift_px: float
    misfit: float
    continuum: np.ndarray


KINDS = [series.HALF_WAY, series.BSPLINE]  # components of the sky


@dataclass(frozen=True)
class KnownSky:
    """What pixels of other exposures tell of the sky of this one, had they seen it: bands, vector of the least squares for
    splines of KINDS.

    information [column]: inverse variance of the sky that they tell.
    """

    bands: np.ndarray
    vector: np.ndarray
    information: np.ndarray

    def equations(self, n_kinds):
        """(bands, vector) for the last one or two of KINDS."""
        return (self.bands, self.vector) if n_kinds == 2 else splines.last_of_two(self.bands, self.vector)

    def at(self, basis):
        """The sky at slit illumination 1 at the positions of a Basis."""
        bands, vector = self.equations(1)
        return series.evaluate(splines.solve(bands, vector, ridge=1e-7), series.BSPLINE, basis.first, basis.phase)


def sky_change(sky, variance, other, other_variance, *, length_px, knot_px, scale_error, shift_error_px):
    """The SkyChange of an order: sky, other are counts per native pixel with their variances (inf where not seen).

    length_px: what is smoother is continuum, or light of something else; knot_px: length over which lines vary alike;
    scale_error, shift_error_px: expected change.
    """
    continuum = running_median(np.where(np.isfinite(other), other, 0.0), length_px)
    lines, y = other - continuum, sky - running_median(np.where(np.isfinite(sky), sky, 0.0), length_px)
    noise2 = variance + other_variance
    known = np.isfinite(lines) & np.isfinite(y) & np.isfinite(noise2) & (noise2 > 0)
    n_intervals = max(int(np.ceil(sky.size / knot_px)), 1)
    local = spline_columns(np.arange(sky.size) / sky.size * n_intervals, n_intervals)
    # noise of the other exposure taken for lines would draw their scale to zero
    lines = np.where(lines**2 > (_LEAST_LINE**2) * other_variance, lines, 0.0)
    lines, y, noise2 = (np.where(known, v, fill) for v, fill in ((lines, 0.0), (y, 0.0), (noise2, 1.0)))
    slope = np.where(lines != 0, -np.gradient(np.where(known, other, 0.0)), 0.0)
    design = np.column_stack([lines, lines[:, None] * local, slope])
    expected = np.r_[scale_error, np.full(local.shape[1], 0.5 * scale_error), shift_error_px]
    misfit, clipped, solution = 0.02, np.ones(sky.size), np.zeros(expected.size)
    for _ in range(_ROUNDS):
        weight = np.where(known, clipped / (noise2 + (misfit * lines) ** 2), 0.0)
        solution = np.linalg.solve(
            design.T @ (weight[:, None] * design) + np.diag(expected**-2.0),
            design.T @ (weight * np.where(lines != 0, y - lines, 0.0)),
        )
        left = y - lines - design @ solution
        pulls = left / np.sqrt(noise2 + (misfit * lines) ** 2)
        clipped = np.clip(1.0 - (pulls / _CLIP) ** 2, 0.0, None) ** 2
        bright = known & (lines**2 > 100.0 * noise2)
        if bright.sum() > 20:
            excess = np.median(left[bright] ** 2 / 0.455 - noise2[bright]) / np.median(lines[bright] ** 2)
            misfit = float(np.sqrt(np.clip(excess, 0.002**2, 1.0)))
    scale = 1.0 + solution[0] + local @ solution[1:-1]
    return SkyChange(scale, float(solution[-1] / scale.mean()), misfit, continuum)


def known_sky(exposures, continuum, margin):
    """The KnownSky of an order from exposures of the empty sky: list of (Pixels with their basis on the grid of this exposure,
    their fitted sky, their variance, SkyChange), in counts of this exposure, whose continuum [column] is given.

    What lines have left after scale and shift is no noise of these exposures, and more of them do not lessen it.
    """
    stacks, information, misfit2 = [], 0.0, 0.0
    native = np.arange(continuum.size)
    for pixels, sky, variance, change in exposures:
        position = pixels.basis.position
        own, smooth = (interpolated(position, c) for c in (change.continuum, continuum))
        lines = interpolated(position, change.lines)
        more = (lines - 1.0) * (sky / pixels.slit_light - own) + smooth - own
        value = pixels.data + pixels.slit_light * more
        good = pixels.good & pixels.basis.on_grid
        weight = np.where(good, 1.0 / variance, 0.0)
        node = np.rint(position).astype(int)
        inside = good & (node >= 0) & (node < native.size)
        told = np.bincount(node[inside], (weight * pixels.slit_light**2)[inside], native.size)
        density = np.bincount(node[inside], (sky / pixels.slit_light)[inside], native.size)
        density = density / np.maximum(np.bincount(node[inside], minlength=native.size), 1)
        information = information + told
        misfit2 = misfit2 + told * (change.misfit * (density - change.continuum)) ** 2
        stacks.append((pixels.basis.first, pixels.basis.phase, value, weight, pixels.slit_light, position))
    first, phase, value, weight, light, position = (np.concatenate(part) for part in zip(*stacks, strict=True))
    believed = 1.0 / (
        1.0 + misfit2
    )  # of the information: misfit^2 * information / (misfit^2 * information + 1) is lost
    weight = weight * interpolated(position, believed)
    n_nodes = continuum.size + 2 * margin
    return KnownSky(*series.equations(first, phase, KINDS, [light] * 2, weight, value, n_nodes), information * believed)
