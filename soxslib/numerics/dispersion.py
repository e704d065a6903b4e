"""From pixels to wavelength and slit position and back: the inverse of a solution, its derivatives and its map.

All positions are unbinned pixels of the turned frame, float64.
"""

from dataclasses import dataclass

import numpy as np
from numpy.polynomial import chebyshev

from soxslib.datamodel.geometry import to_unit

TOLERANCE_PX = 1e-10  # of the inverse; float64 leaves about 1e-12 px
COLUMN_STEP_PX = 8  # between columns that are inverted exactly for a map
STEPS = 12  # Newton's method doubles the digits in each; 4 are usual


@dataclass(frozen=True)
class Jacobian:
    """Derivatives of the position by wavelength [px/nm] and by slit position [px/arcsec], all of one shape."""

    along_by_wavelength: np.ndarray
    across_by_wavelength: np.ndarray
    along_by_slit: np.ndarray
    across_by_slit: np.ndarray

    @property
    def determinant(self):
        return self.along_by_wavelength * self.across_by_slit - self.across_by_wavelength * self.along_by_slit

    @property
    def wavelength_by_along(self):
        """nm per unbinned pixel along the dispersion, at constant position across it (signed)."""
        return self.across_by_slit / self.determinant

    @property
    def wavelength_by_across(self):
        """nm per unbinned pixel across the dispersion: what tilts the lines."""
        return -self.along_by_slit / self.determinant

    @property
    def slit_by_across(self):
        """arcsec per unbinned pixel across the dispersion, at constant position along it (signed)."""
        return self.along_by_wavelength / self.determinant

    @property
    def slit_by_along(self):
        """arcsec per unbinned pixel along the dispersion."""
        return -self.across_by_wavelength / self.determinant


def _scales(order_solution):
    """d(unit)/d(wavelength) and d(unit)/d(slit)."""
    w, s = order_solution.wavelength_nm, order_solution.slit_arcsec
    return 2.0 / (w[1] - w[0]), 2.0 / (s[1] - s[0])


def _position_and_jacobian(order_solution, wavelength_nm, slit_arcsec):
    """Positions and Jacobian at 1-d arrays of one length."""
    du, dv = _scales(order_solution)
    u = to_unit(wavelength_nm, order_solution.wavelength_nm)
    v = to_unit(slit_arcsec, order_solution.slit_arcsec)
    out = []
    t = chebyshev.chebvander(v, max(order_solution.along.shape[1], order_solution.across.shape[1]) - 1)
    for c in (order_solution.along, order_solution.across):
        du_c = chebyshev.chebder(c, axis=0)
        dv_c = chebyshev.chebder(c, axis=1) if c.shape[1] > 1 else np.zeros((len(c), 1))
        value, by_u, by_v = (_evaluate(k, u, t) for k in (c, du_c, dv_c))
        out += [value, by_u * du, by_v * dv]
    along, along_w, along_s, across, across_w, across_s = out
    return along, across, Jacobian(along_w, across_w, along_s, across_s)


def _evaluate(coefficients, u, slit_vander):
    """Sum over i, j of c_ij T_i(u) T_j: for each slit polynomial one Clenshaw sum over the wavelength."""
    sums = chebyshev.chebval(u, coefficients, tensor=True)  # [j, sample]
    return np.einsum("jn,nj->n", sums, slit_vander[:, : coefficients.shape[1]])


def jacobian(order_solution, wavelength_nm, slit_arcsec):
    """The Jacobian of the position on the detector; inputs broadcast."""
    w, s = np.broadcast_arrays(np.asarray(wavelength_nm, float), np.asarray(slit_arcsec, float))
    _, _, j = _position_and_jacobian(order_solution, w.ravel(), s.ravel())
    shape = lambda a: a.reshape(w.shape)
    return Jacobian(*map(shape, (j.along_by_wavelength, j.across_by_wavelength, j.along_by_slit, j.across_by_slit)))


def pixel_width_nm(order_solution, wavelength_nm, slit_arcsec):
    """Width of an unbinned pixel along the dispersion [nm], positive."""
    return np.abs(jacobian(order_solution, wavelength_nm, slit_arcsec).wavelength_by_along)


