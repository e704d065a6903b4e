"""A small card in place of a figure that cannot be drawn."""

import textwrap

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from soxslib.plots.style import BAD, DPI, INK, styled


def card(step, stem, reason):
    """A figure of a few lines: which step of which stem shows nothing, and why."""
    with styled():
        lines = textwrap.wrap(reason, 95)[:8]
        height = 0.85 + 0.17 * len(lines)
        figure = Figure(figsize=(7.0, height), dpi=DPI, facecolor="white")
        FigureCanvasAgg(figure)
        figure.add_artist(_stripe())
        place = dict(va="top", transform=figure.transFigure)
        figure.text(
            0.035,
            1 - 0.15 / height,
            f"{step.replace('_', ' ')}: not made",
            fontsize=11,
            weight="bold",
            color=INK,
            **place,
        )
        figure.text(0.035, 1 - 0.40 / height, stem, fontsize=7.5, color="#444444", **place)
        figure.text(0.035, 1 - 0.64 / height, "\n".join(lines), fontsize=8, color=BAD, linespacing=1.3, **place)
        return figure


def _stripe():
    from matplotlib.patches import Rectangle

    return Rectangle((0, 0), 0.012, 1, color=BAD, lw=0)
