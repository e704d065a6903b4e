"""Sky subtraction in two dimensions: every order straightened along its trace, frame, sky and residual side by side."""

import numpy as np

from soxslib.errors import ReductionError
from soxslib.io import products
from soxslib.plots import style

COLUMNS = 300  # of a panel: what the page resolves
ALL_ROWS = 230  # of all strips together
SEPARATOR = 1


def plot_sky(axes, sources, table, colours):
    """Three panels of strips: frame, model of the sky, difference over its noise."""
    try:
        header, image = products.read_images(sources.paths["skysub"], ["FLUX", "ERRS", "QUAL"])
        sky = products.read_images(sources.paths["skymodel"], ["FLUX"])[1]["FLUX"]
    except (ReductionError, KeyError) as error:
        for panel in axes:
            style.empty(panel, "no sky-subtracted frame")
        style.note(axes[0], str(error)[:90], x=0.02, y=0.1, ha="left")
        return
    binning = sources.facts("skysub").exposure.binning
    strips = {o: places(table, o, sky != 0, binning) for o in np.unique(table["order"])}
    strips = {o: s for o, s in strips.items() if s is not None}
    frame = stacked(image["FLUX"] + sky, strips)
    model = stacked(sky, strips)
    residual = _residual(image, strips)
    low, high = _levels(model, frame)
    stretch = lambda a: np.arcsinh((a - low) / max(high - low, 1e-9) * 8) / np.arcsinh(8)
    text = f"{low:.3g} … {high:.3g} electron, asinh"
    _panel(axes[0], stretch(frame), 0, 1, "gray_r", text, "Frame", strips, colours)
    _panel(axes[1], stretch(model), 0, 1, "gray_r", text, "Sky model", strips, colours)
    _panel(axes[2], residual, -5, 5, "RdBu_r", "σ", "(frame − sky) / noise", strips, colours)


def _levels(model, frame):
    """Stretch from below the faint sky to the brighter of its lines and the object, not the brightest line."""
    values = frame[np.isfinite(frame)]
    if not values.size:
        return 0.0, 1.0
    base = float(np.nanmedian(model))
    return base - 3 * style.scatter_of(values[values < np.median(values)] - base), float(np.percentile(values, 98.5))


def places(table, order, is_lit, binning, reach=40):
    """(rows, columns) of the pixels of an order, straightened along its trace, or None when it has none on the frame."""
    k = (table["order"] == order) & (table["source"] == 1) & (table["exposure"] == table["exposure"].min())
    across, along = ((table[n][k] + 0.5) / b - 0.5 for n, b in zip(("across", "along"), binning, strict=True))
    ranked = np.argsort(along)
    along, across = along[ranked], across[ranked]
    columns = np.arange(max(int(along[0]), 0), min(int(along[-1]), is_lit.shape[1] - 1) + 1)
    if columns.size < 2 * along.size:
        return None
    centre = np.polynomial.Polynomial.fit(along, across, min(5, along.size - 1))(columns)
    offsets = np.arange(-reach, reach + 1)
    rows = np.clip(np.round(centre).astype(int)[None] + offsets[:, None], 0, is_lit.shape[0] - 1)
    lit = is_lit[rows, columns[None]].mean(1) > 0.5
    first, last = reach, reach
    while first > 0 and lit[first - 1]:
        first -= 1
    while last < 2 * reach and lit[last + 1]:
        last += 1
    return rows[first : last + 1], columns[None]


def stacked(image, strips):
    """The strips of all orders above one another, in blocks, with a line between them."""
    n = rows_of(strips)
    return np.concatenate(
        [_on_grid(style.shrink(image[r, c].astype(float), n, COLUMNS), n) for r, c in strips.values()]
    )


def rows_of(strips):
    """Rows of the picture that one order gets."""
    return int(np.clip(ALL_ROWS // max(len(strips), 1), 12, 44))


def _on_grid(small, n_rows):
    """A strip brought to n_rows x COLUMNS (nearest neighbours) with a separating line."""
    i = np.arange(n_rows) * small.shape[0] // n_rows
    j = np.arange(COLUMNS) * small.shape[1] // COLUMNS
    return np.pad(small[np.ix_(i, j)], ((0, SEPARATOR), (0, 0)), constant_values=np.nan)


def _residual(image, strips):
    """Difference of blocks over the noise of their means; flagged pixels left out."""
    out, n = [], rows_of(strips)
    for rows, columns in strips.values():
        good = image["QUAL"][rows, columns] == 0
        sums = lambda a, good=good: style.shrink(np.where(good, a, 0.0), n, COLUMNS, np.sum)
        flux, variance = sums(image["FLUX"][rows, columns]), sums(np.square(image["ERRS"][rows, columns].astype(float)))
        with np.errstate(all="ignore"):
            out.append(_on_grid(np.where(variance > 0, flux / np.sqrt(variance), np.nan), n))
    return np.concatenate(out)


def _panel(axes, image, low, high, cmap, label, title, strips, colours):
    is_signed = cmap != "gray_r"
    style.show(axes, image, (0, 1, 0, len(strips)), low, high, cmap, label if is_signed else None)
    if not is_signed:
        axes.text(1, 1.01, label, fontsize=6.5, ha="right", va="bottom", color="#444444", transform=axes.transAxes)
    axes.set(title=title, xticks=[], yticks=[])
    axes.set_xlabel("along the dispersion, from end to end of the order")
    axes.xaxis.set_label_coords(0.5, -0.12 / (axes.get_position().height * axes.figure.get_figheight()))
    for i, order in enumerate(strips):
        axes.text(
            -0.012, i + 0.45, str(order), color=colours[int(order)], fontsize=7, weight="bold", ha="right", va="center"
        )
    axes.set_ylabel("")
