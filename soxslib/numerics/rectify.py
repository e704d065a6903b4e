"""Straight images: counts of detector pixels shared between bins of wavelength and slit position."""

from dataclasses import replace

import numpy as np

from soxslib import kernels
from soxslib.datamodel import Quality, RectifiedOrder
from soxslib.numerics.merge import HARD_BITS, smoothed
from soxslib.numerics.resample import uniform_grid

_sums = kernels.function("rectify_sums", "ddbddnndnnd")
_filled = kernels.function("rectify_filled", "dnxffdd")
_flags = kernels.function("rectify_flags", "hbddnndnndxnh")

_FLAG_SHARE = 0.5  # a bin is as bad as its pixels when they make up more than this
_WEAK_SHARE = 0.1  # and interpolated when they make up more than this


def rectified_order(order, flux, variance, quality, wavelength, slit, *, step_nm, step_arcsec, half_slit_arcsec):
    """The RectifiedOrder of a cutout of the detector. wavelength [nm], slit [arcsec]: of the pixels' centres.

    NaN outside.
    """
    known = np.isfinite(wavelength) & (np.abs(slit) < half_slit_arcsec)
    grid = uniform_grid(wavelength[known].min(), wavelength[known].max(), step_nm)
    n = int(np.floor(half_slit_arcsec / step_arcsec))
    position = step_arcsec * np.arange(-n, n + 1)
    edges = lambda centre: np.append(centre - 0.5 * (centre[1] - centre[0]), centre[-1] + 0.5 * (centre[1] - centre[0]))
    planes = rectify_order(
        flux, variance, quality, wavelength, slit, wavelength_edges=edges(grid), slit_edges=edges(position)
    )
    inside = known & ((quality & int(HARD_BITS)) == 0) & np.isfinite(flux)
    # in the mean over the order: what pixels put in over what bins hold
    ratio = np.sum(variance[inside]) / max(np.sum(planes[1][(planes[2] == 0)]), 1e-30)
    return RectifiedOrder(order, grid, position, *planes, correlation=float(max(ratio, 1.0)))


def rectify_order(flux, variance, quality, wavelength, slit, *, wavelength_edges, slit_edges):
    """(flux, variance, quality) on the grid (slit, wavelength): every pixel's counts shared by overlap, none lost.

    A pixel is taken as a rectangle in wavelength and slit position about its centre; the tilt within one pixel (a fifth
    of a pixel) is left out, that between rows is exact. Worthless pixels are not read: their share is filled from the
    bin's other pixels, and the bin is flagged when it is large. Both grids are uniform.
    """
    flux, variance, wavelength, slit = (np.ascontiguousarray(a, float) for a in (flux, variance, wavelength, slit))
    bits = np.ascontiguousarray(quality, np.uint16)
    worthless = ((bits & int(HARD_BITS)) != 0) | ~np.isfinite(flux) | ~np.isfinite(variance)
    grid, position = (0.5 * (e[1:] + e[:-1]) for e in (wavelength_edges, slit_edges))
    steps = [(g[0] - 0.5 * (g[1] - g[0]), g[1] - g[0]) for g in (position, grid)]
    where = wavelength, slit, *flux.shape, np.ravel(steps), position.size, grid.size
    sums = np.zeros((position.size, grid.size, 4))
    _sums(flux, variance, worthless, *where, sums)
    flux_out, variance_out, quality_out = (
        np.zeros(sums.shape[:2], kind) for kind in (np.float32, np.float32, np.uint16)
    )
    bad_share, area = np.empty((2, *sums.shape[:2]))
    _filled(sums, area.size, 1.0 / (1.0 - _FLAG_SHARE), flux_out, variance_out, bad_share, area)
    _flags(bits, worthless, *where, bad_share, _FLAG_SHARE, int(Quality.BAD), quality_out)
    quality_out[(bad_share > _WEAK_SHARE) & (bad_share <= _FLAG_SHARE)] |= int(Quality.INTERPOLATED)
    quality_out[area < 0.5 * steps[0][1] * steps[1][1]] |= int(Quality.NO_CALIBRATION)
    return flux_out, variance_out, quality_out


def merge_rectified(orders, *, taper_fraction, smooth_bins):
    """One RectifiedOrder (order 0) from orders on one scale, by the same weights as a one-dimensional spectrum.

    All orders share slit grid and wavelength step. Bins without any usable order are NaN with Quality.GAP.
    """
    step = orders[0].wavelength_nm[1] - orders[0].wavelength_nm[0]
    grid = uniform_grid(min(o.wavelength_nm[0] for o in orders), max(o.wavelength_nm[-1] for o in orders), step)
    shape = (orders[0].slit_arcsec.size, grid.size)
    total, flux, variance = (np.zeros(shape) for _ in range(3))
    rank = np.full(shape, 3, np.int64)
    quality = np.zeros(shape, np.uint16)
    placed = [(o, int(round((o.wavelength_nm[0] - grid[0]) / step))) for o in orders]
    for o, first in placed:
        own = _rank(o)
        view = np.s_[:, first : first + o.wavelength_nm.size]
        rank[view] = np.minimum(rank[view], own)
    for o, first in placed:
        view = np.s_[:, first : first + o.wavelength_nm.size]
        used = (_rank(o) == rank[view]) & (rank[view] < 3)
        weight = np.where(used, _weights(o, taper_fraction, smooth_bins), 0.0)
        flux[view] += weight * np.where(used, o.flux, 0.0)
        variance[view] += weight**2 * np.where(used, o.variance, 0.0)
        total[view] += weight
        quality[view] |= np.where(used, o.quality, 0).astype(np.uint16)
    empty = total <= 0
    quality[empty] = int(Quality.GAP)
    with np.errstate(all="ignore"):
        flux, variance = np.where(empty, np.nan, flux / total), np.where(empty, np.nan, variance / total**2)
    correlation = float(np.median([o.correlation for o in orders]))
    return RectifiedOrder(0, grid, orders[0].slit_arcsec, flux, variance, quality, correlation)


def _rank(order):
    rank = np.where(order.quality == 0, 0, np.where(order.quality & int(HARD_BITS & ~Quality.INTERPOLATED), 2, 1))
    rank[~(np.isfinite(order.flux) & (order.variance > 0)) | ((order.quality & int(Quality.NO_CALIBRATION)) > 0)] = 3
    return rank


def _weights(order, taper_fraction, smooth_bins):
    """Smooth weights along the wavelength, the same for all slit positions."""
    n = order.slit_arcsec.size
    typical = np.median(order.variance[n // 4 : n - n // 4], axis=0)  # well inside the slit
    smooth = smoothed(typical, typical > 0, smooth_bins)
    x = np.linspace(0.0, 1.0, order.wavelength_nm.size)
    taper = np.sin(0.5 * np.pi * np.clip(np.minimum(x, 1 - x) / taper_fraction, 0.0, 1.0)) ** 2
    return (np.maximum(taper, 1e-6) / smooth)[None, :]


def scaled(order, factor):
    """The order times a function of wavelength (an array along its bins)."""
    factor = factor[None, :]
    return replace(order, flux=order.flux * factor, variance=order.variance * factor**2)
