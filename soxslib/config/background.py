"""Settings of the model of scattered light (recipes/scattered.py holds the defaults, so that jobs need no models)."""

from pydantic import BaseModel, Field

from soxslib.recipes.scattered import DEFAULTS


class BackgroundSettings(BaseModel):
    """Scattered light from the pixels between the orders; to be mixed into the settings of a step."""

    background_margin_px: float = Field(
        DEFAULTS.background_margin_px,
        ge=0,
        le=50,
        description="Pixels so near to an order hold its light [unbinned px].",
    )
    background_nodes: tuple[int, int] = Field(
        DEFAULTS.background_nodes, description="Splines across and along the dispersion: how fine the model can be."
    )
    background_block_px: tuple[int, int] = Field(
        DEFAULTS.background_block_px, description="Pixels averaged before the fit, across and along [px of the frame]."
    )
    background_clip_sigma: float = Field(
        DEFAULTS.background_clip_sigma, ge=3, le=20, description="Pixels so far off the model are left out [sigma]."
    )
    background_stiffness: float = Field(
        DEFAULTS.background_stiffness, ge=0, le=1, description="Weight of smoothness against the data."
    )
    background_row_smooth_px: float = Field(
        DEFAULTS.background_row_smooth_px,
        ge=2,
        description="Differences of rows below this scale are read-out noise [px].",
    )
    background_row_pixels: int = Field(
        DEFAULTS.background_row_pixels, ge=10, description="Fewest pixels between the orders that tell a row's offset."
    )
