"""Images and tables of a FITS file, written with their checksums and read one by one; nothing that products do not need."""

import io
import os
from dataclasses import dataclass, field

import numpy as np

from soxslib import kernels
from soxslib.io.cards import WIDTH, Header, header_bytes, parse
from soxslib.io.headers import BLOCK

WHEN = "sum of this HDU"  # instead of a date, so that equal input gives equal bytes
_BITPIX = {"f4": -32, "f8": -64, "i2": 16, "i4": 32, "i8": 64, "u1": 8}
_KINDS = {bitpix: kind for kind, bitpix in _BITPIX.items()}
_CODES = {"f4": "E", "f8": "D", "i2": "I", "i4": "J", "i8": "K", "b1": "L", "u1": "B"}
_DTYPES = {"E": ">f4", "D": ">f8", "I": ">i2", "J": ">i4", "K": ">i8", "L": "S1", "B": "u1"}
_turn = {4: kernels.function("files_turn_4", "wnnnnnnw"), 2: kernels.function("files_turn_2", "hnnnnnnh")}

# --- writing ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Hdu:
    """One unit of a file: its own cards, and an image [y, x] or the columns of a table, or nothing.

    `turned` images are stored with their axes swapped. units: of the columns, by name.
    """

    header: Header = field(default_factory=Header)
    name: str = ""
    image: np.ndarray | None = None
    turned: bool = False
    columns: dict | None = None
    units: dict = field(default_factory=dict)


def write(path, hdus):
    """Writes HDUs, the first of them primary."""
    with open(path, "wb") as fh:
        for i, hdu in enumerate(hdus):
            structure, data, datasum = _table(hdu) if hdu.columns is not None else _image(hdu, is_primary=i == 0)
            header = Header(structure)
            header.extend(c for c in hdu.header.cards() if c[0] not in header)
            if hdu.name:
                header.set("EXTNAME", hdu.name, "extension name")
            fh.write(_with_checksum(header, datasum))
            if data is not None:
                fh.write(data)
                fh.write(b"\0" * (-data.nbytes % BLOCK))


def _image(hdu, is_primary):
    """(structural cards, bytes as an array, sum of its 32-bit words)."""
    image = hdu.image
    if image is None:
        axes, bitpix, data, datasum = [], 8, None, 0
    else:
        image = np.asarray(image)
        kind = image.dtype.newbyteorder("=").str[1:]
        if kind not in _BITPIX:
            raise TypeError(f"{hdu.name}: images of {image.dtype} have no FITS type; convert it")
        axes, bitpix = image.shape if hdu.turned else image.shape[::-1], _BITPIX[kind]
        data, datasum = _stored(image.astype(kind, copy=False), hdu.turned)
    first = ("SIMPLE", True, "conforms to FITS standard") if is_primary else ("XTENSION", "IMAGE", "Image extension")
    cards = [first, ("BITPIX", bitpix, "array data type"), ("NAXIS", len(axes), "number of array dimensions")]
    cards += [(f"NAXIS{i}", n, "") for i, n in enumerate(axes, 1)]
    if is_primary:
        return [*cards, ("EXTEND", True, "")], data, datasum
    return [*cards, ("PCOUNT", 0, "number of parameters"), ("GCOUNT", 1, "number of groups")], data, datasum


def _stored(image, turned):
    """(the image with its bytes as they stand in a file, sum of its 32-bit words)."""
    if not turned:
        native = np.ascontiguousarray(image)
        return native.byteswap(), _image_sum(native.ravel())
    if image.itemsize == 4:  # in which order they are added does not matter
        return turn(image, swap=True), _image_sum(np.ascontiguousarray(image).ravel())
    native = turn(image)
    datasum = _image_sum(native.ravel())
    return native.byteswap(inplace=True), datasum


def turn(image, rows=slice(None), columns=slice(None), swap=False):
    """Some rows and columns of an image with its axes swapped; swap: each value's bytes reversed too."""
    if image.itemsize not in _turn:
        out = np.ascontiguousarray(image[rows, columns].T)
        return out.byteswap(inplace=True) if swap else out
    place = [s.indices(n)[:2] for s, n in zip((rows, columns), image.shape, strict=True)]
    (top, height), (left, width) = ((first, max(stop - first, 0)) for first, stop in place)
    out = np.empty((width, height), image.dtype)
    like = np.int32 if image.itemsize == 4 else np.uint16
    whole = np.ascontiguousarray(image).view(like)
    _turn[image.itemsize](whole, image.shape[1], top, height, left, width, swap, out.view(like))
    return out


