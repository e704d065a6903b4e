"""Raw files as archives pack them: plain, gzipped, compressed by LZW, or with Rice-compressed tiles.

What is common is read here; any other packing that FITS knows is left to astropy, whose import takes half a second.
"""

import gzip
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np

from soxslib import kernels
from soxslib.errors import ReductionError
from soxslib.io.hdus import Opened

# cards that tell how a table holds a compressed image, not what the image is
_PACKING = re.compile(
    r"Z(IMAGE|TENSION|SIMPLE|BITPIX|NAXIS\d*|TILE\d|CMPTYPE|NAME\d|VAL\d|QUANTIZ|DITHER0|HECKSUM|DATASUM|PCOUNT|GCOUNT"
    r"|EXTEND|BLOCKED)|T(FIELDS|HEAP|(TYPE|FORM|UNIT|DIM)\d+)"
)
_unpack_rice = kernels.function("files_unpack_rice", "cninnnnwni")


class _Unknown(Exception):
    """A packing that is left to astropy."""


def read_header(path):
    """The Header of a raw file: the primary cards, with those of the image where it stands in an extension."""
    return _merged_header(_unpacked(path), path)


def read_image(path):
    """(Header, image [y, x] in float32) of a raw file."""
    opened = _unpacked(path)
    header = _merged_header(opened, path)
    try:
        return header, _image(opened, _image_number(opened, path), path)
    except _Unknown:
        return header, _by_astropy(path)


def _unpacked(path):
    """The Opened file."""
    packing = Path(path).suffix
    if packing == ".gz":
        return Opened(gzip.decompress(Path(path).read_bytes()))
    if packing != ".Z":
        return Opened(path)
    if shutil.which("gzip"):
        return Opened(subprocess.run(["gzip", "-dc", str(path)], capture_output=True, check=False).stdout)
    import uncompresspy

    with uncompresspy.LZWFile(path) as fh:
        return Opened(fh.read())


def _image_number(opened, path):
    for i, header in enumerate(opened.headers):
        if header.get("ZIMAGE") is True or (header["NAXIS"] == 2 and header.get("XTENSION", "IMAGE") == "IMAGE"):
            return i
    raise ReductionError(f"{Path(path).name}: holds no image; exclude it or restore it from the archive")


def _merged_header(opened, path):
    number = _image_number(opened, path)
    header, image = opened.headers[0].copy(), opened.headers[number]
    if number:
        header.extend(c for c in image.cards() if c[0] not in header and not _PACKING.fullmatch(c[0]))
        for i in (1, 2):
            header.set(f"NAXIS{i}", image.get(f"ZNAXIS{i}", image[f"NAXIS{i}"]))
    return header


def _image(opened, number, path):
    header = opened.headers[number]
    if "BLANK" in header or "ZBLANK" in header:
        raise _Unknown
    pixels = _rice(opened, number, path) if header.get("ZIMAGE") is True else opened.image(number)
    zero, scale = header.get("BZERO", 0), header.get("BSCALE", 1)
    if abs(header.get("ZBITPIX", header["BITPIX"])) > 16 and (zero, scale) != (0, 1):  # more digits than float32 has
        pixels = pixels.astype(float)
    image = pixels.astype(np.float32) if pixels.dtype != float else pixels
    if scale != 1:
        image *= scale
    if zero != 0:
        image += zero
    return image.astype(np.float32, copy=False)


def _rice(opened, number, path):
    """Pixels [y, x] of an image whose rows, or strips of some, are Rice-compressed."""
    header, data = opened.headers[number], opened.raw(number)
    width, height = header["ZNAXIS1"], header["ZNAXIS2"]
    options = {header[f"ZNAME{i}"]: header[f"ZVAL{i}"] for i in range(1, 9) if f"ZNAME{i}" in header}
    kind = re.fullmatch(r"1?([PQ])B(\(\d+\))?", header["TFORM1"])
    is_usual = header["ZCMPTYPE"] == "RICE_1" and header["TFIELDS"] == 1 and header["ZNAXIS"] == 2
    if not (is_usual and kind and header.get("ZTILE1", width) == width and header["ZBITPIX"] in (8, 16, 32)):
        raise _Unknown
    size, rows = header["NAXIS1"] * header["NAXIS2"], header.get("ZTILE2", 1)
    heap = data[header.get("THEAP", size) :]
    places = np.ascontiguousarray(data[:size].view(">i4" if kind[1] == "P" else ">i8").reshape(-1, 2), np.intp)
    out, failed = np.empty((height, width), np.int32), np.empty(1, np.intp)
    block, bytepix = options.get("BLOCKSIZE", 32), options.get("BYTEPIX", 4)
    _unpack_rice(heap, heap.size, places, len(places), block, bytepix, rows * width, out, out.size, failed)
    if failed[0] or len(places) != -(-height // rows):
        raise ReductionError(
            f"{Path(path).name}: {failed[0]} of {len(places)} compressed strips are damaged; "
            f"fetch it again from the archive"
        )
    return out


def _by_astropy(path):
    """The image, by astropy."""
    import warnings

    from astropy.io import fits

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with fits.open(path, memmap=False) as hdus:
            return next(np.asarray(h.data, np.float32) for h in hdus if h.header.get("NAXIS") == 2 and h.is_image)
