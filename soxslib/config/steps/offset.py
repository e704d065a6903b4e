"""Settings of offset: those of stare, and of what the frames on the empty sky tell."""

from typing import ClassVar

from pydantic import Field

from soxslib.config.steps.stare import Settings as StareSettings


class Settings(StareSettings):
    """How the frames on the empty sky are used; all else as in stare."""

    revision: ClassVar[int] = StareSettings.revision + 1

    use_sky_frames: bool = Field(True, description="The sky of an exposure is fitted with the frames on the empty sky")
    most_sky_frames: int = Field(
        4,
        ge=1,
        le=20,
        description="Number of frames on the empty sky used for an exposure at most, the nearest in time",
    )
    off_line_error: float = Field(
        0.2, gt=0, le=1, description="Expected relative change of airglow lines between two exposures"
    )
    off_continuum_error: float = Field(
        0.05, gt=0, le=1, description="Expected relative change of the sky's continuum between two exposures"
    )
    off_shift_px: float = Field(
        0.3, gt=0, le=5, description="Expected shift of the sky's lines between two exposures, unbinned [px]"
    )
    off_extended_gain: float = Field(
        1.5,
        gt=1,
        description="Like extended_gain, where frames on the empty sky tell the sky: no light passes for it there",
    )
