"""Figure of a master without light: image, means of rows and columns, histogram. Shared by bias and dark."""

import numpy as np

from soxslib.datamodel import Quality
from soxslib.io.masters import READ_NOISE_CARD
from soxslib.io.products import read_frame, read_header
from soxslib.plots import style

FLAGS = (Quality.HOT, Quality.BAD, Quality.COLD)


def plot_lightless(sources, title):
    """The figure of a master bias or dark."""
    facts = sources.facts("product")
    frame = read_frame(sources.paths["product"])
    read_noise = float(read_header(sources.paths["product"]).get(READ_NOISE_CARD, np.nan))
    good = frame.quality == 0
    flux = np.where(good, frame.flux, np.nan)
    height = float(np.clip(7.2 * frame.shape[0] / frame.shape[1], 2.0, 4.2))
    page = style.Page(
        f"{title}   {sources.stem}", _subtitle(sources, facts, read_noise),
        [(height, [5, 1.3]), (1.4, [5, 1.3]), (1.9, [1.3, 1])],
    )  # fmt: skip
    centre, spread = float(np.nanmedian(flux[::3, ::3])), style.scatter_of(flux)
    image, rows = page.row()
    _image(image, frame, facts, centre, spread)
    columns, flags = page.row()
    _means(rows, columns, flux, frame, good)
    _flags(flags, frame)
    histogram, budget = page.row(between=2.3)
    error = float(np.sqrt(np.median(frame.variance[::3, ::3])))
    _histogram(histogram, flux, centre, error, read_noise, sources.metric("N FRAMES"))
    _budget(budget, sources, error)
    return page.figure


def _subtitle(sources, facts, read_noise):
    m = sources.metric
    level = "" if not np.isfinite(m("BIAS LEVEL")) else f"pedestal {m('BIAS LEVEL'):.1f} electron; "
    return (
        f"{facts.subtitle}   —   {m('N FRAMES')} frames, {m('N EXCLUDED')} left out; {level}read noise of one frame "
        f"{read_noise:.2f} electron; noise of the master {m('STACK NOISE'):.2f} electron"
    )


def _image(axes, frame, facts, centre, spread):
    across, along = facts.exposure.binning
    extent = (-0.5, frame.shape[1] * along - 0.5, -0.5, frame.shape[0] * across - 0.5)
    small = style.shrink(np.where(frame.quality == 0, frame.flux, np.nan), 170, 360)
    size = np.sqrt(frame.flux.size / small.size)
    reach = max(5 * spread / size, 3 * style.scatter_of(small), 1e-3)
    style.show(
        axes, small, extent, centre - reach, centre + reach, "viridis", f"electron (mean of {size:.0f}×{size:.0f} px)"
    )
    axes.set(title="Master", xlabel="along the dispersion [px]", ylabel="across the dispersion [px]")


def _means(rows, columns, flux, frame, good):
    by_row, by_column = style.quiet_mean(flux, 1), style.quiet_mean(flux, 0)
    noise = np.sqrt(np.median(frame.variance[::3, ::3]))
    y, x = np.arange(by_row.size), np.arange(by_column.size)
    rows.plot(style.blocks(by_row, 800), style.blocks(y, 800), color=style.GOOD, lw=0.6)
    rows.set(ylim=(-0.5, by_row.size - 0.5), xlabel="mean [electron]", title="Rows")
    rows.set_xlim(style.limits(by_row, 0.2, 99.8))
    rows.tick_params(labelleft=False)
    columns.plot(style.blocks(x, 1000), style.blocks(by_column, 1000), color=style.GOOD, lw=0.6)
    columns.axhspan(
        *(np.nanmedian(by_column) + np.array([-1, 1]) * noise / np.sqrt(frame.shape[0])), color=style.SHADE, zorder=0
    )
    columns.set(
        xlim=(-0.5, by_column.size - 0.5), ylabel="mean [electron]", xlabel="along the dispersion [px, as binned]"
    )
    columns.set_title("Columns (shade: ±1 σ of a column's mean if the noise were white)")
    columns.set_ylim(style.limits(by_column, 0.2, 99.8))


def _flags(axes, frame):
    counts = [int(np.count_nonzero(frame.quality & int(f))) for f in FLAGS]
    axes.barh(range(len(FLAGS)), np.maximum(counts, 0.1), color=[style.BAD, style.INK, style.GOOD], height=0.6)
    style.log_scale(axes.xaxis, most=4)
    axes.set(xlim=(0.7, max(60 * max(counts), 100)), xlabel="pixels", title="Flagged")
    axes.set_yticks(range(len(FLAGS)), [f.name.lower() for f in FLAGS])
    for i, n in enumerate(counts):
        axes.text(max(n, 1) * 1.3, i, str(n), va="center", fontsize=7)


def _histogram(axes, flux, centre, error, read_noise, n_frames):
    values = flux[np.isfinite(flux)]
    reach = 12 * max(style.scatter_of(values), 1e-3)
    edges = np.linspace(centre - reach, centre + reach, 121)
    counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
    axes.stairs(np.maximum(counts, 0.5), edges, fill=True, color="#9DB8CC")
    x = np.linspace(edges[0], edges[-1], 300)
    for sigma, label, colour in (
        (read_noise / np.sqrt(n_frames), "read noise / √frames", style.BAD),
        (error, "error of the master", style.INK),
    ):
        if np.isfinite(sigma) and sigma > 0:
            gauss = (
                values.size
                * (edges[1] - edges[0])
                / (sigma * np.sqrt(2 * np.pi))
                * np.exp(-0.5 * ((x - centre) / sigma) ** 2)
            )
            axes.plot(
                x,
                np.maximum(gauss, 0.5),
                color=colour,
                lw=1,
                ls="-" if colour == style.BAD else "--",
                label=f"{label}: {sigma:.2f}",
            )
    style.log_scale(axes.yaxis)
    axes.set(ylim=(0.8, max(counts.max(), 1) * 30), xlim=(edges[0], edges[-1]))
    axes.set(
        xlabel="electron (tails gathered at the ends)",
        ylabel="pixels",
        title="Pixels without flag, and Gaussians of the noise",
    )
    axes.legend(loc="upper right")


def _budget(axes, sources, error):
    """What the noise of frame and master is made of, side by side."""
    m, n = sources.metric, sources.metric("N FRAMES")
    rows = [
        ("read noise, one frame", m("RON RAW")),
        ("read noise / √frames", m("RON RAW") / np.sqrt(n)),
        ("mean of the frames, measured", m("STACK NOISE")),
        ("pixels beyond noise and structure", m("FPN")),
        ("structure across the dispersion", m("STRUCTX")),
        ("structure along the dispersion", m("STRUCTY")),
        ("error the master states (median)", error),
    ]
    values = np.nan_to_num([float(v) for _, v in rows])
    axes.barh(
        range(len(rows)), np.maximum(values, 1e-3), color=[style.BAD] * 2 + ["#9DB8CC"] * (len(rows) - 2), height=0.62
    )
    style.log_scale(axes.xaxis)
    axes.set(
        xlim=(0.5 * max(min(values[values > 0], default=0.1), 1e-3), 6 * max(values.max(), 0.1)),
        ylim=(len(rows) - 0.4, -0.6),
    )
    axes.set(xlabel="electron, rms", title="Noise and structure")
    axes.set_yticks(range(len(rows)), [name for name, _ in rows])
    axes.tick_params(axis="y", length=0)
    for i, v in enumerate(values):
        axes.text(max(v, 1e-3) * 1.15, i, f"{v:.3g}", va="center", fontsize=7)