def _image_sum(values):
    """Sum of the 32-bit words of pixels: from the numbers themselves, before their bytes are swapped."""
    if values.itemsize >= 4:
        return _folded(int(values.view("u4").sum(dtype="u8")))
    if values.itemsize == 1:
        return word_sum(values.tobytes())
    pairs = values.view("u2")
    return _folded((int(pairs[::2].sum(dtype="u8")) << 16) + int(pairs[1::2].sum(dtype="u8")))


def _table(hdu):
    """(structural cards, bytes as an array, sum of its 32-bit words)."""
    columns = {name: np.asarray(values) for name, values in hdu.columns.items()}
    formats = {name: _format(values) for name, values in columns.items()}
    n = len(next(iter(columns.values())))
    types = []
    for name, values in columns.items():
        code, repeat = formats[name][-1], int(formats[name][:-1])
        types.append((name, f"S{repeat}") if code == "A" else (name, _DTYPES[code], values.shape[1:]))
    data = np.empty(n, types)
    for name, values in columns.items():
        if formats[name][-1] == "L":
            values = np.where(values, b"T", b"F")
        data[name] = values.astype("S") if values.dtype.kind == "U" else values
    cards = [
        ("XTENSION", "BINTABLE", "binary table extension"),
        ("BITPIX", 8, "array data type"),
        ("NAXIS", 2, "number of array dimensions"),
        ("NAXIS1", data.dtype.itemsize, "length of dimension 1"),
        ("NAXIS2", n, "length of dimension 2"),
        ("PCOUNT", 0, "number of group parameters"),
        ("GCOUNT", 1, "number of groups"),
        ("TFIELDS", len(columns), "number of table fields"),
    ]
    for i, name in enumerate(columns, 1):
        cards += [(f"TTYPE{i}", name, ""), (f"TFORM{i}", formats[name], "")]
        cards += [(f"TUNIT{i}", hdu.units[name], "")] if hdu.units.get(name) else []
    return cards, data, word_sum(data.tobytes())


def _format(values):
    """TFORM of a column."""
    if values.dtype.kind in "US":
        return f"{max(values.dtype.itemsize // (4 if values.dtype.kind == 'U' else 1), 1)}A"
    if values.dtype == np.uint16:
        return "1J"
    repeat = int(np.prod(values.shape[1:])) if values.ndim > 1 else 1
    return f"{repeat}{_CODES[values.dtype.str[1:]]}"


def word_sum(data, start=0):
    """Ones' complement sum of bytes as big-endian 32-bit words."""
    data = data + b"\0" * (-len(data) % 4)
    return _folded(start + int(np.frombuffer(data, ">u4").astype("u8").sum()))


def _folded(total):
    while total >> 32:
        total = (total & 0xFFFFFFFF) + (total >> 32)
    return total


def _with_checksum(header, datasum):
    """Bytes of a header whose CHECKSUM makes the whole HDU sum up to minus zero."""
    header.set("CHECKSUM", "0" * 16, WHEN)
    header.set("DATASUM", str(datasum), WHEN)
    text = header_bytes(header)
    card = next(i for i in range(0, len(text), WIDTH) if text.startswith(b"CHECKSUM= '", i)) + len("CHECKSUM= '")
    checksum = encoded(0xFFFFFFFF & ~word_sum(text, datasum)).encode("ascii")
    return text[:card] + checksum + text[card + len(checksum) :]


def encoded(value):
    """16 letters and digits whose bytes sum up to a 32-bit word (Seaman, Pence & Rots 2012, FITS Checksum Proposal)."""
    letters = np.zeros((4, 4), int)  # of each byte, four characters
    for i in range(4):
        byte = value >> (24 - 8 * i) & 0xFF
        quarter, rest = byte // 4 + ord("0"), byte % 4
        four = [quarter + rest, quarter, quarter, quarter]
        while any(_is_punctuation(c) for c in four):
            for j in (0, 2):
                if _is_punctuation(four[j]) or _is_punctuation(four[j + 1]):
                    four[j] += 1
                    four[j + 1] -= 1
        letters[:, i] = four
    text = "".join(map(chr, letters.ravel()))
    return text[-1] + text[:-1]


def _is_punctuation(code):
    return ord("9") < code < ord("A") or ord("Z") < code < ord("a")


