"""Extended light along the slit, a host under a transient, told from point sources by its shape."""

from dataclasses import dataclass

import numpy as np

from soxslib import kernels
from soxslib.numerics import filters
from soxslib.numerics.profile import MOFFAT_RANGE, moffat

_along = kernels.function("extended_along", "ddddddbxxxnnd")

_EXPLAINED = 2.0  # mean square of pulls below which points alone explain the light: no gain is left to find
_HINT = 1.3  # gain below which the search for extended light is given up after its first start
_NARROWEST = 1.8  # FWHM of extended light in that of a point source, whose own wings are no host
_STEPS = 60
_FILLS = 4.0  # times what is expected of the sky
_WIDTHS = (0.5, 1.15)  # of a point source, over what it seems to be: extended light makes it look wider
_SEEMING = 1.2  # what stands for the width that a point source seems to have
_OWN_WIDTH = 0.05  # scatter of the points' widths about the common one: most are stars
_INDEX = 1.0  # Sersic's, of extended light: a disc's; ellipticals have more
_CORE = (
    0.34  # of the seeing's FWHM: what it leaves of a cusp, 0.8 times its sigma; more where the slit misses the centre
)
# scatter of the logarithms of index and core: the wings, and with them the form, are seen only where the sky is known
_FORM_SCATTER = {False: (0.2, 0.1), True: (0.4, 0.3)}


@dataclass(frozen=True)
class ExtendedLight:
    """Extended light along the slit: exp -(r / scale)^(1 / index), r^2 = (s - centre)^2 + core^2, its integral over the slit 1.

    The profile of a galaxy (Sersic 1963, BAAA 6, 41) whose cusp the seeing has made a core. relative_peak: its peak within
    the slit over that of the first point source; doubt: relative error of its light there that its form leaves, were its
    amplitude known.
    """

    centre_arcsec: float
    scale_arcsec: float
    index: float
    core_arcsec: float
    norm: float
    relative_peak: float
    doubt: float = 0.0

    @property
    def fwhm_arcsec(self):
        """Full width at half maximum."""
        depth = (self.core_arcsec / self.scale_arcsec) ** (1.0 / self.index) + np.log(2.0)
        return 2.0 * float(np.sqrt((self.scale_arcsec * depth**self.index) ** 2 - self.core_arcsec**2))

    def at(self, slit_arcsec):
        """Light per arcsec."""
        return self.norm * _shape(slit_arcsec, self.centre_arcsec, self.scale_arcsec, self.index, self.core_arcsec)


@dataclass(frozen=True)
class Points:
    """The point sources on the slit: where they stand, how wide each is, and the power of all their Moffat profiles."""

    positions: list[float]
    fwhm_arcsec: list[float]
    power: float


def light_along(grid, slit_arcsec, arcsec, data, sky, floor, variance, used, *, sky_error):
    """(mean light above the sky per arcsec, its variance) of the used pixels about each point of a uniform slit grid.

    Pixels count by what the sky does to them: its lines hide the light by their noise, and by `sky_error`, relative.
    """
    images = [np.ascontiguousarray(a, float) for a in (slit_arcsec, arcsec, data, sky, floor, variance)]
    sums = np.zeros((3, grid.size))
    _along(*images, used, sky_error, grid[0], grid[1] - grid[0], used.size, grid.size, sums)
    seen = sums[0] > 0
    total = np.where(seen, sums[0], 1.0)
    return sums[1] / total, np.where(seen, sums[2] / total**2, np.inf)


