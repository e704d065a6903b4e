"""Settings of the flux calibration."""

from typing import ClassVar, Literal

from pydantic import Field

from soxslib.config.settings import StepSettings


class Settings(StepSettings):
    """From counts to energy above the atmosphere."""

    revision: ClassVar[int] = 2

    responses: Literal["first", "all"] = Field("first", description="Use the best candidate alone, or the mean of all.")
    extinction_error: float = Field(0.1, ge=0, le=1, description="Relative accuracy of the extinction.")
    correct_slit_loss: bool = Field(False, description="Multiply by the light that missed the slit, from the seeing.")
    seeing: Literal["measured", "monitor"] = Field(
        "measured", description="Seeing from the trace, or from the site's monitor."
    )
    telluric_error: float = Field(
        0.05,
        ge=0,
        le=1,
        description="Accuracy of the standard's telluric absorption once scaled, of its optical depth.",
    )
    merge_taper_fraction: float = Field(
        0.05, gt=0, le=0.3, description="Outer part of an order over which its weight falls."
    )
    merge_smooth_px: int = Field(101, ge=11, description="Running median of the variances that make the weights [px].")
