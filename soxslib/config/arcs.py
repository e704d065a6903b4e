"""Settings that both arc steps share."""

from pydantic import Field

from soxslib.config.prepare import PrepareSettings


class ArcSettings(PrepareSettings):
    """From the spots of pinholes in the light of an arc lamp to a dispersion solution."""

    background_box_px: tuple[int, int] = Field(
        (34, 128), description="Scale of the light between spots, across and along [px]."
    )
    peak_sigma: float = Field(5.0, ge=3, le=20, description="Height of a spot's peak above the noise [sigma].")
    drift_px: float = Field(60.0, ge=5, le=300, description="Largest shift of all orders against the reference [px].")
    order_drift_px: float = Field(8.0, ge=1, le=40, description="Largest shift of an order against the others [px].")
    stretch_px: float = Field(6.0, ge=0, le=20, description="Largest stretch of an order, as shift at its end [px].")
    min_hits: float = Field(
        0.3, gt=0, lt=1, description="Fraction of the listed spots that must meet a peak for an order to be found."
    )
    min_lines: int = Field(20, ge=5, description="Fewest spots on a frame that is not blank.")
    min_lines_per_order: int = Field(
        8, ge=2, description="Lines below which an order leans on its aligned pattern; half of the orders need more."
    )
    poor_prior_px: float = Field(
        1.0, gt=0, description="Expected size of such an order's shift against its aligned pattern [px]."
    )
    parts: int = Field(12, ge=1, le=50, description="Parts of an order over which lines are spread ...")
    lines_per_part: int = Field(
        8, ge=1, le=50, description="... and lines of the lamp's atlas taken in each, beside the listed ones."
    )
    min_signal_to_noise: float = Field(7.0, ge=3, description="Of a spot that is used.")
    match_px: float = Field(
        1.0, gt=0, le=3, description="Largest distance of a spot from its prediction once orders are aligned [px]."
    )
    start_width_px: float = Field(0.8, gt=0.2, le=5, description="Width (sigma) of spots before any is measured [px].")
    width_freedom: float = Field(
        0.12, gt=0, le=1, description="Relative scatter expected of the widths of an order's spots."
    )
    blend_px: float = Field(
        0.02, gt=0, le=0.5, description="Pull of neighbouring lines above which a line is blended [px]."
    )
    degree: int = Field(
        10, ge=2, le=12, description="Highest degree in wavelength of the correction to the nominal format."
    )
    prior_px: float = Field(30.0, gt=0, description="Expected size of a shift against the nominal format [px] ...")
    prior_decay: float = Field(0.45, gt=0, lt=1, description="... its fall with each degree in wavelength ...")
    prior_decay_slit: float = Field(0.2, gt=0, lt=1, description="... and in slit position.")
    visible_fraction: float = Field(
        0.15, gt=0, lt=1, description="Light of a pinhole over the typical one's below which it is not seen."
    )
    clip_sigma: float = Field(
        5.0, ge=3, le=20, description="Distance from the fit at which a spot or a line loses all weight [sigma]."
    )
    floor_px: float = Field(
        0.003, ge=0, le=0.1, description="Error of a spot's position beside photon noise (pixel response) [px]."
    )
    folds: int = Field(
        5, ge=2, le=20, description="Parts of the lines left out in turn to measure the residual of lines not fitted."
    )