def split_light(slit_arcsec, light, variance, positions, fwhm_arcsec, *, light_error, least_gain, sky_error=None):
    """(Points, ExtendedLight or None) that explain the light along the slit, summed over all wavelengths.

    Point sources about the positions, which may move together, of about one width, and one extended source, on a constant:
    what is left of the sky, of expected size sky_error, or free where the sky has been fitted to the same light.
    light_error: accuracy of the point sources' shape, relative. Without an improvement of chi square by the factor
    least_gain there is no extended light, unless there is far more light than the sky's all along the slit.
    """
    error = np.sqrt(variance + (light_error * light) ** 2)
    problem = _Light(slit_arcsec, light, error, np.asarray(positions), fwhm_arcsec, sky_error)
    seeming = np.r_[0.0, _SEEMING, np.zeros(1 + len(positions))]
    alone = _minimised(problem, seeming)
    if sky_error is None and np.mean(problem.pulls(alone) ** 2) < _EXPLAINED:
        return problem.points(alone), None
    residual = light - problem.fitted(alone)[0]
    starts = [(slit_arcsec[np.argmax(residual)], 0.5), (positions[0], 0.5), (positions[0], 2.0)]
    square = lambda p: np.sum(problem.pulls(p) ** 2)
    found = [alone]
    for x, wide in starts:
        for points in (alone, seeming):  # alone may have been drawn to the host
            found.append(_minimised(problem, np.array([*points, x, np.log(wide), 0.0, 0.0])))
        if sky_error is None and square(alone) < _HINT * min(map(square, found)):
            return problem.points(alone), None
    best = min(found[1:], key=square)
    gain = square(alone) / square(best)
    amplitudes = problem.fitted(best)[1]
    fills_slit = sky_error is not None and problem.fitted(alone)[2] > _FILLS * sky_error
    if (gain < least_gain and not fills_slit) or not amplitudes[-1] > 0 or not amplitudes[0] > 0:
        return problem.points(alone), None
    form = problem.extended(best)
    shape = _shape(slit_arcsec, *form)
    relative = float(amplitudes[-1] * shape.max() / amplitudes[0])
    norm = 1.0 / float(np.trapezoid(shape, slit_arcsec))
    extended = ExtendedLight(*form, norm, relative, _doubt(problem, best))
    return problem.points(best), extended


def _shape(slit_arcsec, centre, scale, index, core):
    return np.exp(-((np.hypot(slit_arcsec - centre, core) / scale) ** (1.0 / index)))


def _between(limits, p):
    """A value within its limits for any parameter p, midway for 0."""
    return float(limits[0] + (limits[1] - limits[0]) / (1.0 + np.exp(-p)))


class _Light:
    """Least squares of the light along the slit; amplitudes are solved for at each set of the other parameters: how far
    the points moved, their width and the power of their wings between their limits and each one's own width; of extended
    light centre, log of FWHM beyond the narrowest, log index, log core. Light is not negative but for the constant."""

    def __init__(self, slit_arcsec, light, error, positions, fwhm_arcsec, sky_error):
        self.slit, self.light, self.error, self.positions = slit_arcsec, light, error, positions
        self.seeming, self.sky_error = fwhm_arcsec, sky_error
        self.form_scatter = _FORM_SCATTER[sky_error is not None]
        self.n = 3 + len(positions)

    def points(self, p):
        """The Points."""
        common = self.seeming * _between(_WIDTHS, p[1])
        widths = [float(common * np.exp(own)) for own in p[3 : self.n]]
        return Points([float(x + p[0]) for x in self.positions], widths, _between(MOFFAT_RANGE, p[2]))

    def extended(self, p):
        """(centre, scale, index, core)."""
        centre, wide, cusp, missed = p[self.n :]
        index, point = float(_INDEX * np.exp(cusp)), self.points(p).fwhm_arcsec[0]
        core, half = _CORE * point * float(np.exp(missed)), 0.5 * point * (_NARROWEST + np.exp(wide))
        across = np.hypot(half, core) ** (1.0 / index) - core ** (1.0 / index)
        return float(centre), float((across / np.log(2.0)) ** index), index, core

    def fitted(self, p):
        """(light, amplitudes: of the points, of the extended light; the constant)."""
        points = self.points(p)
        columns = [np.ones(self.slit.size)]
        columns += [
            moffat(self.slit - x, fwhm, points.power)
            for x, fwhm in zip(points.positions, points.fwhm_arcsec, strict=True)
        ]
        if p.size > self.n:
            columns.append(_shape(self.slit, *self.extended(p)))
        design = np.stack(columns, axis=1)
        a, y = design / self.error[:, None], self.light / self.error
        if self.sky_error is not None:
            a, y = np.vstack([a, np.eye(1, len(columns)) / self.sky_error]), np.append(y, 0.0)
        used = np.ones(len(columns), bool)
        while True:
            amplitudes = np.zeros(len(columns))
            amplitudes[used] = np.linalg.lstsq(a[:, used], y, rcond=1e-10)[0]
            if not np.any(amplitudes[1:] < 0):
                return design @ amplitudes, amplitudes[1:], amplitudes[0]
            used[1 + np.argmin(amplitudes[1:])] = False

    def pulls(self, p):
        """What is minimised: residuals over errors, and how far the parameters are from what is expected of them."""
        light, _, constant = self.fitted(p)
        expected = [
            (p[0], 0.3),
            (p[1] - _SEEMING, 2.0),
            (p[2], 2.0),
            *((own, _OWN_WIDTH) for own in p[3 : self.n]),
        ]
        if self.sky_error is not None:
            expected.append((constant, self.sky_error))
        if p.size > self.n:
            centre, wide, cusp, missed = p[self.n :]
            expected += [(centre, 3.0), (wide, 1.5), (cusp, self.form_scatter[0]), (missed, self.form_scatter[1])]
        return np.r_[(self.light - light) / self.error, [value / width for value, width in expected]]


