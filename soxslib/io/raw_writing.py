"""Raw files as the telescope and its archive write them: for simulated nights."""

import gzip
from functools import partial

import numpy as np
from astropy.io import fits

from soxslib.io.atomic import atomic_path


def raw_header(cards):
    """A FITS header of cards (name, value[, comment]); ESO's own become HIERARCH cards."""
    header = fits.Header()
    for card, value, *comment in cards:
        key = f"HIERARCH {card}" if card.startswith("ESO ") else card
        header[key] = (value, comment[0]) if comment else value
    return header


def write_raw(path, image, cards):
    """A raw file of whole ADU by the path's suffix: plain or gzipped (signed values as floats), or Rice-compressed."""
    header = raw_header(cards)
    if path.name.endswith(".fz"):
        hdus = fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(image, header, compression_type="RICE_1")])
    else:
        data = image if image.dtype == np.uint16 else image.astype(np.float32)
        hdus = fits.HDUList([fits.PrimaryHDU(data, header)])
    # level 1: the others take half a minute for a frame of noise and save little
    opener = partial(gzip.open, compresslevel=1) if path.name.endswith(".gz") else open
    with atomic_path(path) as tmp, opener(tmp, "wb") as fh:
        hdus.writeto(fh, checksum=True, output_verify="silentfix")
