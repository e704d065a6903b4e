"""Headers of many files quickly: cards as a plain dict, without opening the pixels.

astropy needs some milliseconds a file; an archive of years has 10^5 of them. This reads the 2880 byte blocks itself and
tells a truncated file by comparing its size with the size its headers promise.
"""

import gzip
import math
import os
import re
import shutil
import struct
import subprocess

from soxslib.errors import ReductionError

SUFFIXES = (".fits", ".fits.fz", ".fits.gz", ".fits.Z", ".fit", ".fts")
BLOCK = 2880
MAX_BLOCKS = 200  # of one header: 7200 cards
END = "END".ljust(80)
_STRING = re.compile(r"'((?:[^']|'')*)'")


def read_header(path):
    """(cards, defect) of a raw file: its merged header as {keyword: value} and None, or what is wrong with its data.

    Image extensions' cards complement the primary ones. Raises ReductionError, one line, when no header can be read.
    """
    name = os.path.basename(path)
    try:
        size = os.stat(path).st_size
        if size == 0:
            raise ReductionError(f"{name}: is empty (0 bytes); fetch it again from the archive")
        opener = _OPENERS.get(os.path.splitext(name)[1], _open_plain)
        with open(path, "rb") as fh:
            return _merged(opener(fh, path, size), name)
    except ReductionError:
        raise
    except (OSError, EOFError, ValueError, struct.error, ImportError) as error:
        raise ReductionError(
            f"{name}: cannot be read ({type(error).__name__}: {' '.join(str(error).split())[:100]}); "
            f"fetch it again from the archive"
        ) from error


class _Source:
    """Bytes of an unpacked FITS file: reads on, skips, and says how many bytes there are in all (None: unknown)."""

    def __init__(self, fh, size):
        self.fh, self.size, self.position = fh, size, 0

    def read(self, count):
        data = self.fh.read(count)
        self.position += len(data)
        return data

    def skip_to(self, position):
        self.fh.seek(position)
        self.position = position

    def is_short_of(self, end):
        """True when the file ends before `end`."""
        return self.size is not None and self.size < end


class _GzipSource(_Source):
    """gzip tells its unpacked length in its last four bytes; in a truncated file anything stands there."""

    def is_short_of(self, end):
        if self.size == end + (-end) % BLOCK:
            return False
        try:
            while self.position < end and (data := self.fh.read(1 << 20)):
                self.position += len(data)
        except EOFError:
            return True
        return self.position < end


def _open_plain(fh, path, size):
    return _Source(fh, size)


def _open_gzip(fh, path, size):
    fh.seek(-4, os.SEEK_END)
    unpacked = struct.unpack("<I", fh.read(4))[0]  # of the last member, modulo 2^32: archives write one member
    fh.seek(0)
    return _GzipSource(gzip.GzipFile(fileobj=fh), unpacked)


def _open_compress(fh, path, size):
    """LZW has no length field, so that only unpacking all of it tells a truncated file; gzip(1) does that quickly."""
    import io

    if shutil.which("gzip"):
        done = subprocess.run(["gzip", "-dc"], stdin=fh, capture_output=True, check=False)
        if not done.stdout:
            raise ReductionError(f"{os.path.basename(path)}: cannot be unpacked; fetch it again from the archive")
        return _Source(io.BytesIO(done.stdout), len(done.stdout))
    import uncompresspy

    return _Source(uncompresspy.LZWFile(path), None)


_OPENERS = {".gz": _open_gzip, ".Z": _open_compress}


def _merged(source, name):
    cards, defect = {}, None
    start = 0
    while source.size is None or start < source.size:
        header = _one_header(source, name, first=start == 0)
        if header is None:
            break
        end = source.position + _data_bytes(header)
        has_image = _adds_image(header)
        if not cards or has_image:
            cards |= {key: value for key, value in header.items() if key not in cards}
        if has_image:
            cards["NAXIS1"], cards["NAXIS2"] = (header.get(f"ZNAXIS{i}", header.get(f"NAXIS{i}")) for i in (1, 2))
        if source.is_short_of(end):
            defect = f"{name}: is truncated (its header promises {end} bytes); fetch it again from the archive"
            break
        if has_image or source.size is None:
            break  # the rest of the file does not describe the exposure
        start = end + (-end) % BLOCK
        source.skip_to(start)
    return cards, defect


def _adds_image(header):
    return header.get("NAXIS") == 2 and (header.get("XTENSION", "IMAGE") == "IMAGE" or header.get("ZIMAGE") is True)


def _data_bytes(header):
    naxis = header.get("NAXIS", 0)
    if not isinstance(naxis, int) or naxis == 0:
        return 0
    sizes = [header.get(f"NAXIS{i}", 0) for i in range(1, naxis + 1)]
    if not all(isinstance(n, int) for n in [*sizes, header.get("BITPIX")]):
        return 0
    return abs(header["BITPIX"]) // 8 * header.get("GCOUNT", 1) * (header.get("PCOUNT", 0) + math.prod(sizes))


def _one_header(source, name, first):
    """Cards of the header that starts here; None when nothing (more) of the kind follows."""
    text = []
    for _ in range(MAX_BLOCKS):
        block = source.read(BLOCK)
        if not text and first and not block.startswith(b"SIMPLE  ="):
            raise ReductionError(f"{name}: is not a FITS file (it starts with {block[:20]!r}); remove or exclude it")
        if not text and not first and not block.startswith(b"XTENSION"):
            return None
        if len(block) < BLOCK:
            raise ReductionError(f"{name}: is truncated within its header; fetch it again from the archive")
        block = block.decode("ascii", "replace")
        lines = [block[i : i + 80] for i in range(0, BLOCK, 80)]
        if END in lines:
            return _cards(text + lines[: lines.index(END)])
        text += lines
    raise ReductionError(f"{name}: header without END card; fetch it again from the archive")


def _cards(lines):
    cards, last = {}, None
    for line in lines:
        if line[8:10] == "= ":
            key, raw = line[:8].rstrip(), line[10:]
        elif line[:9] == "HIERARCH " and "=" in line:
            key, _, raw = line.partition("=")
            key = key[9:].strip()
        elif line[:8] == "CONTINUE" and isinstance(cards.get(last), str) and cards[last].endswith("&"):
            cards[last] = cards[last][:-1] + str(_value(line[8:]) or "")
            continue
        else:
            continue
        last = key
        if key not in cards:
            cards[key] = _value(raw)
    return cards


def split_card(raw):
    """(value, comment) of what follows a card's keyword."""
    raw = raw.strip()
    match = _STRING.match(raw)
    rest = raw[match.end() :] if match else raw
    return _value(raw), rest.partition("/")[2].strip()


def _value(raw):
    """The value of a card: str, bool, int, float; None when undefined; the text itself when it is none of them."""
    raw = raw.strip()
    if raw[:1] == "'":
        end = raw.find("'", 1)
        if end > 0 and raw[end + 1 : end + 2] != "'":  # nearly always
            return raw[1:end].rstrip()
        match = _STRING.match(raw)
        return match.group(1).replace("''", "'").rstrip() if match else raw[1:].rstrip()
    raw = raw.partition("/")[0].rstrip()
    try:
        return float(raw) if "." in raw else int(raw)
    except ValueError:
        pass
    if raw in ("T", "F"):
        return raw == "T"
    if not raw:
        return None
    try:
        return float(raw.replace("D", "E"))
    except ValueError:
        return raw
