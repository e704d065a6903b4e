"""Typed facts of one raw frame, as its header tells them."""

import re
from dataclasses import dataclass, field

_LONG_SLIT = re.compile(r"SLIT(\d+(?:\.\d*)?|\.\d+)(?:JH)?")


@dataclass(frozen=True)
class Exposure:
    """Facts of one exposure. Optional facts are None when the header lacks them or holds a placeholder."""

    file: str  # base name of the raw file
    instrument: str
    arm: str
    category: str  # ESO DPR CATG
    type: str  # ESO DPR TYPE
    technique: str  # ESO DPR TECH
    exposure_s: float  # of one integration: the counts are those of one integration
    mjd: float  # start
    ndit: int = 1  # integrations averaged in the frame
    sequence_s: float = 0.0  # from the first to the last read, with overheads
    binning: tuple[int, int] = (1, 1)  # (across the dispersion, along it)
    read_mode: str = ""
    gain_e_adu: float = 1.0
    read_noise_e: float = 0.0  # nominal, of one integration; steps measure it where they can
    slit: str = ""
    lamps: tuple[str, ...] = ()
    object_name: str = ""
    target_name: str = ""
    obs_id: int = 0
    obs_name: str = ""
    template_id: str = ""
    template_start: str = ""
    template_expno: int = 1
    template_nexp: int = 1
    ra_deg: float | None = None
    dec_deg: float | None = None
    airmass: float | None = None  # mean of start and end
    altitude_deg: float | None = None  # of the telescope, at the start
    seeing_arcsec: float | None = None
    rotator_deg: float | None = None  # None for daytime frames without the card
    nod_offset_arcsec: float | None = None  # position along the slit asked of the telescope
    sky_offset_arcsec: float | None = None  # distance from the target in offset mode, 0 on the object
    detector_temperature_k: float | None = None
    bench_temperature_c: float | None = None
    archive_file: str = ""  # the archive's own name of the frame, kept by every copy of it
    extra: dict = field(default_factory=dict)

    @property
    def slit_width_arcsec(self):
        """Width of a long slit, None for pinholes, for no slit at all, and for a name that tells no width."""
        match = _LONG_SLIT.fullmatch(self.slit.upper())
        return (float(match[1]) or None) if match else None

    @property
    def position_deg(self):
        """(RA, DEC) where the telescope looked; None where the header has none, or what no place on the sky is."""
        ra, dec = self.ra_deg, self.dec_deg
        if ra is None or dec is None or not (0 <= ra <= 360 and abs(dec) <= 90) or ra == dec == 0:
            return None
        return ra, dec

    @property
    def total_s(self):
        """Time over which photons were collected, all integrations."""
        return self.exposure_s * self.ndit
