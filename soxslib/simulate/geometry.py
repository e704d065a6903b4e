"""Where light falls: the published optical format, a night's drift, and the flexure of one exposure.

Positions are those of the datamodel: `along` and `across`, unbinned pixels of the trimmed, turned science area.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.polynomial import chebyshev

from soxslib.datamodel import DispersionSolution, OrderSolution
from soxslib.instruments import load_instrument
from soxslib.io.tables import read_ecsv

DEGREES = (6, 3)  # wavelength, slit: of the true solutions
SLIT_RANGE = (-7.0, 7.0)  # arcsec, beyond the slit's ends so that blurred edges are covered


read_table = cache(read_ecsv)  # of published numbers: read once, never changed


@cache
def nominal_solution(instrument, arm):
    """The DispersionSolution of an arm as published in its multi-pinhole table.

    The orders of an echelle are fitted together in (order, order * wavelength, slit), for which the optics are smooth;
    orders that are gratings of their own one by one. Outliers of the table are left out.
    """
    kit = load_instrument(instrument)
    data = kit.arm(arm)
    table = read_table(kit.table_path(arm, "pinholes"))
    turned = data["detector"]["dispersion_axis"] == "y"
    along, across = (table["y_px"], table["x_px"]) if turned else (table["x_px"], table["y_px"])
    fit = _fit_echelle if kit.yaml("simulate.yaml")["arms"][arm]["is_echelle"] else _fit_each
    predict = fit(table["order"], table["wavelength_nm"], table["slit_arcsec"], along, across)
    orders = {}
    for order, facts in data["orders"].items():
        low, high = facts["wavelength_nm"]
        margin = 0.02 * (high - low)
        orders[order] = solution_through(lambda w, s, o=order: predict(o, w, s), order, (low - margin, high + margin))
    return DispersionSolution(arm, orders)


def solution_through(position, order, wavelength_nm, slit_arcsec=SLIT_RANGE, degrees=DEGREES):
    """The OrderSolution that follows position(wavelength, slit) -> (along, across), a smooth function."""
    u, v = (np.cos(np.pi * (np.arange(n) + 0.5) / n) for n in (3 * degrees[0], 3 * degrees[1]))
    u, v = (a.ravel() for a in np.meshgrid(u, v))
    scaled = [0.5 * (a + 1) * (lim[1] - lim[0]) + lim[0] for a, lim in ((u, wavelength_nm), (v, slit_arcsec))]
    design = chebyshev.chebvander2d(u, v, degrees)
    shape = (degrees[0] + 1, degrees[1] + 1)
    along, across = (np.linalg.lstsq(design, p, rcond=None)[0].reshape(shape) for p in position(*scaled))
    return OrderSolution(order, tuple(wavelength_nm), tuple(slit_arcsec), along, across, tuple(wavelength_nm))


def _robust_fit(design, values, rounds=6):
    """Least-squares coefficients, with points beyond four times the scatter left out."""
    good = np.ones(len(values), bool)
    for _ in range(rounds):
        coefficients = np.linalg.lstsq(design[good], values[good], rcond=None)[0]
        residual = values - design @ coefficients
        good = np.abs(residual) < 4 * 1.48 * np.median(np.abs(residual[good])) + 1e-6
    return coefficients


def _fit_each(orders, wavelength, slit, along, across):
    """position(order, wavelength, slit) fitted order by order."""
    fits = {}
    for order in np.unique(orders):
        k = orders == order
        middle, half = 0.5 * (wavelength[k].max() + wavelength[k].min()), 0.5 * np.ptp(wavelength[k])
        design = chebyshev.chebvander2d((wavelength[k] - middle) / half, slit[k] / 6, (4, 1))
        fits[order] = middle, half, [_robust_fit(design, p[k]) for p in (along, across)]

    def position(order, w, s):
        middle, half, both = fits[order]
        design = chebyshev.chebvander2d((w - middle) / half, s / 6, (4, 1))
        return [design @ c for c in both]

    return position


def _fit_echelle(orders, wavelength, slit, along, across):
    """position(order, wavelength, slit) fitted to all orders together."""
    product = orders * wavelength
    m0, m1 = orders.min(), orders.max()
    t0, t1 = product.min(), product.max()

    def design_of(order, w, s):
        m, t = (2 * order - m0 - m1) / (m1 - m0), (2 * order * w - t0 - t1) / (t1 - t0)
        m, t, s = np.broadcast_arrays(m, t, s / 6)
        return chebyshev.chebvander3d(m, t, s, (4, 4, 1))

    design = design_of(orders, wavelength, slit)
    both = [_robust_fit(design, p) for p in (along, across)]
    return lambda order, w, s: [design_of(order, w, s) @ c for c in both]


@dataclass(frozen=True)
class Drift:
    """How an arm's image has moved since its format was published."""

    shift_px: tuple[float, float]  # along, across
    scale: float
    rotation_rad: float
    distortion_px: np.ndarray  # [2, 3]: of (u^2, u v, v^2), u and v on [-1, 1] over the detector

    def __call__(self, along, across, size):
        half = 0.5 * np.asarray(size, float)
        a, c = along - half[0], across - half[1]
        u, v = a / half[0], c / half[1]
        bend = self.distortion_px @ np.stack([u * u, u * v, v * v]).reshape(3, -1)
        bend = bend.reshape(2, *np.shape(u))
        cos, sin = (1 + self.scale) * np.cos(self.rotation_rad), (1 + self.scale) * np.sin(self.rotation_rad)
        return (
            half[0] + cos * a - sin * c + self.shift_px[0] + bend[0],
            half[1] + sin * a + cos * c + self.shift_px[1] + bend[1],
        )


def draw_drift(rng, facts):
    """A night's Drift, of the sizes in simulate.yaml."""
    return Drift(
        tuple(rng.normal(0, facts["shift_px"], 2)),
        rng.normal(0, facts["scale"]),
        rng.normal(0, facts["rotation_rad"]),
        rng.normal(0, facts["distortion_px"], (2, 3)),
    )


def moved(solution, drift, size):
    """The solution after a drift; size = (along, across) pixels of the detector."""

    def of(old):
        return lambda w, s: drift(*old.position(w, s), size)

    return DispersionSolution(
        solution.arm,
        {n: solution_through(of(o), n, o.wavelength_nm, o.slit_arcsec) for n, o in solution.orders.items()},
    )


def flexed(solution, shifts):
    """The solution with each order moved: shifts = {order: (along, across, stretch)}.

    along, across: pixels at the middle of the order; stretch: how much more along at its red end, pixels.
    """
    orders = {}
    for n, order in solution.orders.items():
        along_px, across_px, stretch = shifts.get(n, (0.0, 0.0, 0.0))
        out = order.shifted(along_px, across_px)
        out.along[1, 0] += stretch
        orders[n] = out
    return DispersionSolution(solution.arm, orders)


def flexure_of(rotator_deg, facts, orders):
    """{order: (along, across, stretch)} of a derotator angle; nothing by day, where the rotator is parked.

    along = amplitude * (sin(angle + phase) - sin(phase)) + night, each of simulate.yaml.
    """
    out = {}
    for n in orders:
        if rotator_deg is None:
            out[n] = (0.0, 0.0, 0.0)
            continue
        f = {**facts["all"], **facts.get("orders", {}).get(n, {})}
        swing = np.sin(np.radians(rotator_deg + f["phase_deg"])) - np.sin(np.radians(f["phase_deg"]))
        along = f["along_px"] * swing + f["night_along_px"]
        out[n] = (along, f["across_px"] * swing + f["night_across_px"], f["stretch"] * along)
    return out
