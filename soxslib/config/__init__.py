"""Settings: typed models with their defaults, the instrument's and the user's overrides."""

from soxslib.config.settings import STEPS, settings_for

__all__ = ["STEPS", "settings_for"]
