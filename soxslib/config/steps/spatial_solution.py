"""Settings of the solution over the whole slit from the multi-pinhole mask."""

from typing import ClassVar

from pydantic import Field

from soxslib.config.arcs import ArcSettings


class Settings(ArcSettings):
    """Wavelength and slit position of every pixel."""

    revision: ClassVar[int] = 2

    slit_degree: int = Field(
        2, ge=1, le=4, description="Highest degree in slit position of the correction to the nominal format."
    )
    min_pinholes: int = Field(6, ge=3, description="Fewest pinholes that an order must show.")
    map_slit_arcsec: float = Field(6.3, gt=1, le=10, description="Slit position to which pixels are mapped [arcsec].")
    map_margin: float = Field(0.02, ge=0, le=0.02, description="Part of an order's range mapped beyond its ends.")