# --- reading ----------------------------------------------------------------------------------------------------------


class Opened:
    """A FITS file of images and tables: its headers at once, the data of an HDU when asked for."""

    def __init__(self, path):
        """path: of the file, or its bytes. Raises OSError for what is no FITS file or ends before its headers say so."""
        self._source, self.headers, self._starts = path, [], []
        is_bytes = isinstance(path, bytes)
        size = len(path) if is_bytes else os.path.getsize(path)
        with io.BytesIO(path) if is_bytes else open(path, "rb") as fh:
            while fh.tell() < size:
                header = self._next_header(fh)
                self.headers.append(header)
                self._starts.append(fh.tell())
                end = fh.tell() + _data_bytes(header)
                if end > size:
                    raise OSError(f"truncated: its headers promise {end} bytes, it has {size}")
                fh.seek(end + -end % BLOCK)
        if not self.headers:
            raise OSError("empty")

    def _next_header(self, fh):
        text, is_first = "", fh.tell() == 0
        while True:
            block = fh.read(BLOCK).decode("ascii", "replace")
            if not text and not block.startswith("SIMPLE  =" if is_first else "XTENSION"):
                raise OSError("not a FITS file")
            if len(block) < BLOCK:
                raise OSError("truncated within a header")
            text += block
            lines = [block[i : i + WIDTH] for i in range(0, BLOCK, WIDTH)]
            if "END".ljust(WIDTH) in lines:
                lines = [text[i : i + WIDTH] for i in range(0, len(text), WIDTH)]
                return parse(lines[: lines.index("END".ljust(WIDTH))])

    def index(self, name):
        """Number of the HDU of a name (a number stays what it is); a KeyError when there is none."""
        if isinstance(name, int):
            return name
        names = [str(header.get("EXTNAME", "")).upper() for header in self.headers]
        if name.upper() not in names:
            raise KeyError(f"no HDU {name}, only {', '.join(filter(None, names))}")
        return names.index(name.upper())

    def __contains__(self, name):
        return name.upper() in (str(header.get("EXTNAME", "")).upper() for header in self.headers)

    def raw(self, name):
        """Bytes of an HDU's data."""
        i = self.index(name)
        size, start = _data_bytes(self.headers[i]), self._starts[i]
        if isinstance(self._source, bytes):
            return np.frombuffer(self._source, np.uint8, size, start).copy()
        return np.fromfile(self._source, np.uint8, size, offset=start)

    def image(self, name, turned=False):
        """Image [y, x] of an HDU in the processor's byte order, its axes swapped when it was stored `turned`."""
        header = self.headers[self.index(name)]
        shape = tuple(header[f"NAXIS{i}"] for i in range(header["NAXIS"], 0, -1))
        stored = self.raw(name).view(_KINDS[header["BITPIX"]]).reshape(shape)
        return turn(stored, swap=True) if turned else stored.byteswap(inplace=True)

    def table(self, name):
        """{column: array} of a table in the processor's byte order."""
        header = self.headers[self.index(name)]
        names = [header[f"TTYPE{i}"] for i in range(1, header["TFIELDS"] + 1)]
        types = [_column_type(header[f"TFORM{i}"], header.get(f"TDIM{i}")) for i in range(1, header["TFIELDS"] + 1)]
        rows = self.raw(name)[: header["NAXIS1"] * header["NAXIS2"]]
        data = rows.view([(n, *t) for n, t in zip(names, types, strict=True)])
        return {n: _column(data[n], header[f"TFORM{i}"]) for i, n in enumerate(names, 1)}


def _data_bytes(header):
    if not header["NAXIS"]:
        return 0
    pixels = int(np.prod([header[f"NAXIS{i}"] for i in range(1, header["NAXIS"] + 1)]))
    return abs(header["BITPIX"]) // 8 * header.get("GCOUNT", 1) * (header.get("PCOUNT", 0) + pixels)


def _column_type(form, dim):
    """(dtype, shape) of a column."""
    repeat, code = int(form[:-1] or 1), form[-1]
    if code == "A":
        return f"S{repeat}", ()
    shape = tuple(int(n) for n in dim.strip("()").split(","))[::-1] if dim else (repeat,) if repeat != 1 else ()
    return _DTYPES[code], shape


def _column(values, form):
    if form[-1] == "A":
        return np.char.rstrip(values.astype("U"))
    return values == b"T" if form[-1] == "L" else values.astype(values.dtype.newbyteorder("="))
