"""Settings of the order trace."""

from pydantic import Field

from soxslib.config.prepare import PrepareSettings


class Settings(PrepareSettings):
    """Tracing of the orders in a pinhole flat. Pixels are unbinned unless said otherwise."""

    saturation_growth_px: int = Field(
        0, ge=0, le=20, description="Neighbours of full pixels still tell where the light is."
    )
    slice_px: int = Field(32, ge=4, le=256, description="Length of a slice along the dispersion [px of the frame].")
    half_px: int = Field(7, ge=4, le=40, description="Half width of a slice across the dispersion.")
    search_px: int = Field(
        50, ge=0, le=80, description="Largest displacement of all orders from where they are expected."
    )
    order_search_px: int = Field(12, ge=1, le=60, description="Largest displacement of one order from the common one.")
    sigma_px: float = Field(1.0, gt=0, le=10, description="Expected width of the pinhole's image, Gaussian sigma.")
    least_signal_to_noise: float = Field(8.0, ge=1, description="Least signal-to-noise of a slice that is used.")
    least_slices: int = Field(8, ge=3, description="Fewest slices of an order that has enough light.")
    degree: int = Field(9, ge=1, le=12, description="Degree of each order's polynomial along the dispersion.")
    common_degree: int = Field(
        2, ge=0, le=6, description="Degree along the dispersion of the displacement common to all orders."
    )
    order_degree: int = Field(2, ge=0, le=6, description="Degree of that displacement over the orders.")
    cut: float = Field(5.0, ge=2, description="Tukey's cut: slices beyond so many sigma do not count.")
    floor_px: float = Field(0.01, ge=0, description="Error added to each slice's position, for what is not noise.")
    prior_px: float = Field(
        2.0, gt=0, description="Expected size of an order's own departure where it has little light."
    )
