"""How far each order has moved since the arc, from everything that tells something about it.

Unknowns: of every order its shift at the middle of the wavelength range and its slope [unbinned px along the
dispersion, frame minus arc, + to larger pixel; slope: additional at unit wavelength +1]. Sky lines, ties between
neighbouring orders, spectral features of the object and what is known about the instrument's flexure are all linear
in them, so that all are combined in one weighted least-squares solve, whose covariance is the remaining uncertainty.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.polynomial import chebyshev

FREEDOM = 3.0  # degrees of freedom of Student's t for a single order's deviation: a rare order may be far off
ROUNDS = 8
REDSHIFT_UNIT = 1e-4
REDSHIFT_WIDTH = 30.0  # units: the redshift is as good as unknown
_TELLING_PX = 0.05  # error of the mean of an order's sky lines, from which it tells nothing of the shift


@dataclass(frozen=True)
class Evidence:
    """One linear statement: sum over orders of (a x shift + b x slope) = value +- error, pixels.

    centring: coefficient of the object's unknown distance from the middle of the slit's width (in px), common to all
    statements that rest on the object's own light; 0 for light that fills the slit. redshift: px per REDSHIFT_UNIT of
    the object's unknown redshift.
    """

    method: str
    terms: dict  # order: (a, b)
    value: float
    error: float
    centring: float = 0.0
    redshift: float = 0.0


@dataclass(frozen=True)
class OrderShift:
    """Shift of an order with its error (rms over the order, slope included), and where it comes from."""

    pixels: float
    error: float
    slope: float
    slope_error: float
    method: str
    n_lines: int = 0
    zero_point: float = np.nan  # mean of the sky lines less this shift, where they tell it, and their scatter about it
    scatter: float = np.nan

    def applied_to(self, solution):
        """The order's solution [OrderSolution] as it was during the exposure."""
        along = solution.along.copy()
        along[0, 0] += self.pixels
        along[1, 0] += self.slope
        return replace(solution, along=along)


def evidence_of_shift(order, shift, method, centring=0.0):
    """Statements of an order's measured shift, one a line: of the sky, or (with a centring) features of the object."""
    lines = shift.lines
    return [
        Evidence(method, {order: (1.0, float(t))}, float(x), float(e), centring)
        for t, x, e in zip(lines.unit, lines.offset, lines.error, strict=True)
    ]


def evidence_of_tie(red, blue, difference_nm, error_nm, *, wavelength_nm, solutions, method="tie", centring=True):
    """Statement of two orders that show the same spectrum: its wavelength in `blue` minus that in `red`, by the arc.

    A feature that moved by x pixels is given the wavelength of its place, x * dispersion too large.
    """
    terms, slit = {}, 0.0
    scale = abs(_dispersion(solutions[blue], wavelength_nm))
    for order, sign in ((blue, 1.0), (red, -1.0)):
        solution = solutions[order]
        dispersion = sign * _dispersion(solution, wavelength_nm) / scale
        low, high = solution.wavelength_nm
        terms[order] = (dispersion, dispersion * (2 * wavelength_nm - low - high) / (high - low))
        slit += dispersion
    return Evidence(method, terms, difference_nm / scale, error_nm / scale, slit if centring else 0.0)


def _dispersion(solution, wavelength_nm, step=0.05):
    """nm per unbinned pixel, signed, at the middle of the slit."""
    ends, _ = solution.position(np.array([wavelength_nm - step, wavelength_nm + step]), np.zeros(2))
    return 2 * step / (ends[1] - ends[0])


def evidence_of_rotator(model, *, angle_deg, arc_angle_deg, hours):
    """What the instrument's known flexure lets expect, as statements; [] for an arm without relations.

    angle_deg: derotator during the exposure, None unknown; arc_angle_deg: during the arc, None: parked at 0;
    hours: time between them. The nearer both, the more of the unmodelled flexure is common to both and cancels.
    """
    repeat = model["repeat"]
    start = np.deg2rad(arc_angle_deg or 0.0)
    end = start if angle_deg is None else np.deg2rad(angle_deg)
    apart = np.rad2deg(abs(np.angle(np.exp(1j * (end - start)))))
    common = np.exp(-0.5 * (apart / repeat["angle_deg"]) ** 2 - abs(hours) / repeat["hours"])
    statements = []
    for relation in model["relations"]:
        value = relation["cos"] * (np.cos(end) - np.cos(start)) + relation["sin"] * (np.sin(end) - np.sin(start))
        error = np.sqrt(repeat["floor_px"] ** 2 * common + relation["error_px"] ** 2 * (1 - common))
        if angle_deg is None:
            error = np.sqrt(relation["error_px"] ** 2 + relation["cos"] ** 2 + relation["sin"] ** 2)
        terms = {order: (coefficient, 0.0) for order, coefficient in relation["orders"].items()}
        statements.append(Evidence("rotator", terms, float(value), float(error)))
    return statements


def arm_shifts(orders, sky, model, *, evidence=(), centring_px=0.0, doubt_sigma):
    """{order: OrderShift} of all orders of an arm.

    orders: their numbers; sky: {order: Shift} measured on the sky lines; model: the arm's part of flexure.yaml;
    evidence: further statements (rotator, ties, features). centring_px: prior scatter of the object in the slit. What
    disagrees by more than `doubt_sigma` with what all else tells is left out: an order's one or two sky lines (a cosmic
    ray, a wrong line), a statement that rests on the object (a join of orders taken for a feature).
    """
    orders, evidence = sorted(orders), list(evidence)
    sky = {o: s for o, s in sky.items() if o in orders and s.is_measured}
    for order in [o for o, s in sky.items() if s.n_lines < 3]:
        others = {o: s for o, s in sky.items() if o != order}
        expected = _solve(orders, others, model, evidence, centring_px)[order]
        shift = sky[order]
        if abs(shift.pixels - expected.pixels) > doubt_sigma * np.hypot(shift.error, expected.error):
            sky = others
    evidence = _without_contradictions(orders, sky, model, evidence, centring_px, doubt_sigma)
    return _solve(orders, sky, model, evidence, centring_px)


