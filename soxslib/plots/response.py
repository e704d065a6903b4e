"""Figure of a response: the standard's counts, the response with its error, the efficiency."""

import numpy as np

from soxslib.errors import ReductionError
from soxslib.io import products, spectra
from soxslib.plots import style
from soxslib.plots.spectrum import curve, spectrum_axes


def plot(sources):
    """From the star's counts to the throughput of telescope and instrument."""
    facts = sources.facts("response")
    response = spectra.read_response(sources.paths["response"])
    colours = style.order_colours(facts.instrument, facts.arm)
    m = sources.metric
    slit = m("SLIT FRACTION")
    page = style.Page(
        f"Response from {response.star}   {sources.stem}",
        f"{facts.subtitle} · airmass {m('AIRMASS'):.2f}   —   "
        f"scatter about the curve {100 * m('RESP RESIDUAL'):.2f} %; "
        f"efficiency up to {100 * m('EFFICIENCY MAX'):.1f} %; {100 * slit:.1f} % of the star within the slit",
        [(1.8, [1], 0.06), (1.8, [1], 0.06), (1.0, [1], 0.06), (1.6, [1]), (1.5, [1, 1, 1])],
    )
    counts, level, error, efficiency = (page.row() for _ in range(4))
    low = min(o.wavelength_nm[0] for o in response.orders)
    high = max(o.wavelength_nm[-1] for o in response.orders)
    spectrum_axes((counts, level, error, efficiency), low, high, facts)
    _counts(counts, sources, colours)
    _level(level, error, response, colours)
    _efficiency(efficiency, sources, colours)
    _orders(page.row(), sources, colours)
    return page.figure


def _counts(axes, sources, colours):
    axes.set(
        ylabel="electron / pixel", title="Counts of the standard, by order (shade: telluric bands; ticks: sky lines)"
    )
    try:
        orders, _ = spectra.read_orders(sources.paths["orders"])
    except (ReductionError, KeyError, OSError) as problem:
        style.empty(axes, f"the standard's extracted orders cannot be read: {problem}"[:120])
        return
    levels = []
    for o in orders:
        k = np.argsort(o.wavelength_nm)
        curve(
            axes,
            o.wavelength_nm[k],
            o.flux[k],
            np.sqrt(o.variance[k]),
            colours[o.order],
            quality=o.quality[k],
            count=300,
        )
        levels.append(style.blocks(o.flux, 200))
    axes.set_ylim(style.limits(np.concatenate(levels), 0, 99.8, include=(0.0,)))
    style.label_orders(axes, {o.order: float(np.nanmedian(o.wavelength_nm)) for o in orders}, colours)


def _level(level, error, response, colours):
    shown = []
    power = int(np.floor(np.nanmedian(np.concatenate([o.log_response for o in response.orders])) / np.log(10)))
    for o in response.orders:
        value, colour = np.exp(o.log_response) / 10.0**power, colours[o.order]
        level.fill_between(
            o.wavelength_nm, value * np.exp(-o.log_error), value * np.exp(o.log_error), color=colour, alpha=0.3, lw=0
        )
        level.plot(o.wavelength_nm, value, color=colour, lw=0.6, ls=":")
        level.plot(o.wavelength_nm, np.where(o.measured, value, np.nan), color=colour, lw=1.1)
        error.plot(o.wavelength_nm, 100 * o.log_error, color=colour, lw=0.9)
        shown.append(value)
    style.log_scale(level.yaxis, fine=True)
    values = np.concatenate(shown)
    low, high = np.nanpercentile(values, [0.5, 97])
    level.set_ylim(0.5 * low, 3 * high)
    level.set(ylabel=f"response [{style.power_of_ten(power)}]", title="")
    style.note(
        level,
        f"{style.power_of_ten(power)} erg cm⁻² Å⁻¹ for one electron nm⁻¹, above the atmosphere; "
        "solid: measured, dotted: interpolated; band: ±1 σ",
    )
    style.log_scale(error.yaxis, fine=True)
    error.set(ylabel="error [%]")


def _efficiency(axes, sources, colours):
    axes.set(ylabel="efficiency [%]", xlabel="wavelength [nm]")
    t = products.read_table(sources.paths["efficiency"])
    for order in np.unique(t["order"]):
        k = t["order"] == order
        axes.plot(t["WAVE"][k], 100 * t["EFFICIENCY"][k], color=colours[int(order)])
    axes.set_ylim(0, 1.2 * 100 * float(np.nanpercentile(t["EFFICIENCY"], 99.8)))
    style.note(axes, "electrons detected per photon above the atmosphere, extinction and slit loss taken out")


def _orders(axes, sources, colours):
    panels = (
        ("RESP RESIDUAL", "scatter [%]", "Scatter about the curve"),
        ("RESP MEASURED", "part [%]", "Part of the curve that is measured"),
        ("RESP REJECTED", "part [%]", "Part of the continuum left out"),
    )
    for panel, (name, unit, title) in zip(axes, panels, strict=True):
        values = sources.by_order(name)
        for order, value in values.items():
            panel.plot([colours.place(order)], [100 * value], "o", ms=4, color=colours[order])
        panel.set(ylabel=unit, title=title)
        style.order_axis(panel, values, colours)
        if values:
            panel.set_ylim(0, max(1.15 * 100 * max(values.values()), 1.0 if name == "RESP REJECTED" else 0.1))
