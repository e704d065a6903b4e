"""Settings of the master bias."""

from soxslib.config.lightless import LightlessSettings


class Settings(LightlessSettings):
    """Combination of bias frames."""
