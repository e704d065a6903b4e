"""Settings of the dispersion solution from a single pinhole."""

from soxslib.config.arcs import ArcSettings


class Settings(ArcSettings):
    """First dispersion solution, along the middle of the slit."""
