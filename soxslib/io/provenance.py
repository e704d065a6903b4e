"""Product headers: the first raw frame's cards, and what the product was made from."""

import hashlib
from functools import cache
from pathlib import Path

from soxslib import __version__
from soxslib.io.cards import Header

_STRUCTURE = {
    "SIMPLE", "XTENSION", "BITPIX", "NAXIS", "NAXIS1", "NAXIS2", "NAXIS3", "PCOUNT", "GCOUNT", "TFIELDS", "EXTEND",
    "EXTNAME", "EXTVER", "BSCALE", "BZERO", "BUNIT", "CHECKSUM", "DATASUM", "BLANK", "DATE", "INHERIT",
}  # fmt: skip


def inherited_header(raw_header):
    """The cards of a raw header that still hold for a product made from it."""
    return Header(card for card in raw_header.cards() if card[0] not in _STRUCTURE)


@cache
def md5_of(path):
    """MD5 of a file's bytes."""
    with open(path, "rb") as fh:
        return hashlib.file_digest(fh, "md5").hexdigest()


def product_header(raw_header, *, step, category, raws, calibrations, parameters):
    """The header of a product.

    raws: [(file name, DPR TYPE)]; calibrations: [(path, PRO CATG)]; parameters: {name: value}, flat.
    """
    header = inherited_header(raw_header)
    put = lambda card, value, comment="": header.set(f"ESO {card}", value, comment)
    put("PRO CATG", category, "Product category")
    put("PRO TYPE", "REDUCED")
    put("PRO TECH", str(raw_header.get("ESO DPR TECH", "IMAGE")))
    put("PRO DATANCOM", len(raws), "Number of raw frames combined")
    put("PRO REC1 ID", step, "Step that made this product")
    put("PRO REC1 PIPE ID", f"soxslib/{__version__}")
    for i, (name, kind) in enumerate(raws, 1):
        put(f"PRO REC1 RAW{i} NAME", name)
        put(f"PRO REC1 RAW{i} CATG", kind)
    for i, (path, kind) in enumerate(calibrations, 1):
        put(f"PRO REC1 CAL{i} NAME", Path(path).name)
        put(f"PRO REC1 CAL{i} CATG", kind)
        put(f"PRO REC1 CAL{i} DATAMD5", md5_of(path))
    for i, (name, value) in enumerate(sorted(parameters.items()), 1):
        put(f"PRO REC1 PARAM{i} NAME", name)
        put(f"PRO REC1 PARAM{i} VALUE", str(value)[:60])
    return header
