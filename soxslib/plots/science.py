"""Figure of a science target or standard: merged spectrum, orders, trace, sky. Shared by all modes."""

import numpy as np

from soxslib.io import products, spectra
from soxslib.plots import style
from soxslib.plots.sky import plot_sky
from soxslib.plots.spectrum import curve, quality_row, spectrum_axes
from soxslib.plots.trace import plot_flexure, plot_profile, plot_trace


def plot(sources):
    """What the target gave, from the counts down to the pixels."""
    facts = sources.facts("merged")
    merged, _ = spectra.read_merged(sources.paths["merged"])
    orders, _ = spectra.read_orders(sources.paths["orders"])
    colours = style.order_colours(facts.instrument, facts.arm)
    n_orders = len(orders)
    strips = float(np.clip(0.25 * n_orders, 2.0, 3.8))
    page = style.Page(
        f"{facts.target}   {sources.stem}", _subtitle(sources, facts),
        [(1.7, [1], 0.06), (0.9, [1], 0.06), (0.85, [1]), (1.6, [1], 0.06), (0.9, [1]), (1.5, [1.8, 1, 1.4]),
         (strips, [1, 1, 1])],
    )  # fmt: skip
    _merged(page.row(), page.row(), page.row(), merged, facts)
    _orders(page.row(), page.row(), orders, facts, colours)
    trace, profile, flexure = page.row()
    table = products.read_table(sources.paths["trace"])
    plot_trace(trace, table, colours)
    plot_profile(profile, sources, table)
    plot_flexure(flexure, sources, colours)
    plot_sky(page.row(between=0.12), sources, table, colours)
    return page.figure


def _subtitle(sources, facts):
    m, e = sources.metric, facts.exposure
    seen = m("SEEING")
    return (
        f"{facts.subtitle} · {sources.step}, {m('N EXPOSURES')} exposure{'s' * (m('N EXPOSURES') != 1)}"
        f" · airmass {e.airmass or float('nan'):.2f}   —   median S/N {m('SNR MEDIAN'):.1f} per bin; "
        f"target at {m('SLIT POSITION'):+.2f} arcsec, {m('SOURCE SIGNIFICANCE'):.0f} σ; profile {seen:.2f} arcsec FWHM"
    )


def _merged(flux, ratio, sky, merged, facts):
    wave, step = merged.wavelength_nm, float(np.median(np.diff(merged.wavelength_nm)))
    spectrum_axes((flux, ratio, sky), wave[0], wave[-1], facts)
    curve(flux, wave, merged.flux, merged.error, style.GOOD, quality=merged.quality)
    flux.set(
        ylabel="electron / bin",
        title=f"Merged spectrum in bins of {step:g} nm: mean, ±1 σ of a bin (band), range of the bins (light)",
    )
    centre = style.blocks(merged.flux, 900)
    flux.set_ylim(style.limits(centre, 0.3, 99.7, 0.2, include=(0.0,)))
    with np.errstate(all="ignore"):
        snr = style.blocks(merged.flux / merged.error, 900, style.quiet_median)
    x = style.blocks(wave, 900)
    ratio.plot(x, snr, color=style.INK, lw=0.8)
    ratio.set(ylabel="S/N / bin", ylim=style.limits(snr, 0.5, 99.7, include=(0.0,)))
    quality_row(ratio, wave, merged.quality)
    level = style.blocks(merged.sky, 1800, style.quiet_max)
    sky.plot(style.blocks(wave, 1800), level, color="#7A5C00", lw=0.6)
    _sky_scale(sky, level)
    sky.set(ylabel="sky [e⁻/bin]", xlabel="wavelength [nm]")


def _sky_scale(axes, level):
    """Logarithmic where the sky is positive, as it should be."""
    positive = level[np.isfinite(level) & (level > 0)]
    if positive.size > 0.5 * level.size:
        style.log_scale(axes.yaxis)
        axes.set_ylim(0.5 * np.percentile(positive, 2), 2 * positive.max())


def _orders(flux, ratio, orders, facts, colours):
    low = min(np.nanmin(o.wavelength_nm) for o in orders)
    high = max(np.nanmax(o.wavelength_nm) for o in orders)
    spectrum_axes((flux, ratio), low, high, facts)
    levels, places = [], {}
    for o in orders:
        k = np.argsort(o.wavelength_nm)
        wave, error = o.wavelength_nm[k], np.sqrt(o.variance[k])
        curve(
            flux, wave, o.flux[k], error, colours[o.order], quality=o.quality[k], count=300 if len(orders) > 6 else 450
        )
        with np.errstate(all="ignore"):
            snr = style.blocks(o.flux[k] / error, 200, style.quiet_median)
        ratio.plot(style.blocks(wave, 200), snr, color=colours[o.order], lw=0.9)
        levels.append(style.blocks(o.flux, 200))
        places[o.order] = float(np.nanmedian(wave))
        quality_row(ratio, wave, o.quality[k])
    flux.set(
        ylabel="electron / pixel",
        title="Extracted orders (optimal): mean, ±1 σ of a pixel (band), range of the pixels (light)",
    )
    flux.set_ylim(style.limits(np.concatenate(levels), 0.5, 99.5, 0.25, include=(0.0,)))
    ratio.set(ylabel="S/N / pixel", xlabel="wavelength [nm]")
    ratio.set_ylim(bottom=min(0, ratio.get_ylim()[0]))
    style.label_orders(flux, places, colours)
