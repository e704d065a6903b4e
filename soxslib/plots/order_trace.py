"""Figure of an order trace: the pinhole's light, the curves through it, and what they leave."""

import numpy as np

from soxslib.io import products
from soxslib.plots import style

FWHM = 2.3548  # of a Gaussian's sigma


def plot(sources):
    """The traced orders over the raw frame, residuals of the slices, widths, displacement."""
    facts = sources.facts("product")
    trace = products.read_trace(sources.paths["product"])
    has = products.has_hdu(sources.paths["product"], "SLICES")
    slices = products.read_table(sources.paths["product"], "SLICES") if has else None
    colours = style.order_colours(facts.instrument, facts.arm)
    image = sources.last_raw()
    height = 3.0 if image is None else float(np.clip(9 * image.shape[0] / image.shape[1], 2.4, 4.6))
    m = sources.metric
    page = style.Page(
        f"Order trace   {sources.stem}",
        f"{facts.subtitle}   —   {m('TRACE N ORDERS')} orders; scatter of the slices {m('TRACE RES'):.3f} px; "
        f"orders {m('TRACE SHIFT'):+.3f} px from where they were expected",
        [(height, [1]), (1.5, [1]), (1.6, [1.6, 1, 1])],
    )
    backdrop(page.row(), image, facts, "Frame (square root of the counts) and traced orders")
    _curves(page.figure.axes[0], trace, colours)
    _residuals(page.row(), trace, slices, colours)
    _details(page.row(), trace, slices, sources, colours)
    return page.figure


def backdrop(axes, image, facts, title):
    """A raw frame without its level, as square root of the counts."""
    across, along = facts.exposure.binning
    axes.set(title=title, xlabel="along the dispersion [px]", ylabel="across the dispersion [px]")
    if image is None:
        style.note(axes, "the raw frame cannot be read: curves only")
        return
    extent = (-0.5, image.shape[1] * along - 0.5, -0.5, image.shape[0] * across - 0.5)
    small = style.shrink(image, 400, 600, np.mean)
    root = np.sqrt(np.maximum(small - np.percentile(small, 10), 0))
    style.show(axes, root, extent, 0, np.percentile(root, 99.5))
    axes.set(xlim=extent[:2], ylim=extent[2:])


def _curves(axes, trace, colours):
    for order in sorted(trace.centre):
        along = np.linspace(*trace.limits[order], 60)
        axes.plot(along, trace.at(order, along), color=colours[order], lw=0.8, ls=(0, (4, 2)))
        axes.text(
            along[0],
            trace.at(order, along[0]),
            f" {order}",
            color=colours[order],
            fontsize=7,
            weight="bold",
            va="bottom",
            clip_on=True,
        )


def _residuals(axes, trace, slices, colours):
    axes.set(
        xlabel="along the dispersion [px]",
        ylabel="slice − trace [px]",
        title="Residuals of the slices, by order (grey: not used)",
    )
    if slices is None:
        style.empty(axes, "the product holds no table SLICES")
        return
    residual = residual_of(trace, slices)
    used = slices["used"]
    reach = 7 * (style.scatter_of(residual[used]) or 0.01) if used.any() else 1.0
    cut = np.clip(residual, -reach, reach)
    style.dots(axes, slices["along"][~used], cut[~used], color="#AAAAAA", size=2.5, marker="x", mew=0.4)
    style.cloud(axes, slices["along"][used], cut[used], slices["order"][used], colours, 2.2)
    axes.axhline(0, color=style.INK, lw=0.6)
    axes.set_ylim(-1.1 * reach, 1.1 * reach)
    style.note(axes, f"used: σ = {style.scatter_of(residual[used]):.4f} px (cut at 7 σ)")


def residual_of(trace, slices):
    """Slice minus trace [px] of every slice; NaN for orders without trace."""
    out = np.full(slices["along"].size, np.nan)
    for order in trace.centre:
        k = slices["order"] == order
        out[k] = slices["across"][k] - trace.at(order, slices["along"][k])
    return out


def _details(axes, trace, slices, sources, colours):
    widths, histogram, shifts = axes
    widths.set(xlabel="along the dispersion [px]", ylabel="FWHM across [px]", title="Width of the pinhole's image")
    histogram.set(xlabel="(slice − trace) / error", ylabel="slices", title="Residuals over their errors")
    if slices is None or not slices["used"].any():
        style.empty(widths, "no slices")
        style.empty(histogram, "no slices")
    else:
        used = slices["used"]
        fwhm = FWHM * slices["sigma"][used]
        style.cloud(widths, slices["along"][used], fwhm, slices["order"][used], colours, 1.8)
        widths.set_ylim(style.limits(fwhm, 0.5, 99.5))
        pull = (residual_of(trace, slices) / slices["across_error"])[used]
        edges = np.linspace(-6, 6, 41)
        histogram.stairs(np.histogram(np.clip(pull, -6, 6), edges)[0], edges, fill=True, color="#9DB8CC")
        x = np.linspace(-6, 6, 100)
        histogram.plot(x, pull.size * 0.3 * np.exp(-0.5 * x**2) / np.sqrt(2 * np.pi), color=style.BAD)
        style.note(histogram, f"σ = {style.scatter_of(pull):.2f}")
    shift = sources.by_order("TRACE SHIFT")
    for order, value in shift.items():
        shifts.plot([colours.place(order)], [value], "o", ms=4, color=colours[order])
    shifts.axhline(0, color=style.FAINT, lw=0.5)
    shifts.set(ylabel="shift across [px]", title="Order from where expected")
    style.order_axis(shifts, shift, colours)
