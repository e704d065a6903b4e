"""One spectrum from the orders of an arm.

Every order is shared between the bins of one uniform grid; where orders overlap they are brought to the scale of the
stronger one and averaged with weights that follow their smoothed inverse variance. The weights are smooth and do not
know the noise of a single pixel, so that two orders which disagree by some per cent leave no zigzag and the mean is
unbiased.
"""

from dataclasses import dataclass, replace

import numpy as np

from soxslib.datamodel import MergedSpectrum, Quality
from soxslib.numerics.filters import running_median
from soxslib.numerics.order_ratio import relative_throughput
from soxslib.numerics.resample import covered, pixel_edges, rebin, rebin_covariance, share, uniform_grid

# bits that make a sample worthless where another order has a better one; the others are a warning
HARD_BITS = Quality.BAD | Quality.HOT | Quality.COLD | Quality.SATURATED | Quality.COSMIC_RAY | Quality.NO_CALIBRATION
HARD_BITS |= Quality.INTERPOLATED | Quality.GAP
CLEAN, WARNED, WORTHLESS, NOT_A_NUMBER, ABSENT = range(5)


@dataclass(frozen=True)
class BinnedOrders:
    """The orders of an arm on one grid: arrays (orders, bins); covariance (orders, lags, bins)."""

    grid: np.ndarray
    order: tuple  # numbers
    flux: np.ndarray
    sky: np.ndarray
    covariance: np.ndarray
    smooth_variance: np.ndarray
    taper: np.ndarray
    rank: np.ndarray  # CLEAN ... ABSENT: the best rank of a bin is used
    quality: np.ndarray
    wavelength_error_nm: np.ndarray  # one per order


def merge_orders(orders, *, step_nm, taper_fraction, smooth_px):
    """The counts of all orders as one MergedSpectrum [electron per bin] on a uniform grid.

    Overlaps hold the counts of the stronger order; the weaker one is multiplied by the smooth ratio of their
    throughputs and averaged in by inverse variance, which has the signal-to-noise ratio of both together. A bin touched
    by a worthless sample is taken from the other order when that is good. Bins not wholly inside an order are NaN with
    Quality.GAP.
    """
    binned = bin_orders(orders, step_nm=step_nm, taper_fraction=taper_fraction, smooth_px=smooth_px)
    return combine(binned, mix(binned, relative_throughput(binned)))


def merge_calibrated(orders, relative_errors, *, step_nm, taper_fraction, smooth_px):
    """Orders already on one scale (energy per native pixel) as one MergedSpectrum of density per nm.

    relative_errors: of the calibration, one array per order; they are mixed as the orders are, but not reduced by it.
    """
    binned = bin_orders(orders, step_nm=step_nm, taper_fraction=taper_fraction, smooth_px=smooth_px)
    mixing = mix(binned, np.zeros_like(binned.flux))
    merged = combine(binned, mixing)
    known = {o.order: np.argsort(o.wavelength_nm) for o in orders}
    error_of = {
        o.order: (o.wavelength_nm[known[o.order]], e[known[o.order]])
        for o, e in zip(orders, relative_errors, strict=True)
    }
    relative = sum(
        part * np.interp(binned.grid, *error_of[n]) for part, n in zip(mixing.part, binned.order, strict=True)
    )
    return replace(
        merged,
        flux=merged.flux / step_nm,
        error=merged.error / step_nm,
        sky=merged.sky / step_nm,
        covariance=tuple(c / step_nm**2 for c in merged.covariance),
        flux_calibrated=True,
        systematic_error=np.abs(merged.flux) * relative / step_nm,
    )


def bin_orders(orders, *, step_nm, taper_fraction, smooth_px):
    """All orders on the uniform grid that covers them."""
    orders = sorted(orders, key=lambda o: np.nanmean(o.wavelength_nm))
    low = min(np.nanmin(o.wavelength_nm - o.pixel_nm / 2) for o in orders)
    high = max(np.nanmax(o.wavelength_nm + o.pixel_nm / 2) for o in orders)
    grid = uniform_grid(low, high, step_nm)
    parts = [_bin_order(o, grid, taper_fraction, smooth_px) for o in orders]
    lags = max(p["covariance"].shape[0] for p in parts)
    pad = lambda c: np.pad(c, ((0, lags - c.shape[0]), (0, 0)))
    stack = lambda key: np.array([p[key] for p in parts])
    return BinnedOrders(
        grid=grid,
        order=tuple(o.order for o in orders),
        flux=stack("flux"),
        sky=stack("sky"),
        covariance=np.array([pad(p["covariance"]) for p in parts]),
        smooth_variance=stack("smooth_variance"),
        taper=stack("taper"),
        rank=stack("rank"),
        quality=stack("quality"),
        wavelength_error_nm=np.array([o.wavelength_error_nm for o in orders]),
    )


