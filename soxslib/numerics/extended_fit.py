"""Point sources and extended light told apart by the light along the slit."""

from dataclasses import replace

import numpy as np

from soxslib.numerics.extended import ExtendedLight, Points, shape
from soxslib.numerics.profile import MOFFAT_BETA, MOFFAT_RANGE, moffat

_EXPLAINED = 1.1  # mean square of pulls below which points alone explain the light: no gain is left to find
_WHOLE, _SURE = 1.2, 40.0  # mean square below which all is explained, and a gain of chi square that no chance makes
_FAR_BETTER = (0.5, 0.25)  # chi square of one point source more, and of two, over that with extended light
_AS_GOOD, _ASIDE = 1.1, 3.0  # the same of one that stands so many FWHM aside, where a galaxy would matter little
_FLANKS = (-1.8, -1.2, -0.6, 0.6, 1.2, 1.8)  # FWHM at which another point source hides in the light of one
_PAIR = (-0.35, 0.35)  # and at which two alike do
_HINT = 1.3  # gain below which the search for extended light is given up after its first start
_NARROWEST = 1.8  # FWHM of extended light in that of a point source, whose own wings are no host
_STEPS = 60
_FILLS = 4.0  # times what is expected of the sky
_WIDTHS = (0.5, 1.15)  # of a point source, over what it seems to be: extended light makes it look wider
_NEAREST = 0.7  # FWHM by which two sources stand apart: two nearer ones would stand for the form of one
_SEEMING, _HALF = 1.2, -1.7  # what stands for the width that a point source seems to have, and for 0.6 of it
_MOVED = 0.3  # arcsec by which points may stand elsewhere than they seem: others' light draws them
_OWN_WIDTH = 0.05  # scatter of the points' widths about the common one: most are stars
_POWER_SCATTER = 0.15  # of the logarithm of the power of the points' wings
_BEND = 0.1  # of the exponent of their width with wavelength, by optics and focus
_INDEX = 1.0  # Sersic's, of extended light: a disc's; ellipticals have more
_CORE = (
    0.34  # of the seeing's FWHM: what it leaves of a cusp, 0.8 times its sigma; more where the slit misses the centre
)
_WINGS = 2.8  # FWHM of extended light in that of a source, from which it is none of its wings
UNREFINED = 0.01  # of a source's counts: what a Moffat function leaves where no host hides its own form
_FORM_SCATTER = (3.0, 1.5, 0.2, 0.3)  # of extended light's centre [arcsec] and the logarithms of width, index and core


