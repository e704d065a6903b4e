"""Settings of the front end that every step shares; recipes/prepare.py holds the defaults: jobs need no models."""

from typing import Literal

from pydantic import Field

from soxslib.config.settings import StepSettings
from soxslib.recipes.prepare import DEFAULTS


class PrepareSettings(StepSettings):
    """What every step that reads raw frames can be told about them."""

    overscan: Literal["auto", "on", "off"] = Field(
        DEFAULTS.overscan,
        description="Level from prescan and overscan: auto where they agree with each other, on always, off never.",
    )
    overscan_smooth_px: float = Field(
        DEFAULTS.overscan_smooth_px,
        ge=0,
        le=1000,
        description="Smoothing of that level along the dispersion [unbinned px].",
    )
    dark_time_tolerance: float = Field(
        DEFAULTS.dark_time_tolerance,
        ge=0,
        le=0.5,
        description="Relative difference at which exposure times are the same.",
    )
    saturation_growth_px: int = Field(
        DEFAULTS.saturation_growth_px,
        ge=0,
        le=20,
        description="Pixels flagged beside saturated ones; twice so many along columns.",
    )
    noise_box_px: int = Field(
        DEFAULTS.noise_box_px,
        ge=3,
        le=15,
        description="Size of the neighbourhood that tells the signal in the noise model [px, odd].",
    )
    noise_contrast: float = Field(
        DEFAULTS.noise_contrast,
        ge=1,
        le=20,
        description="Variance over noise of a neighbourhood above which a pixel tells its own signal.",
    )
