"""Straight images: counts of detector pixels shared between bins of wavelength and slit position."""

from dataclasses import replace

import numpy as np

from soxslib.datamodel import Quality, RectifiedOrder
from soxslib.numerics.merge import HARD_BITS, smoothed
from soxslib.numerics.resample import share, uniform_grid

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
    width, height = np.abs(np.gradient(wavelength, axis=1)), np.abs(np.gradient(slit, axis=0))
    known = (
        np.isfinite(wavelength)
        & np.isfinite(slit)
        & np.isfinite(width)
        & np.isfinite(height)
        & (width > 0)
        & (height > 0)
    )
    w, s, dw, ds = (a[known].astype(float) for a in (wavelength, slit, width, height))
    grid, position = (0.5 * (e[1:] + e[:-1]) for e in (wavelength_edges, slit_edges))
    bins_w, parts_w = share(w - dw / 2, w + dw / 2, grid)
    bins_s, parts_s = share(s - ds / 2, s + ds / 2, position)
    shape = (position.size, grid.size)
    bits = quality[known].astype(np.int64)
    f, v = flux[known].astype(float), variance[known].astype(float)
    bad = ((bits & int(HARD_BITS)) != 0) | ~np.isfinite(f) | ~np.isfinite(v)
    f[bad], v[bad], area = 0.0, 0.0, dw * ds
    flux_out, variance_out, all_area, bad_area = np.zeros((4, shape[0] * shape[1]))
    for bins, parts, which in _overlaps((bins_s * grid.size, parts_s), (bins_w, parts_w)):
        collect = lambda values, bins=bins: np.bincount(bins, values, all_area.size)
        flux_out += collect(parts * f[which])
        variance_out += collect(parts * parts * v[which])
        all_area += collect(parts * area[which])
    for bins, parts, which in _overlaps((bins_s[bad] * grid.size, parts_s[bad]), (bins_w[bad], parts_w[bad])):
        bad_area += np.bincount(bins, parts * area[bad][which], all_area.size)
    flux_out, variance_out, all_area, bad_area = (
        x.reshape(shape) for x in (flux_out, variance_out, all_area, bad_area)
    )
    good_area = all_area - bad_area
    good_area[good_area < 1e-9 * all_area] = 0.0  # rounding of a bin that only worthless pixels touch
    with np.errstate(all="ignore"):
        fill = np.where(good_area > 0, (good_area + bad_area) / good_area, 1.0)
        bad_share = bad_area / (good_area + bad_area)
    told = bad | (bits != 0)
    overlaps = _overlaps((bins_s[told] * grid.size, parts_s[told]), (bins_w[told], parts_w[told]))
    quality_out = _flags(overlaps, bits[told], bad[told], bad_share)
    bin_area = (grid[1] - grid[0]) * (position[1] - position[0])
    quality_out[good_area + bad_area < 0.5 * bin_area] |= int(Quality.NO_CALIBRATION)
    fill = np.minimum(fill, 1.0 / (1.0 - _FLAG_SHARE))
    return (flux_out * fill).astype(np.float32), (variance_out * fill**2).astype(np.float32), quality_out


def _overlaps(across, along):
    """(bin, part, which pixels) of the overlaps of pixels with bins, each (bins, parts) [pixel, reach] along one axis.

    A slice of all pixels where most of them reach so far, else their numbers: most parts of the farthest bins are 0.
    """
    n = len(across[0])
    for i in range(across[0].shape[1]):
        for j in range(along[0].shape[1]):
            parts = across[1][:, i] * along[1][:, j]
            which = np.flatnonzero(parts)
            if which.size > 0.7 * n:
                yield across[0][:, i] + along[0][:, j], parts, np.s_[:]
            elif which.size:
                yield across[0][which, i] + along[0][which, j], parts[which], which


def _flags(overlaps, bits, bad, bad_share):
    """Bits of the worthless pixels where they matter, warnings everywhere they reach."""
    out, share_there = np.zeros(bad_share.size, np.int64), np.nan_to_num(bad_share).ravel()
    for bins, parts, which in overlaps:
        least = np.where(bad[which], _FLAG_SHARE, -1.0)
        keep = (parts > 1e-6) & (share_there[bins] > least)
        bit = bits[which][keep]
        np.bitwise_or.at(out, bins[keep], np.where(bit == 0, int(Quality.BAD), bit))
    weak = (bad_share > _WEAK_SHARE) & (bad_share <= _FLAG_SHARE)
    out = out.reshape(bad_share.shape)
    out[weak] |= int(Quality.INTERPOLATED)
    return out.astype(np.uint16)


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
