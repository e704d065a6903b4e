"""Settings of the spectrum of both arms."""

from typing import ClassVar, Literal

from pydantic import Field

from soxslib.config.settings import StepSettings


class Settings(StepSettings):
    """One flux-calibrated spectrum of a target from those of two arms."""

    revision: ClassVar[int] = 1

    scale_arms: Literal["vis", "nir", "none"] = Field(
        "vis", description="Arm that the other is scaled to where they overlap; none leaves both as they are."
    )
    max_scale: float = Field(
        2.0, gt=1, description="Arms whose fluxes differ by a larger factor are left as they are, and it is told."
    )
    max_scale_error: float = Field(
        0.1, gt=0, le=1, description="Arms whose ratio is known no better, relative, are left as they are."
    )
    warn_difference: float = Field(0.3, gt=0, description="Ratios that differ more from 1 give a warning.")
    ratio_bin_nm: float = Field(1.0, gt=0, le=10, description="Bins over which both are averaged to compare them [nm].")
    ratio_clip_sigma: float = Field(5.0, ge=3, description="Bins further from the common ratio are left out.")
    switch: Literal["snr", "fixed"] = Field(
        "snr", description="From one arm's bins to the other's where S/N per nm is equal, or at `switch_nm`."
    )
    switch_nm: float = Field(
        830.0, gt=0, description="Wavelength of a fixed switch, moved into the overlap where it is outside [nm]."
    )
