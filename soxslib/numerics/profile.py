"""How a source's light is spread along the slit."""

from dataclasses import dataclass, field, replace

import numpy as np

from soxslib import kernels
from soxslib.numerics.series import BSPLINE
from soxslib.numerics.splines import TAPS, bspline_weights, nodes_of

_at = kernels.function("profile_at", "dddxxdn")
_seeing = kernels.function("profile_seeing", "dxxdn")
_sums_beside = kernels.function("profile_beside", "dddnnddd")
_equations = kernels.function("profile_equations", "dddddxxnddddnn")

# from telescopes' wings, 2.5 (Trujillo et al. 2001, MNRAS 328, 977), less 0.5, as summed across the slit a Moffat function is
# one of a lower power, through turbulence alone, 4.765, to next to no wings, which blur by optics and guiding may leave
MOFFAT_BETA = 3.0
MOFFAT_RANGE = (2.0, 20.0)  # wings wider than these are a host's
WING_TRUST = 0.003  # of the tolerance, at which the far wings may differ from the start
SEEING_EXPONENT = -0.2  # width of the seeing disc with wavelength (Kolmogorov turbulence; Fried 1966)


def moffat(distance_arcsec, fwhm_arcsec, beta=MOFFAT_BETA):
    """Moffat profile of peak 1."""
    alpha = fwhm_arcsec / (2.0 * np.sqrt(2.0 ** (1.0 / beta) - 1.0))
    return (1.0 + (distance_arcsec / alpha) ** 2) ** -beta


@dataclass(frozen=True)
class SlitProfile:
    """Light per arcsec along the slit, integral 1, as cubic B-splines of the distance from the trace.

    Distances scale with (wavelength / reference_nm)^-0.2, and with an order's own stretch: what optics and focus add.
    coefficients: of the splines, from -half_width to half_width.
    """

    coefficients: np.ndarray
    step_arcsec: float
    half_width_arcsec: float
    reference_nm: float
    stretch: dict[int, float] = field(default_factory=dict)  # {order: about 1}

    def at(self, distance_arcsec, wavelength_nm, order=None):
        """Light per arcsec at a distance from the trace; 0 beyond the half width."""
        distance, scale = _contiguous(distance_arcsec, self.scale(wavelength_nm, order))
        out, cubic = np.empty(distance.shape), _cubic(self.coefficients)
        _at(distance, scale, cubic, self.step_arcsec, self.half_width_arcsec, out, out.size)
        return out

    def scale(self, wavelength_nm, order=None):
        """By how much the distances are larger than at the reference wavelength."""
        wavelength = np.asarray(wavelength_nm, float, order="C")
        out = np.empty(wavelength.shape)
        _seeing(wavelength, self.reference_nm, self.stretch.get(order, 1.0), out, out.size)
        return out

    def _taps(self, scaled):
        first, phase = nodes_of((scaled + self.half_width_arcsec) / self.step_arcsec)
        return first + 1, bspline_weights(phase)

    @property
    def fwhm_arcsec(self):
        """Full width at half maximum at the reference wavelength."""
        d = np.linspace(-self.half_width_arcsec, self.half_width_arcsec, 2001)
        p = self.at(d, self.reference_nm)
        above = d[p > 0.5 * p.max()]
        return float(above[-1] - above[0])


def _contiguous(*arrays):
    """The arrays as doubles of one shape."""
    return [np.asarray(a, float, order="C") for a in np.broadcast_arrays(*arrays)]


def _cubic(coefficients):
    """Polynomials of the splines' sum between the nodes: [node, power of the phase]."""
    return np.lib.stride_tricks.sliding_window_view(coefficients, TAPS) @ BSPLINE


def _n_coefficients(step, half_width):
    return int(np.floor(2 * half_width / step)) + TAPS + 1


def analytic_profile(fwhm_arcsec, *, step_arcsec, half_width_arcsec, reference_nm, beta=MOFFAT_BETA):
    """A SlitProfile of Moffat shape, integral 1."""
    empty = SlitProfile(
        np.zeros(_n_coefficients(step_arcsec, half_width_arcsec)), step_arcsec, half_width_arcsec, reference_nm
    )
    return _following(empty, lambda d: moffat(d, fwhm_arcsec, beta))


def _following(profile, shape):
    """The profile with the coefficients that follow a function of the distance at the reference wavelength, integral 1."""
    half = profile.half_width_arcsec * (1 - 1e-9)
    d = np.linspace(-half, half, 4 * profile.coefficients.size)
    first, weights = profile._taps(d)
    design = np.zeros((d.size, profile.coefficients.size))
    for q in range(TAPS):
        design[np.arange(d.size), first + q] += weights[q]
    return normalised(replace(profile, coefficients=np.linalg.lstsq(design, shape(d), rcond=None)[0]))


def normalised(profile):
    """The profile with integral 1 at its reference wavelength."""
    d = np.linspace(-profile.half_width_arcsec, profile.half_width_arcsec, 4001)
    total = np.trapezoid(profile.at(d, profile.reference_nm), d)
    return replace(profile, coefficients=profile.coefficients / total)


