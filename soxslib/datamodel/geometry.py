"""Where light of a wavelength and slit position falls on the detector.

Coordinates are unbinned pixels of the trimmed, turned science area: `along` counts along the dispersion (axis 1),
`across` across it (axis 0); a pixel's centre is an integer. On a frame binned by b: binned = (unbinned + 0.5) / b - 0.5.
"""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.polynomial import chebyshev, legendre


def to_unit(value, limits):
    """The value on [-1, 1] of its range."""
    return (2.0 * np.asarray(value, float) - (limits[0] + limits[1])) / (limits[1] - limits[0])


@dataclass(frozen=True)
class OrderSolution:
    """One order: Chebyshev polynomials (wavelength x slit) of the position on the detector.

    along, across: coefficients [i, j] of T_i(wavelength) T_j(slit), in unbinned pixels.
    wavelength_nm, slit_arcsec: ranges that map on [-1, 1]; calibrated_nm: range of the lines that define the fit.
    """

    order: int
    wavelength_nm: tuple[float, float]
    slit_arcsec: tuple[float, float]
    along: np.ndarray
    across: np.ndarray
    calibrated_nm: tuple[float, float] | None = None
    wavelength_error_nm: float = 0.0  # one sigma of the mean of the fit, typical over the order

    def position(self, wavelength_nm, slit_arcsec):
        """(along, across) in unbinned pixels; inputs broadcast."""
        u = to_unit(wavelength_nm, self.wavelength_nm)
        v = to_unit(slit_arcsec, self.slit_arcsec)
        if np.ndim(v) == 0:  # a series in the wavelength alone
            along, across = (c @ chebyshev.chebvander(v, c.shape[1] - 1)[0] for c in (self.along, self.across))
            return chebyshev.chebval(u, along), chebyshev.chebval(u, across)
        u, v = np.broadcast_arrays(u, v)
        degrees = np.maximum(self.along.shape, self.across.shape) - 1
        i, j = (chebyshev.chebvander(x.ravel(), n).T for x, n in zip((u, v), degrees, strict=True))
        value = lambda c: np.einsum("jn,jn->n", c.T @ i[: c.shape[0]], j[: c.shape[1]]).reshape(u.shape)
        return value(self.along), value(self.across)

    def shifted(self, along_px=0.0, across_px=0.0):
        """The same order moved on the detector."""
        along, across = self.along.copy(), self.across.copy()
        along[0, 0] += along_px
        across[0, 0] += across_px
        return OrderSolution(
            self.order,
            self.wavelength_nm,
            self.slit_arcsec,
            along,
            across,
            self.calibrated_nm,
            self.wavelength_error_nm,
        )


@dataclass(frozen=True)
class DispersionSolution:
    """The solutions of an arm's orders, by order number."""

    arm: str
    orders: dict[int, OrderSolution]
    across_px: int = 0  # by which all orders have been moved since the arc, whole pixels

    def __getitem__(self, order):
        return self.orders[order]

    def __iter__(self):
        return iter(sorted(self.orders))


@dataclass(frozen=True)
class OrderTrace:
    """Centre of the orders across the dispersion, as Legendre polynomials of the position along it.

    along_px: range mapped on [-1, 1]; centre: {order: coefficients} in unbinned pixels;
    limits: {order: (first, last) position along the dispersion where the order was seen}.
    """

    arm: str
    along_px: tuple[float, float]
    centre: dict[int, np.ndarray]
    limits: dict[int, tuple[float, float]]

    def at(self, order, along_px):
        """Position across the dispersion, unbinned pixels."""
        return legendre.legval(to_unit(along_px, self.along_px), self.centre[order])


@dataclass(frozen=True)
class OrderEdges:
    """Lower and upper edge of the slit's image in each order, Legendre polynomials like those of an OrderTrace."""

    arm: str
    along_px: tuple[float, float]
    lower: dict[int, np.ndarray]
    upper: dict[int, np.ndarray]
    limits: dict[int, tuple[float, float]] = field(default_factory=dict)

    def at(self, order, along_px):
        """(lower, upper) edge across the dispersion, unbinned pixels."""
        u = to_unit(along_px, self.along_px)
        return legendre.legval(u, self.lower[order]), legendre.legval(u, self.upper[order])

    def moved(self, across_px):
        """The edges moved across the dispersion by {order: unbinned px}."""
        constant = lambda c, o: np.r_[c[0] + across_px.get(o, 0.0), c[1:]]
        moved = lambda edge: {o: constant(c, o) for o, c in edge.items()}
        return replace(self, lower=moved(self.lower), upper=moved(self.upper))
