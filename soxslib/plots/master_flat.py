"""Figure of a master flat: order edges, pixel response, lamp's blaze, slit's illumination, scattered light."""

import numpy as np

from soxslib.errors import ReductionError
from soxslib.io import products
from soxslib.io.flats import read_master_flat
from soxslib.plots import style
from soxslib.plots.order_trace import backdrop
from soxslib.plots.strips import between_edges, label_strips, stacked


def plot(sources):
    """The frame with its edges, and everything the product keeps apart."""
    facts = sources.facts("product")
    flat = read_master_flat(sources.paths["product"])
    colours = style.order_colours(facts.instrument, facts.arm)
    rows, columns = flat.frame.shape
    height = float(np.clip(9 * rows / columns, 2.0, 4.4))
    page = style.Page(
        f"Master flat   {sources.stem}", _subtitle(sources, facts),
        [(height, [1]), (0.75 * height, [1, 1]), (1.7, [1.7, 1]), (1.6, [1, 1, 1]), (1.4, [1, 1])],
    )  # fmt: skip
    frame = page.row()
    backdrop(
        frame,
        sources.last_raw(),
        facts,
        "Raw flat (square root of the counts; last of its frames) and edges of the orders",
    )
    _edges(frame, flat.edges, colours)
    response, background = page.row()
    _response(response, flat, colours)
    _background(background, sources, facts)
    blaze, slit = page.row()
    _blaze(blaze, flat, facts, colours)
    _slit(slit, flat, colours)
    _statistics(page.row(), flat, colours)
    _geometry(page.row(), flat.edges, colours)
    return page.figure


def _subtitle(sources, facts):
    m, snr = sources.metric, sources.by_order("FLAT SNR").values()
    frames = f"{m('N FRAMES'):.0f} of {len(sources.sidecar.get('raw', []))} frames"
    range_of = f"S/N of a pixel {min(snr):.0f} to {max(snr):.0f}; " if snr else ""
    return f"{facts.subtitle}   —   {frames}; {range_of}scattered light {m('SCATTERED'):.0f} electron (median)"


def _extent(shape, facts):
    across, along = facts.exposure.binning
    return -0.5, shape[1] * along - 0.5, -0.5, shape[0] * across - 0.5


def _edges(axes, edges, colours):
    for order in sorted(edges.lower):
        along = np.linspace(*edges.limits.get(order, edges.along_px), 60)
        lower, upper = edges.at(order, along)
        axes.plot(along, lower, color=colours[order], lw=0.9)
        axes.plot(along, upper, color=colours[order], lw=0.9)
        middle = len(along) // 2
        axes.text(
            along[middle], 0.5 * (lower + upper)[middle], colours.name(order), color=colours[order], fontsize=7, weight="bold",
            ha="center", va="center", clip_on=True, bbox=dict(facecolor="white", lw=0, pad=0.6),
        )  # fmt: skip


def _response(axes, flat, colours):
    """Response within the orders, straightened: rows of a picture are rows of the detector in blocks."""
    edges = flat.edges_on_frame()
    strips = {o: between_edges(*edges[o], flat.frame.shape) for o in sorted(edges)}
    known = np.where((flat.frame.quality == 0) & (flat.frame.variance > 0), flat.frame.flux, np.nan)
    image = stacked(known, strips)
    spread = max(3 * style.scatter_of(image - 1), 1e-3)
    style.show(axes, image, (0, 1, 0, len(strips)), 1 - spread, 1 + spread, "RdBu_r", "blocks")
    label_strips(axes, strips, colours)
    axes.set(title="Pixel response, by order", xlabel="along the dispersion, whole detector")
    axes.xaxis.set_label_coords(0.5, -0.12 / (axes.get_position().height * axes.figure.get_figheight()))


def _background(axes, sources, facts):
    axes.set(title="Scattered light", xlabel="along the dispersion [px]")
    try:
        image = products.read_images(sources.paths["background"], ["FLUX"])[1]["FLUX"]
    except (ReductionError, KeyError) as error:
        style.empty(axes, str(error)[:70])
        return
    small = style.shrink(image, 100, 200)
    low, high = float(np.nanmin(small)), float(np.nanmax(small))
    style.show(axes, small, _extent(image.shape, facts), low, max(high, low + 1e-3), "viridis", "electron")
    axes.tick_params(labelleft=False)


