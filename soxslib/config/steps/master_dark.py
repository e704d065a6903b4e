"""Settings of the master dark."""

from pydantic import Field

from soxslib.config.lightless import LightlessSettings


class Settings(LightlessSettings):
    """Combination of darks of one exposure time."""

    keep_sigma: float = Field(
        4.0, ge=3, description="Pixels so far from the model of the structure keep their own value [sigma]."
    )
    defect_sigma: float = Field(4.0, ge=3, description="Pixels so far from the structure are flagged [sigma].")
    remove_row_noise: bool = Field(True, description="Take the read-out noise common to each row out of each frame.")
    row_smooth_px: float = Field(
        25.0, ge=2, description="Scale over rows above which differences are taken for structure [px]."
    )
