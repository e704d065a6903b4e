"""Settings of every step that merges orders."""

from typing import Literal

from pydantic import Field

from soxslib.config.settings import StepSettings


class MergeSettings(StepSettings):
    """How the orders of an arm become one spectrum."""

    merge_step_nm: float | None = Field(None, gt=0, le=5, description="Width of a bin [nm]; null is the arm's own.")
    merge_taper_fraction: float = Field(0.05, gt=0, le=0.3, description="Outer part of an order over which its weight falls.")
    merge_smooth_px: int = Field(101, ge=11, description="Running median of the variances that make the weights [px].")
    wavelength_medium: Literal["air", "vacuum"] = Field("air", description="Medium of the merged wavelengths.")
    wavelength_frame: Literal["observer", "barycentre"] = Field("observer", description="Rest frame of the merged wavelengths.")
