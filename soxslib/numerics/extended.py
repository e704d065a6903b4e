"""Extended light along the slit, a host under a transient, told from point sources by its shape."""

from dataclasses import dataclass

import numpy as np

from soxslib.numerics.profile import moffat

_NARROWEST = 1.8  # FWHM of extended light in that of a point source, whose own wings are no host
_STEPS = 40
_WIDTHS = (0.5, 1.15)  # of a point source, over what it seems to be: extended light makes it look wider


@dataclass(frozen=True)
class ExtendedLight:
    """Extended light along the slit: (1 + ((s - centre) / scale)^2)^-power, its integral over the slit 1.

    relative_peak: its peak within the slit over that of the first point source.
    """

    centre_arcsec: float
    scale_arcsec: float
    power: float
    norm: float
    relative_peak: float

    def at(self, slit_arcsec):
        """Light per arcsec."""
        return self.norm * _shape(slit_arcsec, self.centre_arcsec, self.scale_arcsec, self.power)


def split_light(slit_arcsec, light, variance, positions, fwhm_arcsec, *, light_error, least_gain):
    """(positions, FWHM, ExtendedLight or None) that explain the light along the slit, summed over all wavelengths.

    Point sources of one width at the positions, which may move together, and one extended source on a constant: what the
    sky took. light_error: accuracy of the point sources' shape, relative. Without an improvement of chi square by the
    factor least_gain there is no extended light.
    """
    error = np.sqrt(variance + (light_error * light) ** 2)
    problem = _Light(slit_arcsec, light, error, np.asarray(positions), fwhm_arcsec)
    alone = _minimised(problem, np.array([0.0, 0.0]))
    residual = light - problem.fitted(alone)[0]
    starts = [(slit_arcsec[np.argmax(residual)], 0.5), (positions[0], 0.5), (positions[0], 2.0)]
    found = [_minimised(problem, np.array([*alone, centre, np.log(wide), np.log(1.5)])) for centre, wide in starts]
    best = min(found, key=lambda p: np.sum(problem.pulls(p) ** 2))
    gain = np.sum(problem.pulls(alone) ** 2) / np.sum(problem.pulls(best) ** 2)
    amplitudes, fwhm = problem.fitted(best)[1], problem.fwhm(best)
    if gain < least_gain or not amplitudes[-1] > 0 or not amplitudes[0] > 0:
        return list(positions), fwhm_arcsec, None
    centre, scale, power = problem.extended(best)
    shape = _shape(slit_arcsec, centre, scale, power)
    relative = float(amplitudes[-1] * shape.max() / amplitudes[0])
    extended = ExtendedLight(centre, scale, power, 1.0 / float(np.trapezoid(shape, slit_arcsec)), relative)
    return [float(p + best[0]) for p in positions], fwhm, extended


def _shape(slit_arcsec, centre, scale, power):
    return (1.0 + ((slit_arcsec - centre) / scale) ** 2) ** -power


class _Light:
    """Least squares of the light along the slit; amplitudes are solved for at each set of the other parameters: how far
    the points moved, their width between its limits and, of extended light, centre, log of FWHM beyond the
    narrowest, log power. Light is not negative but for the constant."""

    def __init__(self, slit_arcsec, light, error, positions, fwhm_arcsec):
        self.slit, self.light, self.error, self.positions = slit_arcsec, light, error, positions
        self.seeming = fwhm_arcsec

    def fwhm(self, p):
        """FWHM of the points."""
        return float(self.seeming * (_WIDTHS[0] + (_WIDTHS[1] - _WIDTHS[0]) / (1.0 + np.exp(-p[1]))))

    def extended(self, p):
        """(centre, scale, power)."""
        power = float(np.exp(p[4]))
        width = self.fwhm(p) * (_NARROWEST + np.exp(p[3]))
        return float(p[2]), float(0.5 * width / np.sqrt(2.0 ** (1.0 / power) - 1.0)), power

    def fitted(self, p):
        """(light, amplitudes: of the points, of the extended light)."""
        columns = [np.ones(self.slit.size)] + [moffat(self.slit - x - p[0], self.fwhm(p)) for x in self.positions]
        if p.size > 2:
            columns.append(_shape(self.slit, *self.extended(p)))
        design = np.stack(columns, axis=1)
        used = np.ones(len(columns), bool)
        while True:
            amplitudes = np.zeros(len(columns))
            a = design[:, used] / self.error[:, None]
            amplitudes[used] = np.linalg.lstsq(a, self.light / self.error, rcond=1e-10)[0]
            if not np.any(amplitudes[1:] < 0):
                return design @ amplitudes, amplitudes[1:]
            used[1 + np.argmin(amplitudes[1:])] = False

    def pulls(self, p):
        """What is minimised: residuals over errors, and how far the parameters are from what is expected of them."""
        expected = [(p[0], 0.3), (p[1], 2.0)]
        if p.size > 2:
            expected += [(p[2], 3.0), (p[3], 1.5), (p[4] - np.log(1.5), 0.1)]
        return np.r_[(self.light - self.fitted(p)[0]) / self.error, [value / width for value, width in expected]]


def _minimised(problem, start):
    """Parameters of the least squares, by Levenberg and Marquardt's steps."""
    p, damping = start, 1e-2
    pulls = problem.pulls(p)
    for _ in range(_STEPS):
        step = 1e-4
        slopes = np.stack([(problem.pulls(p + step * e) - pulls) / step for e in np.eye(p.size)], axis=1)
        normal, gradient = slopes.T @ slopes, slopes.T @ pulls
        change = np.clip(-np.linalg.solve(normal + damping * np.diag(np.diag(normal) + 1e-9), gradient), -0.5, 0.5)
        tried = problem.pulls(p + change)
        if tried @ tried < pulls @ pulls:
            done = pulls @ pulls - tried @ tried < 1e-6 * (pulls @ pulls)
            p, pulls, damping = p + change, tried, damping * 0.2
            if done:
                break
        else:
            damping *= 8.0
            if damping > 1e8:
                break
    return p
