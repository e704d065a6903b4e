"""Figure of a dispersion solution."""

from soxslib.plots.arcs import plot_arc


def plot(sources):
    """Lines of a single-pinhole arc, residuals of the solution, widths."""
    return plot_arc(sources, "Dispersion solution")
