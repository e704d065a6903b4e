"""Master flat: response of the pixels, shape of the lamp, illumination and edges of the slit, each by itself."""

from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from soxslib.datamodel import Frame, MasterFlat, OrderEdges, Quality
from soxslib.errors import ReductionError
from soxslib.numerics import edges as edge_fits
from soxslib.numerics import flatfield
from soxslib.numerics.cutout import to_binned, to_unbinned
from soxslib.numerics.linearity import PhotonTransfer, photon_transfer
from soxslib.recipes.lamp_stack import UNREADABLE, LampStack, core_of, stack_lamp, trace_on_frame, usable_frames
from soxslib.recipes.large_scale import large_scale_response
from soxslib.recipes.prepare import prepare
from soxslib.recipes.scattered import frame_background, science_background

__all__ = ["MasterFlatResult", "master_flat", "science_background"]


@dataclass(frozen=True)
class MasterFlatResult:
    """The master, and what it was made of.

    background: scattered light of the lamp whose shape is the blaze, flux and variance; factors: {lamp: {order:
    Factors}}; edge_scatter: {order: (lower, upper) px}; intrinsic: {order: scatter of the pixels' response beyond
    noise}.
    """

    master: MasterFlat
    background: Frame
    stacks: list[LampStack]
    factors: dict
    edge_scatter: dict
    intrinsic: dict
    blaze_lamp: str
    photon_transfer: PhotonTransfer | None
    warnings: list[str]
    large_error: dict[int, float] = field(default_factory=dict)  # relative, of the large-scale response by order


def master_flat(raws, bias, darks, trace, settings):
    """Take the flats of one slit apart; where several lamps shine, each order uses each lamp by what it tells there."""
    prepared = _lean(prepare(raw, bias, darks, settings, is_single=False) for raw in raws)
    shape, binning = prepared[0].shape, prepared[0].exposure.binning
    lines = {o: trace_on_frame(trace, o, shape, binning) for o in sorted(trace.centre)}
    lines = {o: line for o, line in lines.items() if line[0].size > 2 * settings.edge_slice_px}
    frames, warnings = usable_frames(prepared, lines, settings)
    by_lamp = {}
    for frame in frames:
        by_lamp.setdefault("+".join(frame.exposure.lamps) or "none", []).append(frame)
    transfer = _photon_transfer(by_lamp, settings)
    stacks = [stack_lamp(lamp, members, lines, settings) for lamp, members in sorted(by_lamp.items())]
    rough = rough_edges(stacks, lines, binning, settings, warnings)
    cleaned = [_without_background(stack, lines, rough, settings) for stack in stacks]
    edges, edge_scatter = fit_edges([c[0] for c in cleaned], lines, rough, trace, settings)
    at = {o: edges_on_frame(edges, o, shape, binning) for o in edges.lower}
    factors = {stack.lamp: take_apart(stack, at, settings) for stack, _, _ in cleaned}
    blaze = max(cleaned, key=lambda c: min(np.median(f.blaze) for f in factors[c[0].lamp].values()))
    chosen = factors[blaze[0].lamp]
    large, large_error = large_scale_response(chosen, at, binning, settings)
    frame, intrinsic, shares = pixel_response(factors, [c[0] for c in cleaned], at, large, settings)
    master = MasterFlat(
        frame,
        edges,
        {o: f.blaze / large[o] for o, f in chosen.items()},
        {o: (f.fraction, f.illumination) for o, f in chosen.items()},
        {o: f.lean for o, f in chosen.items()},
        shares,
    )
    background = Frame(blaze[1], blaze[2] ** 2, np.zeros(shape, np.uint16), frames[0].exposure)
    return MasterFlatResult(
        master,
        background,
        [c[0] for c in cleaned],
        factors,
        edge_scatter,
        intrinsic,
        blaze[0].lamp,
        transfer,
        warnings,
        large_error,
    )


def _photon_transfer(by_lamp, settings):
    """The PhotonTransfer of the first two equal exposures of a lamp, None without any."""
    for frames in by_lamp.values():
        for one, two in pairwise(frames):
            if (one.exposure.exposure_s, one.exposure.ndit) == (two.exposure.exposure_s, two.exposure.ndit):
                good = ((one.quality | two.quality) & UNREADABLE) == 0
                n = one.exposure.ndit  # the mean of n integrations has the noise of n times the light
                return photon_transfer(
                    one.flux * n, two.flux * n, one.floor * n * n, good,
                    least_e=settings.transfer_least_e, n_bins=8, least_pixels=2000,
                )  # fmt: skip
    return None


