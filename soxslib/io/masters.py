"""Master bias and dark on disk: an image product with the measured read noise and pedestal in its header."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from soxslib.datamodel import MasterBias, MasterDark
from soxslib.errors import ReductionError
from soxslib.io.keywords import exposure_of
from soxslib.io.products import read_frame, read_header, write_frame
from soxslib.numerics.detector import dark_weights

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


def read_master_darks(job, tolerance):
    """The MasterDarks that a job's raw frames need, of its usable candidates: one of their exposure time, or those about it.

    Others are not read. Read noise does not depend on the time: it is the median of all candidates'.
    """
    facts, darks = job.candidates("master_dark", _time_and_noise), {}
    while facts:
        paths, (times, noise) = list(facts), zip(*facts.values(), strict=True)
        wanted = [dark_weights(times, e.exposure_s, tolerance=tolerance) for e in job.exposures]
        needed = [p for i, p in enumerate(paths) if any(i in weights for weights in wanted)]
        missing = [p for p in needed if p not in darks]
        if not missing:
            positive = [n for n in noise if n > 0] or [0.0]
            return [replace(darks[p], read_noise_e=float(np.median(positive))) for p in needed]
        for path in missing:
            found = job.calibrations("master_dark", read_master_dark, only=[path])
            if found:
                darks[path] = found[0]
            else:
                del facts[path]  # its header can be read, its data cannot
    return []


def _time_and_noise(path):
    header = read_header(path)
    return exposure_of(header, Path(path).name).exposure_s, _read_noise(path, header)
