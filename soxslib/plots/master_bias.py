"""Figure of a master bias."""

from soxslib.plots.lightless import plot_lightless


def plot(sources):
    """Image, means of rows and columns, histogram with the measured noise."""
    return plot_lightless(sources, "Master bias")
