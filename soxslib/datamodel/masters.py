"""Master calibrations of the detector as the steps use them."""

from dataclasses import dataclass

from soxslib.datamodel.frame import Frame


@dataclass(frozen=True)
class MasterBias:
    """Structure of the pedestal [electron].

    level_e: the pedestal that was taken out by the strips without light before stacking; None when the frames had no
    such strips and `frame` therefore holds the whole pedestal. read_noise_e: measured, of one read.
    """

    frame: Frame
    read_noise_e: float
    level_e: float | None = None


@dataclass(frozen=True)
class MasterDark:
    """Signal without light of one exposure time [electron per integration]; read_noise_e: of one integration."""

    frame: Frame
    read_noise_e: float

    @property
    def exposure_s(self):
        """Time of one integration."""
        return self.frame.exposure.exposure_s
