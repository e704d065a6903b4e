"""Figure of a solution from an arc: lines on the frame, residuals, widths. Shared by both arc steps."""

import numpy as np

from soxslib.io import products
from soxslib.plots import style

ORDER_LABEL = dict(fontsize=6.5, weight="bold", ha="center", va="center")
FADED = "#AAAAAA"
AXES = (("along", "along the dispersion"), ("across", "across the dispersion"))


def plot_arc(sources, title):
    """The figure of an arc's product (tables SOLUTION, LINES, LSF) over its raw frame."""
    facts = sources.facts("product")
    lines = products.read_table(sources.paths["product"], "LINES")
    colours = style.order_colours(facts.instrument, facts.arm)
    image = sources.last_raw()
    height = 3.0 if image is None else float(np.clip(9 * image.shape[0] / image.shape[1], 2.4, 4.6))
    page = style.Page(
        f"{title}   {sources.stem}", _subtitle(sources, facts),
        [(height, [1]), (1.15, [1], 0.08), (1.15, [1]), (1.6, [1.5, 1.2, 1, 1]), (1.5, [1, 1])],
    )  # fmt: skip
    _frame(page.row(), image, lines, facts, products.read_solution(sources.paths["product"]), colours)
    upper, lower = page.row(), page.row()
    _residuals(upper, lines, "along", colours, sources)
    _residuals(lower, lines, "across", colours, sources)
    upper.tick_params(labelbottom=False)
    lower.set_xlabel("wavelength [nm]")
    _statistics(page.row(between=0.7), lines, colours)
    _widths(page.row(), lines, sources, colours)
    return page.figure


def _subtitle(sources, facts):
    m = sources.metric
    return (
        f"{facts.subtitle}   —   {m('SPOTS USED')} spots of {m('LINES USED')} lines used, "
        f"{m('LINES BLENDED')} lines blended, {m('LINES SATURATED')} saturated; "
        f"scatter {m('RESIDUAL ALONG SD'):.3f} px along, "
        f"{m('RESIDUAL ACROSS SD'):.3f} px across; R = {m('RESOLUTION'):.0f}"
    )


def classes(lines):
    """[(label, mask, marker, colour)] of what became of the spots."""
    used, left = lines["used"], ~lines["used"]
    return [
        ("used", used, "o", style.GOOD),
        ("rejected", left & ~lines["blended"] & ~lines["saturated"], "x", style.BAD),
        ("blended", left & lines["blended"] & ~lines["saturated"], "s", "#009E73"),
        ("saturated", left & lines["saturated"], "^", "#CC79A7"),
    ]


def _frame(axes, image, lines, facts, solution, colours):
    across, along = facts.exposure.binning
    if image is not None:
        extent = (-0.5, image.shape[1] * along - 0.5, -0.5, image.shape[0] * across - 0.5)
        counts = style.shrink(without_hot(image - np.median(image, axis=1, keepdims=True)), 480, 1000, np.max)
        counts = np.arcsinh(np.maximum(counts - np.median(counts), 0) / max(5 * style.scatter_of(counts), 1e-3))
        style.show(axes, counts, extent, 0.4, np.percentile(counts, 99.8))
        axes.set_xlim(extent[:2])
        axes.set_ylim(extent[2:])
    _grid(axes, solution, colours)
    for label, mask, marker, colour in classes(lines):
        if mask.any():
            size, name = (3.5 if mask.sum() < 1500 else 2.0), f"{label} ({mask.sum()})"
            x, y = lines["along"][mask], lines["across"][mask]
            style.dots(axes, x, y, color=colour, size=size, marker=marker, mfc="none", mew=0.5, label=name)
    axes.set_title("Arc frame (inverse hyperbolic sine of the counts), spots, and the solution's grid")
    axes.set_xlabel("along the dispersion [px]")
    axes.set_ylabel("across the dispersion [px]")
    legend = axes.legend(loc="upper right", ncols=4, markerscale=1.6, frameon=True, framealpha=0.85, edgecolor="none")
    legend.set_zorder(9)


def without_hot(image):
    """The image with pixels that stand alone cut down to their surroundings: a spot of light has wings, a hot pixel has none."""
    padded = np.pad(image.astype(np.float32), 1, constant_values=-np.inf)
    beside = (padded[1:-1, :-2], padded[1:-1, 2:], padded[:-2, 1:-1], padded[2:, 1:-1])
    return np.minimum(image, 2.5 * np.maximum(np.maximum(*beside[:2]), np.maximum(*beside[2:])))