def _blaze(axes, flat, facts, colours):
    along = facts.exposure.binning[1]
    for order, blaze in sorted(flat.blaze.items()):
        x = (np.arange(blaze.size) + 0.5) * along - 0.5
        lit = blaze > 0
        axes.plot(
            style.blocks(x, 500),
            style.blocks(np.where(lit, blaze, np.nan), 500),
            color=colours[order],
            label=colours.name(order),
        )
    axes.set(
        xlabel="along the dispersion [px]", ylabel="electron / column", title="Lamp along the orders (blaze times lamp)"
    )
    axes.legend(ncols=min(len(flat.blaze), 8), loc="upper right")
    top = max((float(np.nanmax(b)) for b in flat.blaze.values()), default=1.0)
    axes.set_ylim(0, 1.25 * top)


def _slit(axes, flat, colours):
    for order, (fraction, light) in sorted(flat.slit.items()):
        axes.plot(fraction, light, color=colours[order], lw=0.9)
    shown = np.concatenate([light[(f > 0.06) & (f < 0.94)] for f, light in flat.slit.values()]) if flat.slit else []
    axes.set(xlabel="fraction from lower to upper edge", ylabel="relative", title="Illumination of the slit, by order")
    axes.set_ylim(style.limits(shown, 0, 100, 0.3))
    axes.axhline(1, color=style.FAINT, lw=0.5)


def _statistics(axes, flat, colours):
    histogram, noise, ratio = axes
    edges = flat.edges_on_frame()
    rows = np.arange(flat.frame.shape[0])[:, None]
    good = (flat.frame.quality == 0) & (flat.frame.variance > 0)
    bins = np.linspace(0.9, 1.1, 81)
    levels = {}
    for order, (lower, upper) in sorted(edges.items()):
        first, last = max(int(np.min(lower)) - 1, 0), int(np.max(upper)) + 2
        own = good[first:last] & (rows[first:last] > lower + 3) & (rows[first:last] < upper - 3)
        flux, error = flat.frame.flux[first:last][own], np.sqrt(flat.frame.variance[first:last][own])
        if flux.size < 10:
            continue
        histogram.stairs(np.histogram(flux[::3], bins, density=True)[0], bins, color=colours[order], lw=0.8)
        levels[order] = style.scatter_of(flux), float(np.median(error))
        columns = np.where(own, np.sqrt(flat.frame.variance[first:last]), np.nan)
        x = np.arange(columns.shape[1])
        noise.plot(
            style.blocks(x, 150), 100 * style.blocks(style.quiet_mean(columns, 0), 150), color=colours[order], lw=0.9
        )
    histogram.set(xlabel="pixel response", ylabel="density", title="Pixels within the orders")
    noise.set(
        xlabel="along the dispersion [px, as binned]", ylabel="error [%]", title="Mean error of a pixel's response"
    )
    style.log_scale(noise.yaxis, fine=True)
    for order, (spread, error) in levels.items():
        at = colours.place(order)
        ratio.plot([at], [100 * spread], "o", ms=4, color=colours[order])
        ratio.plot([at], [100 * error], "_", ms=9, mew=1.5, color=colours[order])
    ratio.set(ylabel="[%]", title="Scatter (dots), stated error (bars)")
    style.order_axis(ratio, levels, colours)
    ratio.set_ylim(bottom=0)


def _geometry(axes, edges, colours):
    """Height of the slit's image along each order, and the room between it and the next order above."""
    height, gap = axes
    ranked = sorted(edges.lower, key=lambda o: float(np.mean(edges.at(o, np.array(edges.limits[o]))[0])))
    for order, above in zip(ranked, [*ranked[1:], None], strict=True):
        along = np.linspace(*edges.limits[order], 100)
        lower, upper = edges.at(order, along)
        height.plot(along, upper - lower, color=colours[order])
        if above is not None:
            first, last = edges.limits[above]
            seen = (along >= first) & (along <= last)
            gap.plot(along[seen], (edges.at(above, along)[0] - upper)[seen], color=colours[order])
    where = "along the dispersion [px]"
    height.set(xlabel=where, ylabel="height [px]", title="Height of the slit's image")
    gap.set(xlabel=where, ylabel="gap [px]", title="Room to the next order above")
    gap.axhline(0, color=style.FAINT, lw=0.5)