def split_light(
    slit_arcsec,
    light,
    variance,
    wavelength_nm,
    positions,
    fwhm_arcsec,
    *,
    light_error,
    least_gain,
    least_peak,
    least_wings,
    most=0,
    expected_arcsec=None,
    side_by_side,
    sky_error=None,
):
    """(Points, ExtendedLight or None, error of the first point's counts that the forms leave in each order) that explain the
    light [order, slit] along the slit at the orders' wavelengths.

    Point sources about the positions, of about one width, and one extended source, on a constant:
    what is left of the sky, of expected size sky_error [order], or free where the sky has been fitted to the same light.
    light_error: accuracy of the point sources' shape, relative. They are looked for in the sum of the orders; then the orders
    side by side tell the forms, each with its own width, where traces have brought their light together. Without an improvement
    of chi square by the factor least_gain there is no extended light, unless there is far more light than the sky's all along the
    slit, nor where its peak is less than least_peak of the first source's, or, on any source, than least_wings of its own: as
    much its wings may be. Point sources that hide in the others' light are added, up to `most` in all; of those that stood for the
    first one the nearest to expected_arcsec is then the first.
    """
    weight = 1.0 / np.median(variance, axis=1)
    total = weight @ light, weight**2 @ variance
    sum_error = None if sky_error is None else np.array([weight @ sky_error])
    reference = float(np.average(wavelength_nm, weights=weight * np.maximum(light.sum(axis=1), 1e-12)))
    about = slit_arcsec, np.asarray(positions), fwhm_arcsec, light_error, reference
    problem = _Light(*about, *(t[None] for t in total), np.array([reference]), sum_error)
    problem, alone, best = _searched(problem, least_gain, most, expected_arcsec)
    about = slit_arcsec, problem.positions, *about[2:]
    nothing = alone, None, np.zeros(len(light))
    if best is None:
        return nothing
    if side_by_side:
        problem = _Light(*about, light, variance, wavelength_nm, sky_error)
        best = _minimised(problem, best)
    amplitudes = problem.fitted(best)[1]
    peaks = np.median(amplitudes[:, :-1] / np.maximum(amplitudes[:, :1], 1e-12), axis=0)
    points, form = replace(problem.points(best), peaks=tuple(peaks.tolist())), problem.extended(best)
    ratio = np.median(amplitudes[:, -1] / np.maximum(amplitudes[:, 0], 1e-12))
    light_of = shape(slit_arcsec, *form)
    extended = ExtendedLight(
        *form, points, 1.0 / float(np.trapezoid(light_of, slit_arcsec)), float(ratio * light_of.max())
    )
    if extended.relative_peak < max(least_peak, least_wings * _own_peak(extended)):
        return nothing
    return points, extended, np.broadcast_to(_doubts(problem, best), len(light))


def _own_peak(extended):
    """Peak of the source that extended light may be the wings of, over the first one's; 0 where there is none."""
    points = extended.blur
    own = [
        peak
        for x, width, peak in zip(points.positions, points.fwhm_arcsec, points.peaks, strict=True)
        if abs(extended.centre_arcsec - x) < 0.5 * width and extended.fwhm_arcsec < _WINGS * width
    ]
    return max(own, default=0.0)


def _searched(problem, least_gain, most, expected):
    """(the problem, Points, parameters with extended light or None) that explain the sum of all orders; with more points, up
    to `most`, where they explain it far better than extended light does."""
    slit, light = problem.slit, problem.light[0]
    alone = _minimised(problem, problem.seeming)
    square = lambda p: np.sum(problem.pulls(p) ** 2)
    if problem.sky_error is None and square(alone) < _EXPLAINED * problem.pulls(alone).size:
        return problem, problem.points(alone), None
    lacking = slit[np.argmax(light - problem.fitted(alone)[0][0])]
    starts = [(lacking, 0.5), (problem.positions[0], 0.5), (problem.positions[0], 2.0)]
    found = []
    for x, wide in starts:
        for points in (alone, problem.seeming):  # alone may have been drawn to the host
            found.append(_minimised(problem, np.array([*points, x, np.log(wide), 0.0, 0.0])))
        if problem.sky_error is None and square(alone) < _HINT * min(map(square, found)):
            break
    best = min(found, key=square)
    hidden = _hidden(problem, lacking, square(alone), square(best), most, expected)
    if hidden:
        return _searched(hidden, least_gain, most, expected)
    amplitudes = problem.fitted(best)[1][0]
    fills_slit = problem.sky_error is not None and problem.fitted(alone)[2][0] > _FILLS * problem.sky_error[0]
    gained, is_whole = square(alone) - square(best), square(best) < _WHOLE * problem.pulls(best).size
    is_there = square(alone) >= least_gain * square(best) or (is_whole and gained > _SURE) or fills_slit
    return problem, problem.points(alone), best if is_there and amplitudes[-1] > 0 and amplitudes[0] > 0 else None


def _between(limits, p):
    """A value within its limits for any parameter p, midway for 0."""
    return float(limits[0] + (limits[1] - limits[0]) / (1.0 + np.exp(-p)))