def _lean(frames):
    """The frames; those with the same floor share it."""
    out = []
    for frame in frames:
        floor = next((f.floor for f in out[-1:] if np.array_equal(f.floor, frame.floor)), frame.floor)
        out.append(frame.with_(variance=floor, floor=floor))
        del frame
    return out


def rough_edges(stacks, lines, binning, settings, warnings):
    """{order: (lower, upper) distance of the edges from the trace [px of the frame]}, typical over the order."""
    flux = sum(stack.frame.flux for stack in stacks)
    bad = np.logical_or.reduce([stack.is_bad for stack in stacks])
    half = int(settings.half_px / binning[0])
    out = {}
    for order, line in lines.items():
        found = edge_fits.rough_edges(edge_fits.mean_profile(flux, bad, line, half, settings.edge_slice_px))
        if found is not None:
            out[order] = found[0] - half, found[1] - half
    if not out:
        raise ReductionError(
            f"{stacks[0].frame.exposure.file}: no order of {len(lines)} shows the slit within "
            f"{settings.half_px:g} px of the trace; is the lamp on, and is the order trace of this arm?"
        )
    length = np.median([upper - lower for lower, upper in out.values()])
    for order in lines:
        lower, upper = out.get(order, (-np.inf, np.inf))
        if not 0.7 * length < upper - lower < 1.4 * length:
            middle = np.median([np.add(*e) / 2 for e in out.values() if 0.7 * length < e[1] - e[0] < 1.4 * length])
            out[order] = middle - length / 2, middle + length / 2
            warnings.append(f"order {order}: edges of the slit not found, taken from the other orders")
    return out


def _without_background(stack, lines, rough, settings):
    """(LampStack without scattered light, the scattered light, its error)."""
    frame = stack.frame
    at = {}
    for order, (columns, position) in lines.items():
        centre = np.interp(np.arange(frame.shape[1]), columns, position)
        at[order] = centre + rough[order][0], centre + rough[order][1]
    model, error = frame_background(frame, at, settings)
    clean = frame.with_(
        flux=frame.flux - model,
        variance=frame.variance + error**2,
        floor=frame.floor + error**2 + np.abs(model) / stack.light,
    )
    return replace(stack, frame=clean), model, error


def fit_edges(stacks, lines, rough, trace, settings):
    """(OrderEdges, {order: scatter of lower and upper edge [px]}), each order from the lamp with most light there."""
    binning = stacks[0].frame.exposure.binning
    domain = trace.along_px
    lower, upper, scatter = {}, {}, {}
    for order, line in lines.items():
        best = max(stacks, key=lambda s, line=line: np.median(core_of(s.frame.flux, line, 3)))
        points = edge_fits.edge_points(
            best.frame.flux, best.frame.variance, best.is_bad, line, rough[order],
            slice_px=settings.edge_slice_px, reach=max(int(np.ceil(settings.edge_reach_px / binning[0])), 2),
        )  # fmt: skip
        points = edge_fits.EdgePoints(
            to_unbinned(points.along, binning[1]), points.lower * binning[0], points.upper * binning[0],
            points.lower_error * binning[0], points.upper_error * binning[0], points.is_good,
        )  # fmt: skip
        if points.is_good.sum() < settings.edge_degree + 2:
            lower[order], upper[order] = (_moved(trace.centre[order], d * binning[0]) for d in rough[order])
            scatter[order] = (float("nan"), float("nan"))
            continue
        lower[order], upper[order], scatter[order] = edge_fits.edge_curves(
            points, trace.centre[order], domain, degree=settings.edge_degree, cut=settings.edge_cut,
            floor_px=settings.edge_floor_px, prior_px=settings.edge_prior_px,
        )  # fmt: skip
    limits = {o: trace.limits[o] for o in lower}
    return OrderEdges(trace.arm, domain, lower, upper, limits), scatter


def _moved(coefficients, distance):
    out = np.array(coefficients, float)
    out[0] += distance
    return out


def edges_on_frame(edges, order, shape, binning):
    """(lower, upper, seen) of an order at each column of the frame, in its pixels; seen: where the order has light."""
    along = to_unbinned(np.arange(shape[1]), binning[1])
    lower, upper = (to_binned(e, binning[0]) for e in edges.at(order, along))
    first, last = edges.limits[order]
    return lower, upper, (along >= first) & (along <= last)


