"""Orders straightened and stacked into one picture: what matters of an echelle frame, without the dark between."""

import numpy as np

from soxslib.plots import style

COLUMNS = 300  # of a picture: what a third of the page resolves
ALL_ROWS = 230  # of all strips together
SEPARATOR = 1


def along_trace(table, order, is_lit, binning, reach=40):
    """(rows, columns) of an order's pixels about its trace, as far as is_lit says; None when it is not on the frame."""
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


def between_edges(lower, upper, shape, margin=1):
    """(rows, columns) of the pixels between two edges, given at each column of a frame."""
    height = max(int(np.median(upper - lower)) - 2 * margin, 1)
    rows = np.round(lower + margin)[None] + np.arange(height)[:, None]
    return np.clip(rows, 0, shape[0] - 1).astype(int), np.arange(shape[1])[None]


def stacked(image, strips, how=None):
    """The strips {order: (rows, columns)} of an image above one another, in blocks, with a line between them."""
    n = rows_of(strips)
    return np.concatenate(
        [on_grid(style.shrink(image[r, c].astype(float), n, COLUMNS, how), n) for r, c in strips.values()]
    )


def stacked_residual(flux, error, is_good, strips):
    """The same of sums over their noise; pixels that are not good are left out."""
    out, n = [], rows_of(strips)
    for place in strips.values():
        good = is_good[place]
        sums = lambda a, good=good: style.shrink(np.where(good, a, 0.0), n, COLUMNS, np.sum)
        total, variance = sums(flux[place]), sums(np.square(error[place].astype(float)))
        with np.errstate(all="ignore"):
            out.append(on_grid(np.where(variance > 0, total / np.sqrt(variance), np.nan), n))
    return np.concatenate(out)


def rows_of(strips):
    """Rows of the picture that one order gets."""
    return int(np.clip(ALL_ROWS // max(len(strips), 1), 12, 44))


def on_grid(small, n_rows):
    """A strip brought to n_rows x COLUMNS (nearest neighbours) with a separating line."""
    i = np.arange(n_rows) * small.shape[0] // n_rows
    j = np.arange(COLUMNS) * small.shape[1] // COLUMNS
    return np.pad(small[np.ix_(i, j)], ((0, SEPARATOR), (0, 0)), constant_values=np.nan)


def label_strips(axes, strips, colours):
    """Names of the orders at the left of their strips, in a panel whose vertical axis counts strips."""
    axes.set(xticks=[], yticks=[])
    for i, order in enumerate(strips):
        style_of = dict(fontsize=7, weight="bold", ha="right", va="center")
        axes.text(-0.012, i + 0.45, colours.name(order), color=colours[int(order)], **style_of)
