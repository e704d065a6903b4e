"""Raw frames, whatever their packing (.fits, .fits.fz, .fits.gz, .fits.Z): turned and trimmed here, once."""

import logging
from pathlib import Path

import numpy as np

from soxslib.datamodel import RawFrame
from soxslib.errors import ReductionError
from soxslib.instruments import load_instrument
from soxslib.io import packed
from soxslib.io.hdus import turn
from soxslib.io.headers import SUFFIXES
from soxslib.io.keywords import exposure_of, number_of

log = logging.getLogger(__name__)


def stem_of(path):
    """File name without its FITS and packing suffixes."""
    name = Path(path).name
    return next((name[: -len(s)] for s in sorted(SUFFIXES, key=len, reverse=True) if name.endswith(s)), name)


def open_raw_header(path):
    """The header that describes a raw frame: the primary one, with the image extension's cards where there is one."""
    path = str(path)
    if path not in _headers:
        _headers[path] = _read(path, packed.read_header)
    return _headers[path].copy()


_headers = {}  # of the raw frames that were read: a packed one would have to be unpacked again


def _read(path, read):
    """read(path); whatever is wrong with the file becomes a ReductionError that names it."""
    name = Path(path).name
    try:
        if Path(path).stat().st_size == 0:
            raise ReductionError(f"{name}: is empty (0 bytes); fetch it again from the archive")
        return read(path)
    except ReductionError:
        raise
    except Exception as error:  # zlib and the unpackers each raise their own kinds for a damaged file
        reason = " ".join(str(error).split())[:120]
        raise ReductionError(
            f"{name}: cannot be read as FITS ({type(error).__name__}: {reason}); fetch it again from the archive"
        ) from error


def read_raw(path):
    """The RawFrame of a file: ADU, dispersion along axis 1, trimmed, with the strips without light beside it.

    No later step meets a pixel without a number.
    """
    header, image = _read(path, packed.read_image)
    _headers[str(path)] = header
    exposure = exposure_of(header, Path(path).name)
    detector = load_instrument(exposure.instrument).arm(exposure.arm)["detector"]
    part = turn if detector["dispersion_axis"] == "y" else lambda image, *where: np.ascontiguousarray(image[where])
    bin_x, bin_y = exposure.binning if detector["dispersion_axis"] == "y" else exposure.binning[::-1]
    columns, rows = _science_area(detector, header, exposure.file, bin_x, bin_y)
    if image.shape[0] < rows.stop or image.shape[1] < columns.stop:
        raise ReductionError(
            f"{exposure.file}: image of {image.shape[1]}x{image.shape[0]} pixels does not hold the science area "
            f"(columns to {columns.stop}, rows to {rows.stop} at binning {bin_x}x{bin_y}); exclude the frame"
        )
    image, is_bad = _of_numbers(image, exposure.file)
    parts = {} if is_bad is None else {"is_bad": part(is_bad, rows, columns)}
    if "overscan_columns" in detector:
        parts["prescan"] = part(image, rows, slice(columns.start)) if columns.start else None
        parts["overscan"] = part(image, rows, slice(columns.stop, None)) if image.shape[1] > columns.stop else None
    return RawFrame(adu=part(image, rows, columns), exposure=exposure, **parts)


def _of_numbers(image, file):
    """(image whose pixels without a number, NaN or infinite, have the others' median; where they are, None without any)."""
    known = np.isfinite(image)
    if known.all():
        return image, None
    if not known.any():
        raise ReductionError(f"{file}: no pixel holds a number; exclude it or restore it from the archive")
    log.warning("%s: %d pixels hold no number and are taken as bad", file, np.count_nonzero(~known))
    return np.where(known, image, np.median(image[known])), ~known


def _science_area(detector, header, name, bin_x, bin_y):
    """(columns, rows) of the raw image that see light, as slices; the header's prescan and chip size win."""
    x0, x1 = detector["science_columns"]
    y0, y1 = detector["science_rows"]
    if "ESO DET OUT1 PRSCX" in header and "ESO DET CHIP NX" in header:
        x0, width = (number_of(header, card, name, kind=int) for card in ("ESO DET OUT1 PRSCX", "ESO DET CHIP NX"))
        if x0 < 0 or width < bin_x:
            raise ReductionError(
                f"{name}: header cards ESO DET OUT1 PRSCX and ESO DET CHIP NX hold {x0} and {width}, which leaves no "
                f"science area; exclude the frame or restore the cards"
            )
        x1 = x0 + width
    return slice(x0 // bin_x, x0 // bin_x + (x1 - x0) // bin_x), slice(y0 // bin_y, y1 // bin_y)
