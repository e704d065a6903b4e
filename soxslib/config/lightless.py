"""Settings that master bias and master dark share."""

from pydantic import Field

from soxslib.config.prepare import PrepareSettings


class LightlessSettings(PrepareSettings):
    """Combination of frames without light."""

    min_frames: int = Field(1, ge=1, description="Fewest frames that make a master.")
    clip_sigma: float = Field(
        5.0, ge=3, le=20, description="Values so far from the other frames are cosmic rays [sigma]."
    )
    frame_limit_sigma: float = Field(
        6.0, ge=2, description="A frame whose structure differs by more is left out [sigma of block means] ..."
    )
    frame_limit_e: float = Field(
        1.0, ge=0, description="... if it also differs by more than this, rms over blocks [electron]."
    )
    block_px: int = Field(128, ge=16, le=1024, description="Scale of the smooth part of the structure [px].")
    structure_e: float = Field(
        5.0, ge=0, description="Largest departure of the structure from the typical level [electron]."
    )
    keep_sigma: float = Field(
        5.0, ge=3, description="Pixels so far from the model of the structure keep their own value [sigma]."
    )
    defect_sigma: float = Field(6.0, ge=3, description="Pixels so far from the structure are flagged [sigma].")
    unstable_sigma: float = Field(
        6.0, ge=3, description="Pixels whose frames scatter so much more than noise are flagged [sigma]."
    )
