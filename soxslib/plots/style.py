"""What all figures share: page, fonts, colours, stretches, thinning of long curves, saving. Imported by plot jobs only.

Speed is kept by few large axes at fixed places (no layout engine), plain text (no mathtext), images and clouds of
points as pixels, and curves thinned to what the page resolves.
"""

import io

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from soxslib.instruments import load_instrument
from soxslib.io.atomic import atomic_path

WIDTH_INCH = 10.0
DPI = 110
LEFT, RIGHT, TOP, BOTTOM = 0.75, 0.25, 0.75, 0.5  # margins [inch]
LABEL, LABEL_LEFT = 0.48, 0.56  # from the axes to the label of the vertical axis; there is more room in the margin
CYCLE = (
    "#0072B2",
    "#009E73",
    "#D55E00",
    "#CC79A7",
    "#56B4E9",
    "#B8860B",
)  # after Okabe & Ito: safe for the colour-blind
GOOD, BAD, INK, FAINT, SHADE = "#0072B2", "#D55E00", "#222222", "#888888", "#E9E9E9"
SOURCES = ("#D55E00", "#0072B2", "#009E73")
SAMPLE = 200_000  # values of an image that are looked at for its statistics
STEPS = [1, 2, 2.5, 5, 10]
FLUX_UNIT = "erg s⁻¹ cm⁻² Å⁻¹"

_STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 8.0,
    "axes.titlesize": 8.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 3.0,
    "axes.labelpad": 2.0,
    "axes.linewidth": 0.7,
    "axes.formatter.use_mathtext": False,
    "axes.formatter.limits": (-4, 5),
    "axes.xmargin": 0.0,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "axes.titley": 1.0,  # a fixed place: to search for one costs as much as to draw
    "legend.fontsize": 7.0,
    "legend.frameon": False,
    "legend.handlelength": 1.4,
    "legend.borderaxespad": 0.2,
    "lines.linewidth": 0.9,
    "image.interpolation": "nearest",
    "image.origin": "lower",
    "image.aspect": "auto",
    "image.composite_image": False,
    "path.simplify_threshold": 0.5,
    "pdf.fonttype": 3,
    "pdf.compression": 6,
    "svg.fonttype": "none",
}


def styled():
    """A context in which figures get the common style."""
    return matplotlib.rc_context(_STYLE)


class Page:
    """A figure that is filled from top to bottom with rows of panels; sizes in inches, so that text keeps its size."""

    def __init__(self, title, subtitle, rows, gap=0.6):
        """rows: [(height, widths, gap below)] or [(height, widths)], widths relative."""
        rows = [(*r, gap)[:3] for r in rows]
        self.height = TOP + sum(h + g for h, _, g in rows) - rows[-1][2] + BOTTOM
        self.figure = Figure(figsize=(WIDTH_INCH, self.height), dpi=DPI, facecolor="white")
        FigureCanvasAgg(self.figure)
        self.figure.text(
            LEFT / WIDTH_INCH, 1 - 0.12 / self.height, title, fontsize=11, weight="bold", va="top", color=INK
        )
        self.figure.text(LEFT / WIDTH_INCH, 1 - 0.33 / self.height, subtitle, fontsize=7.5, va="top", color="#444444")
        self._rows, self._y = iter(rows), TOP

    def row(self, between=0.62, **kwargs):
        """The axes of the next row; `between`: room between them [inch]."""
        height, widths, gap = next(self._rows)
        room = WIDTH_INCH - LEFT - RIGHT - between * (len(widths) - 1)
        axes, x = [], LEFT
        for share in np.asarray(widths, float) / np.sum(widths):
            box = (
                x / WIDTH_INCH,
                1 - (self._y + height) / self.height,
                share * room / WIDTH_INCH,
                height / self.height,
            )
            axes.append(self.figure.add_axes(box, **kwargs))
            _fix_labels(axes[-1], share * room, height, LABEL_LEFT if x == LEFT else LABEL)
            x += share * room + between
        self._y += height + gap
        return axes if len(axes) > 1 else axes[0]


def _fix_labels(axes, width, height, distance):
    """Labels of the axes at fixed distances: matplotlib would measure all tick labels to place them."""
    axes.xaxis.set_label_coords(0.5, -0.26 / height)
    axes.yaxis.set_label_coords(-distance / width, 0.5)
    axes.xaxis.label.set_verticalalignment("center")
    axes.yaxis.label.set_verticalalignment("center")
    axes.xaxis.set_major_locator(MaxNLocator(max(int(width / 0.75), 2), steps=STEPS))
    axes.yaxis.set_major_locator(MaxNLocator(max(int(height / 0.35), 3), steps=STEPS))