def _grid(axes, solution, colours):
    """Middle and ends of the slit in each order's colour."""
    for order in solution:
        row = solution[order]
        wave = np.linspace(*(row.calibrated_nm or row.wavelength_nm), 40)
        slit = np.unique([row.slit_arcsec[0], 0.0, row.slit_arcsec[1]])
        for s in slit:
            axes.plot(*row.position(wave, s), color=colours[order], lw=0.4, alpha=0.8)
        x, y = row.position(wave[len(wave) // 2], 0.0)
        axes.text(
            x,
            y,
            colours.name(order),
            color=colours[order],
            clip_on=True,
            bbox=dict(facecolor="white", lw=0, pad=0.5),
            **ORDER_LABEL,
        )


def _residuals(axes, lines, axis, colours, sources):
    residual = lines[axis] - lines[f"{axis}_fit"]
    used = lines["used"]
    spread = style.scatter_of(residual[used])
    reach = 6 * spread if np.isfinite(spread) and spread > 0 else 0.1
    wave = lines["wavelength"]
    left = ~used & np.isfinite(residual)
    style.dots(axes, wave[left], np.clip(residual[left], -reach, reach), color=FADED, size=2.5, marker="x", mew=0.4)
    cut = np.clip(residual[used], -reach, reach)
    style.cloud(axes, wave[used], cut, lines["order"][used], colours, 2.0 if used.sum() < 1500 else 1.3)
    axes.axhline(0, color=style.INK, lw=0.6)
    axes.set_ylim(-1.1 * reach, 1.1 * reach)
    axes.set_ylabel(f"{axis} [px]")
    held = sources.metric(f"HELDOUT {axis.upper()} SD")
    style.note(axes, f"used: σ = {spread:.4f} px, held out: σ = {held:.4f} px (grey: not used; cut at 6 σ)")
    if axis == "along":
        axes.set_title("Residuals (spot − fit) along and across the dispersion, by order")
        places = {int(o): float(np.median(wave[lines["order"] == o])) for o in np.unique(lines["order"])}
        style.label_orders(axes, places, colours, y=0.13)


def _statistics(axes, lines, colours):
    by_slit, plane, *histograms = axes
    used = lines["used"]
    residual = {a: (lines[a] - lines[f"{a}_fit"])[used] for a, _ in AXES}
    spread = {a: max(style.scatter_of(r), 1e-6) if r.size else 1.0 for a, r in residual.items()}
    order = lines["order"][used]
    is_wide = np.ptp(lines["slit"]) > 0 if lines["slit"].size else False
    where, name = (
        (lines["slit"], "slit position [arcsec]") if is_wide else (lines["along"], "along the dispersion [px]")
    )
    reach = 5 * spread["along"]
    jitter = np.random.default_rng(0).uniform(-0.25, 0.25, used.sum()) if is_wide else 0.0
    style.cloud(by_slit, where[used] + jitter, residual["along"], order, colours, 1.3)
    if is_wide:
        _means(by_slit, lines["slit"][used], residual["along"])
    by_slit.axhline(0, color=style.INK, lw=0.6)
    by_slit.set(ylim=(-reach, reach), xlabel=name, ylabel="along: spot − fit [px]", title="Residual and position")
    style.cloud(plane, residual["along"], residual["across"], order, colours, 1.3)
    plane.set(xlim=(-reach, reach), ylim=(-5 * spread["across"], 5 * spread["across"]))
    plane.set(xlabel="along [px]", ylabel="across [px]", title="Both residuals")
    for panel, (axis, _) in zip(histograms, AXES, strict=True):
        _histogram(panel, residual[axis], spread[axis], axis)


def _means(axes, slit, residual):
    """Median and its error at each pinhole: what the solution leaves along the slit."""
    places = np.unique(np.round(slit, 3))
    near = [residual[np.abs(slit - s) < 0.01] for s in places]
    median = np.array([np.median(r) for r in near])
    error = np.array([1.25 * style.scatter_of(r) / np.sqrt(r.size) for r in near])
    style.bars(axes, places, median, error, style.INK)


def _histogram(axes, residual, spread, axis):
    edges = np.linspace(-5 * spread, 5 * spread, 41)
    axes.stairs(np.histogram(residual, edges)[0], edges, fill=True, color="#9DB8CC")
    x = np.linspace(edges[0], edges[-1], 120)
    centre = np.median(residual) if residual.size else 0.0
    gauss = (
        residual.size
        * (edges[1] - edges[0])
        * np.exp(-0.5 * ((x - centre) / spread) ** 2)
        / (spread * np.sqrt(2 * np.pi))
    )
    axes.plot(x, gauss, color=style.BAD, lw=1)
    axes.set(xlabel=f"{axis}: spot − fit [px]", ylabel="spots", title=f"σ = {spread:.4f} px")
    tick = float(f"{3 * spread:.0e}")
    axes.set_xticks([-tick, 0, tick])


def _widths(axes, lines, sources, colours):
    widths, power = axes
    used = lines["used"]
    wave, order = lines["wavelength"][used], lines["order"][used]
    fwhm = lines["along_fwhm"][used]
    style.cloud(widths, wave, fwhm, order, colours, 1.0, alpha=0.5)
    has_lsf = products.has_hdu(sources.paths["product"], "LSF")
    lsf = products.read_table(sources.paths["product"], "LSF") if has_lsf else None
    for o in np.unique(order) if lsf is not None else []:
        k = lsf["order"] == o
        slit = np.unique(lsf["slit"][k])
        k &= lsf["slit"] == slit[slit.size // 2]
        k = np.flatnonzero(k)[np.argsort(lsf["wavelength"][k])]
        style.bars(widths, lsf["wavelength"][k], lsf["fwhm_px"][k], lsf["fwhm_error_px"][k], colours[int(o)])
        error = lsf["resolution"][k] * lsf["fwhm_error_px"][k] / lsf["fwhm_px"][k]
        style.bars(power, lsf["wavelength"][k], lsf["resolution"][k], error, colours[int(o)])
    widths.set(
        xlabel="wavelength [nm]",
        ylabel="FWHM along the dispersion [px]",
        title="Width of the spots (points) and of an unresolved line (curves)",
    )
    widths.set_ylim(style.limits(fwhm, 0.5, 99.5))
    power.set(
        xlabel="wavelength [nm]",
        ylabel="resolving power λ / FWHM",
        title="Resolving power with a pinhole, slit's centre",
    )
    if lsf is None:
        style.empty(power, "the product holds no table LSF")
