"""One order cut out of a frame, with the wavelength and slit position of every pixel; nothing is resampled."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from soxslib import kernels

_newton = kernels.function("cutout_newton", "dddndnn")
_slope = kernels.function("cutout_slope", "ddnnd")
_displaced = kernels.function("cutout_displaced", "ddddnnd")

SLIT_NODES = 7  # slit positions between which the inverse map is interpolated: exact to 1e-6 px for quadratic maps
WAVELENGTH_NODES = 240
DERIVATIVE_STEP_NM = 1e-5


@dataclass(frozen=True)
class OrderCutout:
    """Pixels of one order: arrays [row, column], rows following the order's curvature.

    columns: positions along the dispersion on the frame as binned, one after the other; first_row: row of the frame of the
    cutout's row 0, per column. wavelength_nm, slit_arcsec: of pixel centres, NaN beyond the slit. arcsec: extent of a pixel
    along the slit. is_inside: pixels in the slit and on the detector: nothing else is ever read.
    """

    order: int
    columns: np.ndarray
    first_row: np.ndarray
    wavelength_nm: np.ndarray
    slit_arcsec: np.ndarray
    arcsec: np.ndarray
    is_inside: np.ndarray
    shape: tuple[int, int]  # of the frame

    @property
    def rows(self):
        """Rows of the frame, [row, column]."""
        return self.first_row[None, :] + np.arange(self.wavelength_nm.shape[0])[:, None]

    @property
    def middle_nm(self):
        """Wavelength in the middle of the cutout."""
        height, width = self.wavelength_nm.shape
        return float(self.wavelength_nm[height // 2, width // 2])

    @cached_property
    def range_nm(self):
        """(least, largest) wavelength of the cutout's pixels."""
        return float(np.nanmin(self.wavelength_nm)), float(np.nanmax(self.wavelength_nm))

    def take(self, image):
        """The cutout of an image of the frame's shape; rows beyond the detector repeat its border."""
        image = np.asarray(image)
        out = np.empty(self.wavelength_nm.shape, image.dtype)
        for own, columns, rows in self._blocks:
            if rows.start < 0 or rows.stop > self.shape[0]:
                rows = np.clip(np.arange(rows.start, rows.stop), 0, self.shape[0] - 1)
            out[:, own] = image[rows, columns]
        return out

    def put(self, image, values, where=None):
        """Writes values of the cutout into an image of the frame, only where the cutout is inside (and `where`)."""
        use = self.is_inside if where is None else self.is_inside & where
        columns = np.broadcast_to(self.columns[None, :], use.shape)
        image[self.rows[use], columns[use]] = values[use]

    @cached_property
    def _blocks(self):
        """[(columns of the cutout, columns and rows of the frame)] of the stretches that begin at the same row: slices."""
        starts = np.flatnonzero(np.diff(self.first_row, prepend=self.first_row[0] - 1))
        height = self.wavelength_nm.shape[0]
        return [
            (np.s_[a:b], np.s_[self.columns[a] : self.columns[b - 1] + 1], np.s_[row : row + height])
            for a, b, row in zip(starts, [*starts[1:], self.columns.size], self.first_row[starts].tolist(), strict=True)
        ]

    def displaced(self, pixels):
        """Wavelengths of the places so many pixels [row, column] back along rows of the frame.

        A Taylor step; its error is the cube of a few pixels times a third derivative, below 1e-6 nm.
        """
        step = np.gradient(self.first_row.astype(float))  # rows of the cutout step with the order's curvature
        wavelength, pixels = (np.ascontiguousarray(a, float) for a in (self.wavelength_nm, pixels))
        slope, out = np.empty((2, *wavelength.shape))
        _slope(wavelength, step, *wavelength.shape, slope)
        _displaced(wavelength, slope, pixels, step, *wavelength.shape, out)
        return out

    def moved(self, wavelength_nm):
        """The same pixels with other wavelengths."""
        return replace(self, wavelength_nm=wavelength_nm)


def to_binned(unbinned, binning):
    """Pixel coordinate on a frame binned by `binning`."""
    return (np.asarray(unbinned, float) + 0.5) / binning - 0.5


def to_unbinned(binned, binning):
    """Pixel coordinate on the unbinned detector."""
    return (np.asarray(binned, float) + 0.5) * binning - 0.5


