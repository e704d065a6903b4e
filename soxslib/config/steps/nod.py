"""Settings of nod: those of stare."""

from soxslib.config.steps.stare import Settings

__all__ = ["Settings"]