def _hidden(problem, lacking, alone, extended, most, expected):
    """The problem with one or two point sources more, None without: their chi square is far less than that with extended
    light, or aside of the first as good where the known ones alone leave far more. lacking: where most light is left over."""
    n = problem.n_points
    for better in _FAR_BETTER:
        found = _one_more(problem, lacking) if problem.n_points < most else None
        if found is None:
            return None
        square, problem, fwhm = found
        is_aside = abs(problem.positions[-1] - problem.positions[0]) > _ASIDE * fwhm
        is_simpler = is_aside and square < _AS_GOOD * extended and alone > max(square / _FAR_BETTER[0], square + _SURE)
        if square < better * extended or is_simpler:
            first, known, new = problem.positions[0], problem.positions[1:n], problem.positions[n:]
            named, *others = sorted([first, *new], key=lambda x: 0.0 if expected is None else abs(x - expected))
            return problem.at([named, *known, *others])
    return None


def _one_more(problem, lacking):
    """(chi square, problem, FWHM of the first) with the point source in the first one's light, or where light is lacking, that
    explains most; None without any."""
    found, (first, fwhm) = [], (problem.positions[0], problem.seeming_fwhm)
    beside = [(first, x) for x in (*(first + side * fwhm for side in _FLANKS), lacking)]
    for pair in [*beside, tuple(first + side * fwhm for side in _PAIR)]:
        more = problem.with_pair(*pair)
        start = more.seeming.copy()
        start[1] = _SEEMING if pair[0] == first else _HALF
        p = _minimised(more, start)
        points = more.points(p)
        apart = abs(points.positions[-1] - points.positions[0])
        if apart > _NEAREST * points.fwhm_arcsec[0] and more.fitted(p)[1][0].min() > 0:
            found.append((np.sum(more.pulls(p) ** 2), more.at(points.positions), points.fwhm_arcsec[0]))
    return min(found, key=lambda f: f[0], default=None)