def _doubt(problem, p):
    """Relative error of the extended light at the first point source, of the least squares at their minimum."""

    def light_there(q):
        return np.log(problem.fitted(q)[1][-1] * _shape(problem.points(q).positions[0], *problem.extended(q)))

    pulls, step = problem.pulls(p), 1e-4
    slopes = _slopes(problem, p, pulls, step)
    change = np.array([(light_there(p + step * e) - light_there(p)) / step for e in np.eye(p.size)])
    covariance = np.linalg.pinv(slopes.T @ slopes) * max(np.mean(pulls**2), 1.0)
    return float(np.sqrt(change @ covariance @ change))


def _slopes(problem, p, pulls, step):
    return np.stack([(problem.pulls(p + step * e) - pulls) / step for e in np.eye(p.size)], axis=1)


def _minimised(problem, start):
    """Parameters of the least squares, by Levenberg and Marquardt's steps."""
    p, damping = start, 1e-2
    pulls = problem.pulls(p)
    for _ in range(_STEPS):
        slopes = _slopes(problem, p, pulls, 1e-4)
        normal, gradient = slopes.T @ slopes, slopes.T @ pulls
        change = np.clip(-np.linalg.solve(normal + damping * np.diag(np.diag(normal) + 1e-9), gradient), -0.5, 0.5)
        tried = problem.pulls(p + change)
        if tried @ tried < pulls @ pulls:
            done = pulls @ pulls - tried @ tried < 1e-4 * (pulls @ pulls)
            p, pulls, damping = p + change, tried, damping * 0.2
            if done:
                break
        else:
            damping *= 8.0
            if damping > 1e8:
                break
    return p


def line_columns(counts, information, *, line_sigma, reach):
    """Columns where the spectrum of extended light has lines, and their neighbours within `reach`.

    counts: fitted with little smoothing; information: their inverse variance but for a factor.
    """
    curvature = np.zeros_like(counts)
    curvature[1:-1] = np.diff(counts, 2)
    z = filters.convolved(curvature, [0.5, 1.0, 0.5]) * np.sqrt(np.maximum(information, 0.0))
    scale = max(1.4826 * np.median(np.abs(z)), 1e-12)
    return filters.dilated(np.abs(z) > line_sigma * scale, reach)