def log_scale(axis, fine=False, most=6):
    """A logarithmic axis (axes.xaxis or axes.yaxis) with plain numbers, without minor ticks; `fine`: 2 and 5 too."""
    (axis.axes.set_xscale if axis.axis_name == "x" else axis.axes.set_yscale)("log")
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if fine else (1.0,), numticks=15 if fine else most))
    axis.set_major_formatter(FuncFormatter(_power))
    axis.set_minor_locator(NullLocator())


def _power(value, _):
    exponent = int(np.floor(np.log10(value) + 1e-9)) if value > 0 else 0
    if -4 < exponent < 5:
        return f"{value:g}"
    digit = round(value / 10.0**exponent)
    return power_of_ten(exponent) if digit == 1 else f"{digit}·{power_of_ten(exponent)}"


def power_of_ten(exponent):
    """10 to a power, as plain text."""
    return "10" + str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def save(figure, png, pdf):
    """Writes PNG (256 colours: small) and vector PDF, both whole or not at all and without dates."""
    from PIL import Image

    figure.canvas.draw()
    image = Image.fromarray(np.asarray(figure.canvas.buffer_rgba())[..., :3].copy())
    with atomic_path(png) as temporary:
        image.quantize(256, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(
            temporary, format="PNG", compress_level=7, dpi=(DPI, DPI)
        )
    out = io.BytesIO()
    figure.savefig(out, format="pdf", dpi=150, metadata={"CreationDate": None})
    with atomic_path(pdf) as temporary:
        temporary.write_bytes(out.getvalue())


# --- colours ----------------------------------------------------------------------------------------------------------


class Palette(dict):
    """{order: colour} of an arm, with the orders' names and their places on an axis of orders."""

    def __init__(self, colours, names=None):
        super().__init__(colours)
        self.names = names or {}

    def name(self, order):
        """The band's letter where there is one, else the number."""
        return str(self.names.get(int(order), int(order)))

    def place(self, order):
        """Where an order stands on an axis of orders: its number, or its rank in wavelength where orders have names."""
        return list(self).index(int(order)) + 1 if self.names else int(order)


def order_colours(instrument, arm):
    """The Palette of an arm, the same in every figure: by rank in wavelength among its orders, neighbours unlike."""
    orders = load_instrument(instrument).arm(arm)["orders"]
    ranked = sorted(orders, key=lambda o: orders[o]["wavelength_nm"][0])
    names = {o: orders[o]["band"] for o in ranked if orders[o].get("band", str(o)) != str(o)}
    return Palette({o: CYCLE[i % len(CYCLE)] for i, o in enumerate(ranked)}, names)


def levels(name, count=24):
    """A colour map of few levels: noise then takes little room in a PNG."""
    return ListedColormap(matplotlib.colormaps[name](np.linspace(0, 1, count)), bad="#D8D8D8")


# --- thinning ---------------------------------------------------------------------------------------------------------


def blocks(values, count, how=None):
    """A curve in at most `count` blocks; the last, partly filled one is dropped."""
    size = max(int(np.ceil(len(values) / count)), 1)
    n = len(values) // size
    return (how or quiet_mean)(np.asarray(values)[: n * size].reshape(n, size), axis=1)


def shrink(image, rows, columns, how=None):
    """An image in blocks, at most rows x columns of them, to what the page resolves."""
    a, b = (max(int(np.ceil(n / m)), 1) for n, m in zip(image.shape, (rows, columns), strict=True))
    n, m = image.shape[0] // a, image.shape[1] // b
    how = how or quiet_mean
    cut = image[: n * a, : m * b].reshape(n, a, m, b)
    return how(how(cut, axis=3), axis=1)


def quiet_mean(a, axis):
    """Mean without NaN, NaN where there is nothing else; without numpy's warnings."""
    good = np.isfinite(a)
    count = good.sum(axis)
    return np.where(count > 0, np.where(good, a, 0.0).sum(axis) / np.maximum(count, 1), np.nan)


def quiet_max(a, axis):
    """Largest finite value, NaN where there is none; without numpy's warnings."""
    out = np.where(np.isfinite(a), a, -np.inf).max(axis)
    return np.where(np.isfinite(out), out, np.nan)


def quiet_median(a, axis):
    """Median of finite values, NaN where there are none; without numpy's warnings."""
    return np.ma.filled(np.ma.median(np.ma.masked_invalid(a), axis=axis), np.nan)


def limits(values, low=1.0, high=99.0, margin=0.12, include=()):
    """(lowest, highest) of an axis for all but the extreme values, with some room; (0, 1) without finite values."""
    values = np.asarray(values, float)
    values = values[np.isfinite(values)]
    if values.size == 0:
        return 0.0, 1.0
    a, b = np.percentile(values, [low, high])
    a, b = min(a, *include, np.inf), max(b, *include, -np.inf)
    room = margin * (b - a) or abs(a) * 0.1 or 1.0
    return float(a - room), float(b + room)


def scatter_of(values):
    """Robust standard deviation (from the median absolute deviation); NaN without finite values."""
    values = np.asarray(values, float)
    values = values[np.isfinite(values)] if values.size < 2 * SAMPLE else values.ravel()[:: values.size // SAMPLE]
    values = values[np.isfinite(values)]
    return 1.4826 * float(np.median(np.abs(values - np.median(values)))) if values.size else float("nan")


# --- panels -----------------------------------------------------------------------------------------------------------


def show(axes, image, extent, low, high, cmap="gray_r", label=None):
    """An image between two levels; with a label also a colour bar, in the panel's title line, of quantity and unit."""
    shown = axes.imshow(image, extent=extent, vmin=low, vmax=high, cmap=levels(cmap), rasterized=True)
    if label:
        _colour_bar(axes, shown, label)
    return shown


def _colour_bar(axes, shown, label):
    box, (width, height) = axes.get_position(), axes.figure.get_size_inches()
    right, top = 0.85 / (box.width * width), 1 / (box.height * height)
    bar = AxesImage(axes, cmap=shown.get_cmap(), extent=(1 - right, 1, 1 + 0.05 * top, 1 + 0.14 * top))
    bar.set_data(np.linspace(0, 1, 24)[None])
    bar.set(transform=axes.transAxes, clip_on=False, rasterized=True)
    axes.add_artist(bar)
    low, high = shown.get_clim()
    style = dict(fontsize=6.5, va="center", ha="right", transform=axes.transAxes, color="#444444")
    axes.text(1 - 1.03 * right, 1 + 0.095 * top, f"{label}: {low:.3g} … {high:.3g}", **style)


def cloud(axes, x, y, orders, colours, size=1.5, **kwargs):
    """Points in the colours of their orders, as pixels: markers drawn order by order are far quicker than a scatter."""
    for order in np.unique(orders):
        k = orders == order
        dots(axes, x[k], y[k], color=colours.get(int(order), FAINT), size=size, **kwargs)


def dots(axes, x, y, *, color, size=1.5, marker="o", **kwargs):
    """Points of one colour, as pixels."""
    style = {"ls": "none", "mew": 0, "rasterized": True, **kwargs}
    return axes.plot(x, y, marker=marker, ms=size, color=color, **style)[0]


def bars(axes, x, y, error, color, **kwargs):
    """A curve through points with their errors."""
    axes.plot(x, y, "-o", ms=2, color=color, **kwargs)
    axes.vlines(x, y - error, y + error, color=color, lw=0.8)


def note(axes, text, x=0.99, y=0.95, **kwargs):
    """A few words in a corner of a panel."""
    style = dict(ha="right", va="top", fontsize=7, color="#333333", transform=axes.transAxes)
    box = dict(facecolor="white", alpha=0.75, edgecolor="none", pad=1.0)
    return axes.text(x, y, text, **{**style, "bbox": box, **kwargs})


def order_axis(axes, orders, colours):
    """A horizontal axis of orders, by number or by name."""
    at = {colours.place(o): colours.name(o) for o in orders}
    if at:
        first, last = min(at), max(at)
        axes.set_xlim(first - 0.7, last + 0.7)
        ticks = range(first, last + 1, 1 if last - first < 8 else 2)
        axes.set_xticks(ticks, [at.get(k, str(k)) for k in ticks])
    axes.set_xlabel("order")


def empty(axes, text):
    """A panel that says why it shows nothing."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.text(0.5, 0.5, text, ha="center", va="center", color=FAINT, fontsize=8, transform=axes.transAxes)


def label_orders(axes, places, colours, y=0.985):
    """Names of the orders at {order: position} along the top of a panel, in their colours."""
    for order, x in places.items():
        axes.annotate(
            colours.name(order), (x, y), xycoords=("data", "axes fraction"), ha="center", va="top",
            fontsize=7, weight="bold", color=colours[order], annotation_clip=True,
        )  # fmt: skip