def invert(order_solution, along, across):
    """(wavelength_nm, slit_arcsec) that fall on positions of unbinned pixels; inputs broadcast.

    Newton's method from the nearest node of a coarse grid. NaN where it does not converge: far outside the order, where
    the polynomials mean nothing.
    """
    along, across = np.broadcast_arrays(np.asarray(along, float), np.asarray(across, float))
    shape, x, y = along.shape, along.ravel(), across.ravel()
    wavelength, slit = _first_guess(order_solution, x, y)
    limits_w, limits_s = _widened(order_solution.wavelength_nm), _widened(order_solution.slit_arcsec)
    todo = np.arange(x.size)
    for _ in range(STEPS):
        a, b, j = _position_and_jacobian(order_solution, wavelength[todo], slit[todo])
        da, db = x[todo] - a, y[todo] - b
        wavelength[todo] = np.clip(
            wavelength[todo] + j.wavelength_by_along * da + j.wavelength_by_across * db, *limits_w
        )
        slit[todo] = np.clip(slit[todo] + j.slit_by_across * db + j.slit_by_along * da, *limits_s)
        todo = todo[
            ~((np.abs(da) < TOLERANCE_PX**0.5) & (np.abs(db) < TOLERANCE_PX**0.5))
        ]  # the step squares the error
        if todo.size == 0:
            break
    wavelength[todo] = slit[todo] = np.nan
    outside = (np.isin(wavelength, limits_w)) | np.isin(slit, limits_s)
    wavelength[outside] = slit[outside] = np.nan
    return wavelength.reshape(shape), slit.reshape(shape)


def _widened(limits):
    """The range with a fifth of it added at both ends: beyond, a polynomial is not to be believed."""
    margin = 0.2 * (limits[1] - limits[0])
    return limits[0] - margin, limits[1] + margin


def _first_guess(order_solution, x, y):
    """Wavelength and slit position from the order's centre line and the slit's image there, to a few pixels."""
    node = np.linspace(*_widened(order_solution.wavelength_nm), 257)
    centre = np.full(node.size, np.mean(order_solution.slit_arcsec))
    along, across, j = _position_and_jacobian(order_solution, node, centre)
    k = _monotonic(along)
    node, along, across = node[k], along[k], across[k]
    order = np.argsort(along)
    slope = (j.across_by_slit[k], j.along_by_slit[k])
    pick = lambda values, at: np.interp(at, along[order], values[order])
    slit = (y - pick(across, x)) / pick(slope[0], x)
    shifted = x - pick(slope[1], x) * slit
    return pick(node, shifted), centre[0] + (y - pick(across, shifted)) / pick(slope[0], shifted)


def _monotonic(along):
    """Indices of the stretch around the middle where the position moves one way: outside, the polynomial has turned."""
    sign = np.sign(np.diff(along))
    middle = sign.size // 2
    turned = np.flatnonzero(sign != sign[middle])
    low = turned[turned < middle].max() + 1 if (turned < middle).any() else 0
    high = turned[turned > middle].min() if (turned > middle).any() else sign.size
    return np.arange(low, high + 1)


def wavelength_map(solution, shape, binning, *, slit_limit_arcsec, wavelength_limits_nm, nodes=7):
    """(wavelength [nm] float32, slit [arcsec] float32, order int16) at the pixel centres of a frame as binned.

    NaN, NaN, 0 outside the orders. wavelength_limits_nm: {order: (first, last)}. Each column of pixels is inverted
    exactly at a few nodes across the slit and interpolated between them by the polynomial through all nodes; the
    slit's image is so short that this is exact to far below float32.
    """
    wavelength = np.full(shape, np.nan, np.float32)
    slit = np.full(shape, np.nan, np.float32)
    order_image = np.zeros(shape, np.int16)
    along = (np.arange(shape[1]) + 0.5) * binning[1] - 0.5
    for order in solution:
        rows, columns, w, s = _map_of_order(solution[order], along, shape[0], binning[0], nodes, slit_limit_arcsec)
        with np.errstate(invalid="ignore"):
            inside = (np.abs(s) <= slit_limit_arcsec) & (w >= wavelength_limits_nm[order][0])
            inside &= w <= wavelength_limits_nm[order][1]
        rows, columns, w, s = rows[inside], columns[inside], w[inside], s[inside]
        with np.errstate(invalid="ignore"):
            mine = ~(np.abs(slit[rows, columns]) <= np.abs(s))  # where margins of neighbours touch: the nearer centre
        rows, columns = rows[mine], columns[mine]
        wavelength[rows, columns], slit[rows, columns], order_image[rows, columns] = w[mine], s[mine], order
    return wavelength, slit, order_image