def _without_contradictions(orders, sky, model, evidence, centring_px, doubt_sigma):
    """The evidence less the statements on the object, worst first, that all else contradicts."""
    from_sky = _sky_statements(sky)
    while True:
        doubts = [0.0]
        for statement in evidence:
            doubt = 0.0
            if statement.centring:
                others = [s for s in evidence if s is not statement]
                state, spread = _posterior(orders, from_sky + others, model, centring_px)
                row = _rows(orders, [statement])[0][0]
                expected = row @ spread @ row
                doubt = abs(statement.value - row @ state) / np.sqrt(statement.error**2 + expected)
            doubts.append(doubt)
        worst = int(np.argmax(doubts))
        if doubts[worst] < doubt_sigma:
            return evidence
        evidence = [s for i, s in enumerate(evidence) if i != worst - 1]


def _sky_statements(sky):
    return [s for o, shift in sky.items() for s in evidence_of_shift(o, shift, "sky")]


def _solve(orders, sky, model, evidence, centring_px):
    statements = _sky_statements(sky) + list(evidence)
    state, spread = _posterior(orders, statements, model, centring_px)
    n = len(orders)
    return {o: _order_shift(i, n, state, spread, sky.get(o), _method(o, statements)) for i, o in enumerate(orders)}


def _posterior(orders, statements, model, centring_px):
    """(mean, covariance) of shifts, slopes, centring and redshift: Student's t for the orders' own shifts (by EM)."""
    design, value, weight = _rows(orders, statements)
    basis, width = _basis(orders, model)
    width[-2:] = max(centring_px, 1e-6), REDSHIFT_WIDTH
    n_common = basis.shape[1] - 2 * len(orders) - 2
    own = slice(n_common, n_common + len(orders))
    columns = design @ basis
    normal = (columns.T * weight) @ columns
    right = columns.T @ (weight * value)
    tail = np.ones(len(orders))
    for _ in range(ROUNDS):
        prior = width**-2.0
        prior[own] *= tail
        covariance = np.linalg.inv(normal + np.diag(prior))
        mean = covariance @ right
        square = mean[own] ** 2 + np.diag(covariance)[own]
        tail = (FREEDOM + 1) / (FREEDOM + square / width[own] ** 2)
    return basis @ mean, basis @ covariance @ basis.T


def _rows(orders, statements):
    """(design, values, weights) of the statements over shifts, slopes, the centring and the redshift."""
    n = len(orders)
    index = {o: i for i, o in enumerate(orders)}
    design = np.zeros((len(statements), 2 * n + 2))
    for row, statement in zip(design, statements, strict=True):
        for order, (a, b) in statement.terms.items():
            if order in index:
                row[index[order]], row[n + index[order]] = a, b
        row[-2:] = statement.centring, statement.redshift
    value = np.array([s.value for s in statements])
    return design, value, np.array([s.error for s in statements]) ** -2.0


def _basis(orders, model):
    """(matrix, prior widths): shifts and slopes as smooth functions of the order number plus each order's own part."""
    n = len(orders)
    place = np.linspace(-1, 1, n) if n > 1 else np.zeros(1)
    shift, slope = model["common_px"], model["common_slope_px"]
    basis = np.zeros((2 * n + 2, len(shift) + len(slope) + 2 * n + 2))
    for k in range(len(shift)):
        basis[:n, k] = chebyshev.chebval(place, np.eye(len(shift))[k])
    for k in range(len(slope)):
        basis[n : 2 * n, len(shift) + k] = chebyshev.chebval(place, np.eye(len(slope))[k])
    basis[:, len(shift) + len(slope) :] = np.eye(2 * n + 2)
    own = [model["loose_orders"].get(o, model["order_px"]) for o in orders]
    own_slope = [max(model["slope_px"], 0.3 * model["loose_orders"].get(o, 0.0)) for o in orders]
    return basis, np.array([*shift, *slope, *own, *own_slope, 1.0, 1.0])


def _order_shift(i, n, state, spread, measured, method):
    error = np.sqrt(spread[i, i] + spread[n + i, n + i] / 3)  # mean of unit^2 over the order is 1/3
    n_lines = measured.n_lines if measured is not None else 0
    slope_error = np.sqrt(spread[n + i, n + i])
    left = _left_of_lines(measured.lines, state[i], state[n + i]) if n_lines else ()
    return OrderShift(float(state[i]), float(error), float(state[n + i]), float(slope_error), method, n_lines, *left)


def _left_of_lines(lines, pixels, slope):
    """(weighted mean, weighted scatter about it) of sky lines after the shift; no mean that is known too badly to tell anything,
    no scatter of a single line."""
    weight = lines.error**-2.0
    left = lines.offset - pixels - slope * lines.unit
    mean = np.average(left, weights=weight)
    scatter = np.sqrt(np.average((left - mean) ** 2, weights=weight)) if left.size > 1 else np.nan
    error = np.fmax(weight.sum() ** -0.5, scatter / np.sqrt(max(left.size - 1, 1)))
    return float(mean) if error < _TELLING_PX else np.nan, float(scatter)


def _method(order, statements):
    """Names of what was said about the order, the most telling first."""
    said = {}
    for s in statements:
        if order in s.terms and s.terms[order][0]:
            said[s.method] = said.get(s.method, 0.0) + (s.terms[order][0] / s.error) ** 2
    return "+".join(sorted(said, key=said.get, reverse=True)) or "model"
