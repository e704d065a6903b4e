"""Panels on where the target was: trace on the slit, profile along it, shift of the wavelengths since the arc."""

import numpy as np

from soxslib.errors import ReductionError
from soxslib.io.rectified import read_rectified
from soxslib.plots import style


def plot_trace(axes, table, colours):
    """Position on the slit against wavelength, by order, with its error; further exposures and sources thinner."""
    first = (table["exposure"] == 1) & (table["source"] == 1)
    for exposure in np.unique(table["exposure"]):
        for source in np.unique(table["source"]):
            for order in np.unique(table["order"]):
                k = (table["exposure"] == exposure) & (table["source"] == source) & (table["order"] == order)
                x, y, e = table["wavelength"][k], table["slit"][k], table["slit_error"][k]
                is_first = exposure == 1 and source == 1
                forced = k.any() and table["mode"][k][0] != "fit"
                line = dict(
                    color=colours[int(order)],
                    ls=":" if forced else "-" if source == 1 else "--",
                    lw=1.3 if is_first else 0.6,
                )
                axes.plot(x, y, **line)
                if is_first:
                    axes.fill_between(x, y - e, y + e, color=colours[int(order)], alpha=0.25, lw=0)
    shown = table["slit"]
    axes.set(
        xlabel="wavelength [nm]",
        ylabel="slit position [arcsec]",
        title="Object trace (thick: first exposure; dotted: not fitted)",
    )
    axes.set_ylim(
        style.limits(shown, 0, 100, 0.25, include=(np.median(shown[first]) - 0.3, np.median(shown[first]) + 0.3))
    )


def plot_profile(axes, sources, table):
    """Light along the slit, mean over wavelengths, sky subtracted, with the position and width that were measured."""
    axes.set(xlabel="slit position [arcsec]", ylabel="relative", title="Light along the slit")
    try:
        orders, _ = read_rectified(sources.paths["rectified"])
    except (ReductionError, KeyError) as error:
        style.empty(axes, f"no rectified orders:\n{error}"[:80])
        return
    grid = orders[0].slit_arcsec
    total, weight = np.zeros(grid.size), np.zeros(grid.size)
    for o in orders:
        good = (o.quality == 0) & np.isfinite(o.flux)
        mean = np.where(good, o.flux, 0).sum(1) / np.maximum(good.sum(1), 1)
        total += np.interp(grid, o.slit_arcsec, mean)
        variance = np.where(good, o.variance, 0).sum(1) / np.maximum(good.sum(1), 1) ** 2 * o.correlation
        weight += np.interp(grid, o.slit_arcsec, variance)
    scale = max(np.nanmax(np.abs(total)), 1e-9)
    axes.fill_between(
        grid, (total - np.sqrt(weight)) / scale, (total + np.sqrt(weight)) / scale, color=style.GOOD, alpha=0.3, lw=0
    )
    axes.plot(grid, total / scale, color=style.GOOD, lw=1, marker=".", ms=2.5)
    axes.axhline(0, color=style.FAINT, lw=0.5)
    for i, source in enumerate(np.unique(table["source"])):
        k = (table["source"] == source) & (table["exposure"] == 1)
        centre, half = np.median(table["slit"][k]), 0.5 * np.median(table["fwhm"][k])
        axes.axvline(centre, color=style.SOURCES[i % 3], lw=0.8, ls="--")
        axes.axvspan(centre - half, centre + half, color=style.SOURCES[i % 3], alpha=0.15, lw=0)
    axes.set_ylim(top=1.2)
    style.note(axes, "shade: FWHM")


def plot_flexure(axes, sources, colours):
    """Shift along the dispersion since the arc, by order, with one sigma; hollow where no sky line measured it."""
    shift, error, method = (sources.by_order(n) for n in ("FLEXURE", "FLEXURE ERROR", "FLEXURE METHOD"))
    axes.set(ylabel="shift [px]", title="Shift since the arc (hollow: no sky)")
    if not shift:
        style.empty(axes, "the sidecar holds no flexure")
        return
    x = np.array(sorted(shift))
    for o in x:
        e = error.get(int(o), 0.0) or 0.0
        face = colours[int(o)] if "sky" in str(method.get(int(o), "")) else "white"
        at = colours.place(o)
        axes.vlines(at, shift[o] - e, shift[o] + e, color=colours[int(o)], lw=1)
        axes.plot([at], [shift[o]], "o", ms=4, mfc=face, color=colours[int(o)])
    axes.axhline(0, color=style.FAINT, lw=0.5)
    style.order_axis(axes, x, colours)