def take_apart(stack, at, settings):
    """{order: Factors} of a lamp, at all columns of the frame (blaze about 0 where an order is not seen)."""
    frame, bad, binning = stack.frame, stack.is_bad, stack.frame.exposure.binning
    out = {}
    for order, (lower, upper, seen) in at.items():
        rows = _rows(lower, upper)
        inside = (rows >= 0) & (rows < frame.shape[0]) & seen[None, :]
        cut = lambda a, rows=rows: np.take_along_axis(a, np.clip(rows, 0, frame.shape[0] - 1), axis=0)
        height = float(np.median(upper - lower))
        fraction = (rows - lower) / (upper - lower)
        out[order] = flatfield.factorise(
            cut(frame.flux).astype(float), cut(frame.floor).astype(float), cut(stack.light),
            inside & ~cut(bad), fraction,
            knot_px=settings.knot_px / binning[1], n_nodes=int(round(height)) + 1,
            margin=settings.margin_px / binning[0] / height,
            clip_sigma=settings.clip_sigma, clip_ratio=settings.defect_ratio, misfit=settings.misfit,
        )  # fmt: skip
    return out


def _rows(lower, upper):
    """Rows of the frame [row, column] that hold an order's slit."""
    first = np.floor(lower).astype(int) - 1
    return first[None, :] + np.arange(int(np.max(np.ceil(upper) - first)) + 2)[:, None]


def pixel_response(factors, stacks, at, large, settings):
    """(Frame of the response, {order: scatter beyond noise}, {order: shares of the lamps}), by information.

    large: {order: large-scale response at each column}, which the factors hold in their lamp.
    """
    shape, exposure = stacks[0].frame.shape, stacks[0].frame.exposure
    flux, variance, quality = np.ones(shape, np.float32), np.zeros(shape, np.float32), np.zeros(shape, np.uint16)
    measured = {order: _combined([factors[s.lamp][order] for s in stacks]) for order in at}
    intrinsic = {
        o: flatfield.intrinsic_scatter(*m[:3], least_pixels=settings.intrinsic_pixels) for o, m in measured.items()
    }
    known = [v for v in intrinsic.values() if v is not None]
    typical = float(np.median(known)) if known else settings.intrinsic_guess
    variance[:] = typical**2
    shares = {}
    for order, (ratio, error, usable, share) in measured.items():
        intrinsic[order] = typical if intrinsic[order] is None else intrinsic[order]
        response, spread = flatfield.shrunk_response(
            ratio, error, usable, intrinsic=intrinsic[order], keep_sigma=settings.keep_sigma
        )
        rows = _rows(*at[order][:2])
        columns = np.broadcast_to(np.arange(shape[1]), rows.shape)
        on_frame = (rows >= 0) & (rows < shape[0])
        put = usable & on_frame
        slit = on_frame & (rows - 0.5 > at[order][0]) & (rows + 0.5 < at[order][1])
        flux[rows[slit], columns[slit]] = np.broadcast_to(large[order], rows.shape)[slit]
        flux[rows[put], columns[put]] *= response[put]
        variance[rows[put], columns[put]] = spread[put]
        cold = put & (ratio < settings.cold_limit) & (1.0 - ratio > settings.defect_sigma * error)
        odd = put & (ratio > settings.warm_limit) & (ratio - 1.0 > settings.defect_sigma * error)
        quality[rows[cold], columns[cold]] |= np.uint16(Quality.COLD)
        quality[rows[odd], columns[odd]] |= np.uint16(Quality.BAD)
        shares[order] = " ".join(f"{s.lamp}:{value:.2f}" for s, value in zip(stacks, share, strict=True))
    quality |= np.bitwise_and.reduce([s.frame.quality for s in stacks]) & UNREADABLE
    return Frame(flux, variance, quality, exposure), intrinsic, shares


def _combined(lamps):
    """(ratio, error, usable, share of each lamp) of one order's Factors from several lamps, by inverse variance.

    With several lamps, what stands out in all rows of a column of one of them is that lamp's emission line, and left to the others.
    """
    usable = [f.usable & ~flatfield.lamp_lines(f)[None, :] if len(lamps) > 1 else f.usable for f in lamps]
    weights = [np.where(u, 1.0 / np.where(u, f.error, 1.0) ** 2, 0.0) for u, f in zip(usable, lamps, strict=True)]
    total = sum(weights)
    usable = total > 0
    safe = np.where(usable, total, 1.0)
    ratio = sum(w * np.where(w > 0, f.ratio, 0.0) for w, f in zip(weights, lamps, strict=True)) / safe
    share = [float(w.sum() / max(total.sum(), 1e-30)) for w in weights]
    return np.where(usable, ratio, 1.0), np.where(usable, 1.0 / np.sqrt(safe), 1.0), usable, share