@dataclass(frozen=True)
class SlitLight:
    """What the pixels of an order show of one source, arrays [row, column] of one shape.

    distance_arcsec: from the trace; arcsec: a pixel's extent along the slit; counts: the source's electrons at the pixel's
    wavelength; left: data less the sky and other sources; weight: inverse variance, 0 for pixels not to be read. The model
    of `left` is counts * profile(distance) * arcsec.
    """

    distance_arcsec: np.ndarray
    wavelength_nm: np.ndarray
    arcsec: np.ndarray
    counts: np.ndarray
    left: np.ndarray
    weight: np.ndarray


def profile_equations(start, order, light):
    """(matrix, vector) of the least squares for the coefficients of a profile, from the SlitLight of an order.

    The sky of each column is free meanwhile: it was fitted beside a profile whose far wings were not known, and would keep
    them as they were.
    """
    n, shape = start.coefficients.size, np.shape(light.left)
    arrays = _contiguous(
        light.distance_arcsec,
        start.scale(light.wavelength_nm, order),
        light.counts * light.arcsec,
        light.left,
        light.weight,
    )
    bands, vector, shared, sums = np.zeros((TAPS, n)), np.zeros(n), np.zeros((shape[1], n)), np.zeros((2, shape[1]))
    _equations(*arrays, start.step_arcsec, start.half_width_arcsec, n, bands, vector, shared, sums, *shape)
    upper = sum(np.diag(band[: n - offset], offset) for offset, band in enumerate(bands))
    seen = sums[0] > 0
    of_level = shared[seen] / sums[0, seen, None]
    return upper + np.triu(upper, 1).T - shared[seen].T @ of_level, vector - of_level.T @ sums[1, seen]


def updated(start, matrix, vector, *, tolerance):
    """The profile that the equations and the start together make most probable.

    tolerance: how far the coefficients may be expected to differ from the start, as a fraction of its largest one: with
    little light the start stays, with much it is forgotten.
    """
    sigma = tolerance * start.coefficients.max()
    prior = np.full(start.coefficients.size, sigma**-2.0)
    # far from the core the start is trusted more: the wings hold little light, are degenerate with the sky, and the sum of
    # many knots that each are a little wrong is a scale of the spectrum
    wing = start.coefficients / start.coefficients.max()
    prior *= 1.0 / np.clip(wing * 4.0, WING_TRUST, 1.0) ** 2
    coefficients = np.linalg.solve(matrix + np.diag(prior), vector + prior * start.coefficients)
    return normalised(replace(start, coefficients=coefficients))


def stretched(profile, light, *, prior, own):
    """The profile with the stretch of each order that its SlitLight asks for; light: {order: SlitLight}.

    What widens with wavelength otherwise than the seeing does, optics and focus, goes with its logarithm: prior is the
    expected departure of a stretch from 1, own that of an order from the common line. A wrong width is a wrong scale of the
    spectrum by half of it. The counts of each column are free meanwhile, so that only the shape tells.
    """
    asked, information, place = [], [], []
    for order, of_order in light.items():
        change, told = _stretch_of(profile, order, of_order)
        asked.append(change)
        information.append(told)
        place.append(np.log(np.median(of_order.wavelength_nm) / profile.reference_nm))
    now = np.array([profile.stretch.get(order, 1.0) for order in light])
    design = np.column_stack([np.ones(now.size), place, np.eye(now.size)])  # level, slope, each order's own
    expected = np.r_[prior, prior, np.full(now.size, own)]
    weight = np.array(information)[:, None] * design
    target = now + np.array(asked) - 1.0
    found = design @ np.linalg.solve(design.T @ weight + np.diag(expected**-2.0), weight.T @ target)
    change = np.clip(1.0 + found - now, -0.2, 0.2)
    return replace(profile, stretch=profile.stretch | {o: float(v) for o, v in zip(light, now + change, strict=True)})


def _stretch_of(profile, order, light):
    """(change of an order's stretch that its SlitLight asks for, its inverse variance)."""
    at = lambda s: (
        replace(profile, stretch={order: s}).at(light.distance_arcsec, light.wavelength_nm, order) * light.arcsec
    )
    now, step = profile.stretch.get(order, 1.0), 0.03
    shape, slope = at(now), (at(now * (1 + step)) - at(now * (1 - step))) / (2 * step * now)
    slope, left = _beside(shape, slope, light)
    information = float((light.weight * slope**2).sum())
    return float((light.weight * slope * left).sum()) / max(information, 1e-300), information


def _beside(shape, slope, light):
    """(counts' change of shape with a parameter, light left), less what a column's free counts could explain of them."""
    arrays = shape, light.weight, light.counts
    left, slope, sums = np.array(light.left, float), np.array(slope, float), np.zeros((3, shape.shape[1]))
    _sums_beside(*_contiguous(*arrays), *shape.shape, slope, left, sums)
    return slope, left
