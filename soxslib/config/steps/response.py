"""Settings of the response."""

from typing import ClassVar, Literal

from pydantic import Field

from soxslib.config.settings import StepSettings


class Settings(StepSettings):
    """Response of an arm from a flux standard."""

    revision: ClassVar[int] = 2

    grid_nm: float = Field(0.25, gt=0, le=5, description="Step of the response's table [nm].")
    knot_nm: float = Field(3.0, gt=0.5, le=100, description="Distance of the spline's knots [nm].")
    stiffness: list[float] = Field(
        [0.003, 0.01, 0.03, 0.1, 0.3],
        min_length=1,
        description="Bends of the log response from knot to knot to choose from.",
    )
    chunk_nm: float = Field(1.0, gt=0.1, le=20, description="Counts are compared in sums over so much [nm].")
    model_error: float = Field(
        0.005, ge=0, le=0.2, description="Accuracy of the star's flux and of the flat from chunk to chunk."
    )
    zero_error: float = Field(
        0.001, ge=0, le=0.1, description="Accuracy of the counts' zero point, of an order's brightest chunk."
    )
    clip_sigma: float = Field(5.0, ge=2, le=20, description="Chunks so far from the curve have no weight [sigma].")
    line_half_width_nm: float = Field(
        1.0, ge=0, le=10, description="Left out on either side of the core of a stellar line [nm]."
    )
    shared_curve: bool = Field(
        False,
        description="Orders share grating and lamp: their sensitivity over the blaze is one smooth curve of the arm.",
    )
    shared_knot_nm: float = Field(60.0, gt=5, le=500, description="Distance of the knots of that curve [nm].")
    order_error: float = Field(0.1, gt=0, le=5, description="How far an order may leave that curve, in log.")
    flux_error: float = Field(0.02, ge=0, le=0.5, description="Accuracy of the star's catalogue flux.")
    correct_slit_loss: bool = Field(True, description="Take the light that missed the standard's slit into account.")
    seeing: Literal["measured", "monitor"] = Field(
        "measured", description="Seeing from the trace, or from the site's monitor."
    )
