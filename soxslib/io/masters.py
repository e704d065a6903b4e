"""Master bias and dark on disk: an image product with the measured read noise and pedestal in its header."""

from soxslib.datamodel import MasterBias, MasterDark
from soxslib.errors import ReductionError
from soxslib.io.products import read_frame, read_header, write_frame

READ_NOISE_CARD = "ESO PRO RON"
LEVEL_CARD = "ESO PRO BIAS LEVEL"


def write_master(path, master, header):
    """Writes a MasterBias or MasterDark."""
    header[f"HIERARCH {READ_NOISE_CARD}"] = (round(master.read_noise_e, 5), "[electron] one read")
    level = getattr(master, "level_e", None)
    if level is not None:
        header[f"HIERARCH {LEVEL_CARD}"] = (round(level, 4), "[electron]")
    write_frame(path, master.frame, header)


def _read_noise(path, header):
    try:
        return float(header[READ_NOISE_CARD])
    except (KeyError, TypeError, ValueError):
        raise ReductionError(f"{path}: header card {READ_NOISE_CARD} is missing; make the master again") from None


def read_master_bias(path):
    """The MasterBias of a product."""
    header = read_header(path)
    level = header.get(LEVEL_CARD)
    return MasterBias(read_frame(path), _read_noise(path, header), None if level is None else float(level))


def read_master_dark(path):
    """The MasterDark of a product."""
    return MasterDark(read_frame(path), _read_noise(path, read_header(path)))