def cut_order(order_solution, *, shape, binning, half_slit_arcsec, wavelength_nm):
    """The OrderCutout of an order on a frame of this shape and binning (across, along).

    half_slit_arcsec: pixels farther from the slit's centre are outside; wavelength_nm: (first, last) to cut out.
    Returns None when nothing of the order falls on the frame.
    """
    grid = np.linspace(*wavelength_nm, 400)
    along, across = (to_binned(p, b) for p, b in zip(order_solution.position(grid, 0.0), binning[::-1], strict=True))
    ends = [to_binned(order_solution.position(grid, s)[1], binning[0]) for s in (-half_slit_arcsec, half_slit_arcsec)]
    half = max(np.max(np.abs(e - across)) for e in ends)
    by_column = np.argsort(along)
    first, last = np.ceil(max(along.min(), 0)), np.floor(min(along.max(), shape[1] - 1))
    if last - first < 20:
        return None
    columns = np.arange(int(first), int(last) + 1)
    centre = np.interp(columns, along[by_column], across[by_column])
    height = 2 * int(np.ceil(half)) + 3
    first_row = np.round(centre).astype(int) - height // 2
    rows = first_row[None, :] + np.arange(height)[:, None]
    wavelength, slit = inverse_map(
        order_solution,
        to_unbinned(columns, binning[1]),
        to_unbinned(rows, binning[0]),
        half_slit_arcsec=half_slit_arcsec + 1.0,
    )
    arcsec = np.abs(np.gradient(slit, axis=0))
    inside = (rows >= 0) & (rows < shape[0]) & (np.abs(slit) <= half_slit_arcsec)
    inside &= (wavelength >= min(wavelength_nm)) & (wavelength <= max(wavelength_nm))
    return OrderCutout(order_solution.order, columns, first_row, wavelength, slit, arcsec, inside, tuple(shape))


def inverse_map(order_solution, columns, rows, *, half_slit_arcsec):
    """(wavelength, slit position) [row, column] of pixels at unbinned columns (n,) and rows (m, n).

    At a few slit positions the forward map is inverted along the dispersion by splines; between them both coordinates are
    interpolated in the row by polynomials. Far faster than Newton's method pixel by pixel, which is
    its test.
    """
    slit = half_slit_arcsec * np.cos(np.pi * (2 * np.arange(SLIT_NODES) + 1) / (2 * SLIT_NODES))  # Chebyshev nodes
    low, high = order_solution.wavelength_nm
    margin = 0.03 * (high - low)
    grid = np.linspace(low - margin, high + margin, WAVELENGTH_NODES)
    wavelength, across = np.empty((2, SLIT_NODES, columns.size))
    for i, s in enumerate(slit):
        along, y = order_solution.position(grid, s)
        further = order_solution.position(grid + DERIVATIVE_STEP_NM, s)
        by_wavelength, y_slope = ((b - a) / DERIVATIVE_STEP_NM for a, b in zip((along, y), further, strict=True))
        k = _increasing(along)
        wavelength[i] = hermite(columns, along[k], grid[k], 1.0 / by_wavelength[k])
        across[i] = hermite(wavelength[i], grid, y, y_slope)
    return _by_row(rows, across, wavelength, np.broadcast_to(slit[:, None], across.shape))


def _by_row(rows, nodes, *values):
    """Two values known at the nodes [node, column], as polynomials of the row at rows [row, column]."""
    differences = np.array(values, float)
    for k in range(1, len(nodes)):
        differences[:, k:] = np.diff(differences[:, k - 1 :], axis=1) / (nodes[k:] - nodes[:-k])
    rows = np.ascontiguousarray(rows, float)
    out = np.empty((2, *rows.shape))
    _newton(rows, nodes, differences, len(nodes), out, *rows.shape)
    return out[0], out[1]


def hermite(at, x, y, slope):
    """A function known with its slope at increasing x, by cubic Hermite interpolation; the end pieces go on beyond.

    As exact as a cubic spline, without the half second that importing scipy.interpolate takes.
    """
    i = np.clip(np.searchsorted(x, at) - 1, 0, x.size - 2)
    h = x[i + 1] - x[i]
    t = (at - x[i]) / h
    rise = y[i + 1] - y[i]
    bend = slope[i] * h - rise, rise - slope[i + 1] * h
    return y[i] + t * rise + t * (1 - t) * ((1 - t) * bend[0] + t * bend[1])


def _increasing(along):
    """Indices that sort the stretch around the middle where the position is monotonic: beyond, the polynomial has turned."""
    step = np.diff(along)
    middle = step.size // 2
    turned = np.flatnonzero(np.sign(step) != np.sign(step[middle]))
    first = turned[turned < middle].max() + 1 if (turned < middle).any() else 0
    last = turned[turned > middle].min() if (turned > middle).any() else step.size
    k = np.arange(first, last + 1)
    return k if step[middle] > 0 else k[::-1]