def _map_of_order(order_solution, along, n_across, binning, nodes, limit):
    """Rows, columns, wavelengths and slit positions of all pixels that may belong to an order."""
    reach = 1.05 * limit * np.array([-1.0, 1.0])
    edge = [_across_at(order_solution, along, s) for s in reach]
    low, high = np.minimum(*edge), np.maximum(*edge)
    seen = np.isfinite(low) & np.isfinite(high)
    x, low, high = along[seen], low[seen], high[seen]
    if x.size < 4:
        return (np.zeros(0, int),) * 2 + (np.zeros(0),) * 2
    w, s = _at_nodes(order_solution, x, reach, nodes)
    first = np.floor((low + 0.5) / binning - 0.5).astype(int)
    count = int(np.max(np.ceil((high + 0.5) / binning - 0.5) - first)) + 1
    row = first + np.arange(count)[:, None]
    v = (2.0 * ((row + 0.5) * binning - 0.5) - (low + high)) / (high - low)
    inside = (np.abs(v) <= 1.0) & (row >= 0) & (row < n_across)
    column = np.broadcast_to(np.flatnonzero(seen), row.shape)
    # one polynomial a column: its coefficients broadcast over the rows, which no gather has to repeat
    w, s = (chebyshev.chebval(v, coefficients.T, tensor=False)[inside] for coefficients in (w, s))
    return row[inside], column[inside], w, s


def _at_nodes(order_solution, x, reach, nodes):
    """Chebyshev coefficients [column, node] across the slit, low to high, of wavelength and slit position.

    Exact at the nodes of some columns; those between follow by cubics through four of them: their error is far below
    float32.
    """
    some = np.linspace(x[0], x[-1], max(round((x[-1] - x[0]) / COLUMN_STEP_PX), 4) + 1)
    edge = [_across_at(order_solution, some, s) for s in reach]
    low, high = np.minimum(*edge), np.maximum(*edge)
    v = -np.cos(np.pi * (np.arange(nodes) + 0.5) / nodes)
    across = 0.5 * (low + high)[:, None] + 0.5 * (high - low)[:, None] * v
    to_coefficients = np.linalg.inv(chebyshev.chebvander(v, nodes - 1)).T
    return [_cubic(a @ to_coefficients, some, x) for a in invert(order_solution, some[:, None], across)]


def _cubic(values, at, x):
    """Values [node, ...] at uniform nodes interpolated to x, by Lagrange's polynomial through four of them."""
    t = (x - at[0]) / (at[1] - at[0])
    i = np.clip(np.floor(t).astype(int) - 1, 0, len(at) - 4)
    t = (t - i)[:, None]
    weights = (
        -(t - 1) * (t - 2) * (t - 3) / 6,
        t * (t - 2) * (t - 3) / 2,
        -t * (t - 1) * (t - 3) / 2,
        t * (t - 1) * (t - 2) / 6,
    )
    return sum(w * values[i + k] for k, w in enumerate(weights))


def _across_at(order_solution, along, slit_arcsec):
    """Position across the dispersion where a slit position's image crosses columns; NaN beyond its ends."""
    node = np.linspace(*_widened(order_solution.wavelength_nm), 513)
    a, b = order_solution.position(node, slit_arcsec)
    k = _monotonic(a)
    order = np.argsort(a[k])
    return np.interp(along, a[k][order], b[k][order], left=np.nan, right=np.nan)
