"""The only place that opens FITS files."""

from soxslib.io.atomic import atomic_path
from soxslib.io.raw import open_raw_header, read_raw

__all__ = ["atomic_path", "open_raw_header", "read_raw"]