def _bin_order(order, grid, taper_fraction, smooth_px):
    k = np.flatnonzero(np.isfinite(order.wavelength_nm))
    k = k[np.argsort(order.wavelength_nm[k])]
    centre, width = order.wavelength_nm[k].astype(float), order.pixel_nm[k].astype(float)
    low, high = pixel_edges(centre, width)
    bins, parts = share(low, high, grid)
    rank = sample_rank(order.flux[k], order.variance[k], order.quality[k])
    usable = rank < NOT_A_NUMBER
    zeroed = lambda y: np.where(usable & np.isfinite(y), y, 0.0)
    variance = zeroed(order.variance[k])
    smooth = smoothed(variance / (high - low), rank <= WARNED, smooth_px)
    quality = np.where(usable, order.quality[k], order.quality[k] | int(Quality.BAD))
    step = grid[1] - grid[0]
    out = dict(
        flux=rebin(zeroed(order.flux[k]), bins, parts, grid.size),
        sky=rebin(np.nan_to_num(order.sky[k]), bins, parts, grid.size),
        covariance=rebin_covariance(variance, bins, parts, grid.size),
        smooth_variance=step * np.interp(grid, centre, smooth),
        taper=_taper(grid, low[0], high[-1], taper_fraction),
    )
    out["rank"], out["quality"] = _worst(rank, quality.astype(np.int64), bins, parts, grid.size)
    out["rank"][covered(low, high, grid) < 1 - 1e-6] = ABSENT
    return out


def sample_rank(flux, variance, quality):
    """How good samples are: CLEAN, WARNED, WORTHLESS or NOT_A_NUMBER."""
    quality = np.asarray(quality).astype(np.int64)
    rank = np.where(quality == 0, CLEAN, np.where(quality & int(HARD_BITS), WORTHLESS, WARNED))
    rank[~(np.isfinite(flux) & np.isfinite(variance) & (variance > 0))] = NOT_A_NUMBER
    return rank


def smoothed(values, good, size):
    """Running median of the good values, bridged over the others."""
    if not good.any():
        return np.ones_like(values)
    at = np.arange(values.size)
    bridged = np.interp(at, at[good], values[good])
    return np.maximum(running_median(bridged, min(size, values.size)), 1e-300)


def _taper(grid, low, high, fraction):
    """Weight that falls to almost nothing over the outer part of an order."""
    inside = np.clip(np.minimum(grid - low, high - grid) / (fraction * (high - low)), 0.0, 1.0)
    return np.maximum(np.sin(0.5 * np.pi * inside) ** 2, 1e-6)


def _worst(rank, quality, bins, parts, size):
    """(worst rank, all quality bits) of the pixels that touch a bin."""
    out_rank, out_quality = np.zeros(size, np.int64), np.zeros(size, np.int64)
    marked = (parts > 1e-6) & (quality != 0)[:, None]
    at = bins[marked]
    np.maximum.at(out_rank, at, np.broadcast_to(rank[:, None], bins.shape)[marked])
    np.bitwise_or.at(out_quality, at, np.broadcast_to(quality[:, None], bins.shape)[marked])
    return out_rank, out_quality


@dataclass(frozen=True)
class Mixing:
    """How the orders make up the bins, each (orders, bins): part of the weight (sums to 1).

    And the scale they are brought to.
    """

    used: np.ndarray
    part: np.ndarray
    scale: np.ndarray
    rank: np.ndarray  # of the samples that are used, (bins,)


def mix(binned, log_throughput):
    """The Mixing of binned orders: those of the best rank in a bin, weighted by smooth inverse variance.

    They are brought to the scale of the strongest of a bin. log_throughput: (orders, bins), relative throughput of the
    orders; only differences in one bin matter.
    """
    is_there = binned.rank < ABSENT
    rank = binned.rank.min(axis=0)
    used = is_there & (binned.rank == rank)
    strongest = np.max(np.where(is_there, log_throughput, -np.inf), axis=0)
    scale = np.exp(np.where(is_there, strongest, 0.0) - np.where(is_there, log_throughput, 0.0))
    weight = np.where(used, binned.taper / (binned.smooth_variance * scale**2), 0.0)
    # densities may be as small as 1e-17: normalised by the largest, not by a number
    weight = weight / np.maximum(weight.max(axis=0), 1e-300)
    total = weight.sum(axis=0)
    return Mixing(used, weight / np.where(total > 0, total, 1.0), scale, rank)


def combine(binned, mixing):
    """The mean of binned orders as a MergedSpectrum."""
    factor = mixing.part * mixing.scale
    lags = max(binned.covariance.shape[1], 3)
    covariance = np.zeros((lags, binned.grid.size))
    for lag in range(binned.covariance.shape[1]):
        end = binned.grid.size - lag
        covariance[lag, :end] = np.sum(factor[:, :end] * factor[:, lag:] * binned.covariance[:, lag, :end], axis=0)
    quality = np.bitwise_or.reduce(np.where(mixing.used, binned.quality, 0), axis=0)
    quality[mixing.rank == ABSENT] = int(Quality.GAP)
    is_empty = mixing.rank >= NOT_A_NUMBER
    nan = lambda y: np.where(is_empty, np.nan, y)
    error_nm = np.sqrt(np.sum((mixing.part * binned.wavelength_error_nm[:, None]) ** 2, axis=0))
    return MergedSpectrum(
        wavelength_nm=binned.grid,
        flux=nan(np.sum(factor * binned.flux, axis=0)),
        error=nan(np.sqrt(covariance[0])),
        quality=quality.astype(np.uint16),
        sky=nan(np.sum(factor * binned.sky, axis=0)),
        covariance=tuple(_without(c, is_empty, lag) for lag, c in enumerate(covariance[1:], 1)),
        wavelength_error_nm=nan(error_nm),
    )


def _without(covariance, is_empty, lag):
    """Covariance with a later bin, 0 where one of both is empty."""
    later = np.ones_like(is_empty)
    later[: later.size - lag] = is_empty[lag:]
    return np.where(is_empty | later, 0.0, covariance)
