"""How a source's light is spread along the slit."""

from dataclasses import dataclass, field, replace

import numpy as np

from soxslib.numerics.splines import TAPS, bspline_weights, evaluate, nodes_of

MOFFAT_BETA = 4.765  # long exposures through Kolmogorov turbulence (Trujillo et al. 2001, MNRAS 328, 977)
WING_TRUST = 0.01  # of the tolerance, at which the far wings may differ from the start
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
        scale = (wavelength_nm / self.reference_nm) ** SEEING_EXPONENT * self.stretch.get(order, 1.0)
        scaled = distance_arcsec / scale
        inside = np.abs(scaled) < self.half_width_arcsec
        out = np.zeros(np.shape(scaled))
        out[inside] = (
            evaluate(self.coefficients, *self._taps(scaled[inside])) / np.broadcast_to(scale, out.shape)[inside]
        )
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


def _n_coefficients(step, half_width):
    return int(np.floor(2 * half_width / step)) + TAPS + 1


def analytic_profile(fwhm_arcsec, *, step_arcsec, half_width_arcsec, reference_nm, beta=MOFFAT_BETA):
    """A SlitProfile of Moffat shape, integral 1."""
    d = np.linspace(-half_width_arcsec, half_width_arcsec, 4 * _n_coefficients(step_arcsec, half_width_arcsec))
    empty = SlitProfile(
        np.zeros(_n_coefficients(step_arcsec, half_width_arcsec)), step_arcsec, half_width_arcsec, reference_nm
    )
    first, weights = empty._taps(d * (1 - 1e-9))
    design = np.zeros((d.size, empty.coefficients.size))
    for q in range(TAPS):
        design[np.arange(d.size), first + q] += weights[q]
    coefficients = np.linalg.lstsq(design, moffat(d, fwhm_arcsec, beta), rcond=None)[0]
    return normalised(SlitProfile(coefficients, step_arcsec, half_width_arcsec, reference_nm))


def normalised(profile):
    """The profile with integral 1 at its reference wavelength."""
    d = np.linspace(-profile.half_width_arcsec, profile.half_width_arcsec, 4001)
    total = np.trapezoid(profile.at(d, profile.reference_nm), d)
    return replace(profile, coefficients=profile.coefficients / total)


def profile_equations(start, order, distance, wavelength_nm, arcsec, counts, residual, weight):
    """(matrix, vector) of the least squares for the coefficients of a profile.

    residual: data less sky; counts: the source's electrons at each pixel's wavelength; arcsec: pixel extent along the slit:
    model = counts * profile(distance) * arcsec. Pixels of weight 0 are not read.
    """
    n = start.coefficients.size
    scale = (wavelength_nm / start.reference_nm) ** SEEING_EXPONENT * start.stretch.get(order, 1.0)
    use = (weight > 0) & (np.abs(distance / scale) < start.half_width_arcsec)
    first, weights = start._taps((distance / scale)[use])
    factor = (counts * arcsec / scale)[use]
    w, y = weight[use], residual[use]
    matrix, vector = np.zeros((n, n)), np.zeros(n)
    for q in range(TAPS):
        a = factor * weights[q]
        vector += np.bincount(first + q, w * a * y, n)[:n]
        for r in range(q, TAPS):
            diagonal = np.bincount(first + q, w * a * factor * weights[r], n)[: n - (r - q)]
            matrix[np.arange(n - (r - q)), np.arange(r - q, n)] += diagonal
    return np.triu(matrix) + np.triu(matrix, 1).T, vector


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


def stretched(profile, order, distance, wavelength_nm, arcsec, counts, residual, weight, *, prior):
    """The profile with the stretch of an order that its light asks for; arguments like those of profile_equations.

    prior: expected departure of a stretch from 1. A wrong width is a wrong scale of the spectrum by half of it. The counts
    of each column are free meanwhile, so that only the shape tells.
    """
    at = lambda s: replace(profile, stretch={order: s}).at(distance, wavelength_nm, order) * arcsec
    now, step = profile.stretch.get(order, 1.0), 0.03
    shape, slope = at(now), (at(now * (1 + step)) - at(now * (1 - step))) / (2 * step)
    total = np.maximum((weight * shape**2).sum(0), 1e-300)
    slope = counts * (slope - shape * (weight * shape * slope).sum(0) / total)
    left = residual - shape * (weight * shape * np.where(weight > 0, residual, 0.0)).sum(0) / total
    left = np.where(weight > 0, left, 0.0)
    change = (weight * slope * left).sum() / ((weight * slope**2).sum() + prior**-2.0)
    return replace(profile, stretch=profile.stretch | {order: now * (1.0 + float(np.clip(change, -0.2, 0.2)))})