class _Light:
    """Least squares of the light along the slit; amplitudes of each order are solved for at each set of the other parameters:
    how far the points moved, their width and the power of their wings between their limits, the bend of their widths, each
    one's own width, and how far each moved more than the first; of extended light centre, log of FWHM beyond the narrowest,
    log index, log core. Light is not negative but for the constant."""

    def __init__(
        self, slit_arcsec, positions, fwhm_arcsec, light_error, reference_nm, light, variance, at_nm, sky_error
    ):
        self.slit, self.positions, self.seeming_fwhm = slit_arcsec, positions, fwhm_arcsec
        self.light, self.variance, self.light_error = light, variance, light_error
        self.error = np.sqrt(variance + (light_error * light) ** 2)
        self.at_nm, self.reference_nm, self.sky_error = at_nm, reference_nm, sky_error
        self.n_points = len(positions)
        self.n = 3 + 2 * self.n_points
        self.seeming = np.r_[0.0, _SEEMING, np.zeros(self.n - 2)]

    def with_pair(self, one, other):
        """The same with two point sources for the first."""
        return self.at([one, *self.positions[1:], other])

    def at(self, positions):
        """The same with point sources at other positions."""
        about = self.slit, np.asarray(positions), self.seeming_fwhm, self.light_error, self.reference_nm
        return _Light(*about, self.light, self.variance, self.at_nm, self.sky_error)

    def points(self, p):
        """The Points."""
        common = self.seeming_fwhm * _between(_WIDTHS, p[1])
        widths = [float(common * np.exp(own)) for own in self._own(p)[0]]
        positions = [float(x + p[0] + own) for x, own in zip(self.positions, self._own(p)[1], strict=True)]
        return Points(positions, widths, _between(MOFFAT_RANGE, p[2]), self.reference_nm, float(p[3]))

    def _own(self, p):
        """(logarithm of each point's width over the common one, how far each moved more than the first)."""
        widths = p[4 : 4 + self.n_points]
        return widths, np.r_[0.0, p[4 + self.n_points : self.n]]

    def extended(self, p):
        """(centre, scale, index, core)."""
        centre, wide, cusp, missed = p[self.n :]
        index, point = float(_INDEX * np.exp(cusp)), self.points(p).fwhm_arcsec[0]
        core, half = _CORE * point * float(np.exp(missed)), 0.5 * point * (_NARROWEST + np.exp(wide))
        across = np.hypot(half, core) ** (1.0 / index) - core ** (1.0 / index)
        return float(centre), float((across / np.log(2.0)) ** index), index, core

    def fitted(self, p):
        """(light, amplitudes [order, source]: of the points, of the extended light; the constants), of all orders."""
        points, form = self.points(p), self.extended(p) if p.size > self.n else None
        solved = [self._order(k, points, form) for k in range(len(self.light))]
        light, amplitudes = (np.stack(part) for part in zip(*solved, strict=True))
        return light, amplitudes[:, 1:], amplitudes[:, 0]

    def _order(self, k, points, form):
        """(light, amplitudes) of one order."""
        width = points.widening(self.at_nm[k])
        columns = [np.ones(self.slit.size)]
        for x, fwhm in zip(points.positions, points.fwhm_arcsec, strict=True):
            columns.append(moffat(self.slit - x, fwhm * width, points.power))
        if form:
            columns.append(shape(self.slit, *form[:-1], form[-1] * width))
        design = np.stack(columns, axis=1)
        a, y = design / self.error[k][:, None], self.light[k] / self.error[k]
        if self.sky_error is not None:
            a, y = np.vstack([a, np.eye(1, len(columns)) / self.sky_error[k]]), np.append(y, 0.0)
        used = np.ones(len(columns), bool)
        while True:
            amplitudes = np.zeros(len(columns))
            amplitudes[used] = np.linalg.lstsq(a[:, used], y, rcond=1e-10)[0]
            if not np.any(amplitudes[1:] < 0):
                return design @ amplitudes, amplitudes
            used[1 + np.argmin(amplitudes[1:])] = False

    def pulls(self, p):
        """What is minimised: residuals over errors, and how far the parameters are from what is expected of them."""
        light, _, constant = self.fitted(p)
        expected = [
            *((moved, _MOVED) for moved in (p[0], *self._own(p)[1][1:])),
            (p[1] - _SEEMING, 2.0),
            (np.log(self.points(p).power / MOFFAT_BETA), _POWER_SCATTER),
            (p[3], _BEND),
            *((own, _OWN_WIDTH) for own in self._own(p)[0]),
        ]
        if self.sky_error is not None:
            expected += list(zip(constant, self.sky_error, strict=True))
        if p.size > self.n:
            expected += list(zip(p[self.n :], _FORM_SCATTER, strict=True))
        return np.r_[((self.light - light) / self.error).ravel(), [value / width for value, width in expected]]


def _doubts(problem, p):
    """Relative error of the first point source's counts in each order that the forms leave, of the least squares at their
    minimum."""
    pulls, step = problem.pulls(p), 1e-4

    def counts(q):
        points = problem.points(q)
        width = points.fwhm_arcsec[0]  # its area grows with it; the orders' ratios are those of the bend
        width *= np.array([points.widening(at) for at in problem.at_nm])
        return np.log(np.maximum(problem.fitted(q)[1][:, 0], 1e-12) * width * _area(points.power))

    slopes = _slopes(problem, p, pulls, step)
    change = np.stack([(counts(p + step * e) - counts(p)) / step for e in np.eye(p.size)], axis=1)
    covariance = np.linalg.pinv(slopes.T @ slopes) * max(np.mean(pulls**2), 1.0)
    return np.sqrt(np.einsum("oi,ij,oj->o", change, covariance, change))


def _area(power):
    """Integral of a Moffat profile of peak and width 1."""
    x = np.linspace(-4.0, 4.0, 801)
    return float(np.trapezoid(moffat(x, 1.0, power), x))


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
