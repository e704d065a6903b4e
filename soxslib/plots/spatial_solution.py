"""Figure of a spatial solution."""

from soxslib.plots.arcs import plot_arc


def plot(sources):
    """Lines of a multi-pinhole arc, residuals of the solution along wavelength and slit, widths."""
    return plot_arc(sources, "Spatial solution")
