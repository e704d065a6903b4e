"""Settings of the master flat."""

from typing import ClassVar

from pydantic import Field

from soxslib.config.background import BackgroundSettings
from soxslib.config.prepare import PrepareSettings


class Settings(BackgroundSettings, PrepareSettings):
    """Combination and factorisation of flats. Pixels are unbinned unless said otherwise."""

    revision: ClassVar[int] = 4

    saturated_limit: float = Field(
        0.5, gt=0, le=1, description="Fraction of an order at the full well that spoils a frame."
    )
    core_px: float = Field(6.0, gt=0, description="Pixels so near to the trace tell an order's brightness.")
    clip_sigma: float = Field(
        6.0, ge=3, le=20, description="Values so far above the other frames are cosmic rays [sigma] ..."
    )
    clip_ratio: float = Field(0.03, ge=0, description="... if by more than this fraction of the light.")
    least_light: float = Field(3.0, gt=0, description="Light of the brightest order of a flat, in units of read noise.")
    half_px: float = Field(35.0, gt=5, description="Distance from the trace within which the slit ends.")
    edge_slice_px: int = Field(
        32, ge=4, le=512, description="Length of the slices in which edges are measured [px of the frame]."
    )
    edge_reach_px: float = Field(4.0, gt=1, description="Width of the blurred edge, either way.")
    edge_degree: int = Field(3, ge=0, le=6, description="Degree of the distance of an edge from the trace.")
    edge_cut: float = Field(5.0, ge=2, description="Tukey's cut of the slices, in sigma.")
    edge_floor_px: float = Field(0.02, ge=0, description="Error added to each edge, for the pixels' own response.")
    edge_prior_px: float = Field(3.0, gt=0, description="Expected change of the distance along the order.")
    knot_px: float = Field(
        100.0, ge=8, description="Scale below which structure along the dispersion is the pixels' response."
    )
    large_scale_px: float = Field(
        150.0, ge=30, description="Correlation length of the detector's large-scale response."
    )
    large_scale_scatter: list[float] = Field(
        [0.0, 0.003, 0.01, 0.02, 0.04],
        min_length=1,
        description="Its scatters to choose the likeliest from; 0 leaves it in the lamp, and in all counts.",
    )
    large_scale_error: float = Field(0.002, gt=0, lt=0.1, description="Accuracy of the flat's light in telling it.")
    lamp_scales_px: list[float] = Field(
        [600.0, 800.0, 1000.0, 1250.0, 1500.0, 2000.0, 3000.0],
        min_length=1,
        description="Lengths over which lamp and throughput may bend; each order takes the likeliest.",
    )
    steepest: float = Field(
        1.0, gt=0, description="Change of the log light over an eighth of large_scale_px where an order begins."
    )
    margin_px: float = Field(2.5, ge=0, description="At the slit's ends the response of so many pixels stays unknown.")
    defect_ratio: float = Field(
        0.12, gt=0, lt=1, description="Pixels so far off the model do not enter it, if by clip_sigma too."
    )
    misfit: float = Field(
        0.08, gt=0, lt=1, description="Scatter beyond noise above which a column is not described: response 1."
    )
    keep_sigma: float = Field(4.5, ge=3, description="Responses so far from 1 are kept as measured [sigma].")
    cold_limit: float = Field(0.6, gt=0, lt=1, description="Response below which a pixel is flagged COLD.")
    warm_limit: float = Field(1.6, gt=1, description="Response above which a pixel is flagged BAD.")
    defect_sigma: float = Field(6.0, ge=3, description="Significance both need [sigma].")
    transfer_least_e: float = Field(
        1500.0, gt=0, description="Light above which flats tell gain and linearity [electron]."
    )
    intrinsic_pixels: int = Field(
        2000, ge=50, description="Fewest well measured pixels that tell the scatter of the response."
    )
    intrinsic_guess: float = Field(0.01, gt=0, lt=0.5, description="That scatter where no order tells it.")
