"""Straightened, sky-subtracted orders as a grey PNG; the format is simple enough to write it here."""

import struct
import zlib

import numpy as np

from soxslib.errors import ReductionError
from soxslib.io.atomic import atomic_path
from soxslib.io.rectified import read_rectified

WIDTH = 1400  # px
LEAST_HEIGHT = 40  # px of an order's strip
LEVELS = 48  # grey steps: noise then compresses


def write_png(path, image):
    """Writes a uint8 image [y, x], first row at the top, as a grey PNG."""
    height, width = image.shape
    rows = np.zeros((height, width + 1), np.uint8)  # each row led by its filter: none
    rows[:, 1:] = image
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows.tobytes(), 6)),
        (b"IEND", b""),
    ]
    with atomic_path(path) as temporary, open(temporary, "wb") as fh:
        fh.write(b"\x89PNG\r\n\x1a\n")
        for name, data in chunks:
            fh.write(struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)))


def order_strips(path, target, width=WIDTH):
    """Writes the strips of all orders, blue at the top; [{order, first, last, top, height}] of the image, or None."""
    try:
        orders, _ = read_rectified(path)
    except (ReductionError, KeyError, OSError):
        return None
    if not orders:
        return None
    orders.sort(key=lambda o: o.wavelength_nm[0])
    strips = [grey(o, width) for o in orders]
    gap = np.full((3, width), 255, np.uint8)
    image = np.vstack([part for strip in strips for part in (strip, gap)][:-1])
    write_png(target, image)
    places, top = [], 0
    for o, strip in zip(orders, strips, strict=True):
        first, last = float(o.wavelength_nm[0]), float(o.wavelength_nm[-1])
        places.append(
            {
                "order": o.order,
                "first": round(min(first, last), 2),
                "last": round(max(first, last), 2),
                "slit": [round(float(o.slit_arcsec[0]), 2), round(float(o.slit_arcsec[-1]), 2)],
                "top": round(top / len(image), 4),
                "height": round(len(strip) / len(image), 4),
            }
        )
        top += len(strip) + len(gap)
    return places


def grey(order, width):
    """uint8 image of one order: mean of the good pixels in each column of `width`, asinh-stretched about its noise."""
    flux, good = order.flux, (order.quality == 0) & np.isfinite(order.flux)
    edges = np.linspace(0, flux.shape[1], width + 1).astype(int)
    starts = np.minimum(edges[:-1], flux.shape[1] - 1)
    count = np.add.reduceat(good.astype(np.float32), starts, axis=1)
    total = np.add.reduceat(np.where(good, flux, 0.0), starts, axis=1)
    with np.errstate(all="ignore"):
        mean = np.where(count > 0, total / count, np.nan)
    sigma = 1.4826 * np.nanmedian(np.abs(mean - np.nanmedian(mean))) or 1.0
    high = max(float(np.nanpercentile(mean, 99.7)), 5 * sigma)
    low = np.arcsinh(-3.0)
    scaled = (np.arcsinh(mean / sigma) - low) / (np.arcsinh(high / sigma) - low)
    steps = np.round(np.clip(scaled, 0, 1) * (LEVELS - 1)) / (LEVELS - 1)
    image = np.where(np.isfinite(steps), 235 * (1 - steps), 255).astype(np.uint8)
    repeat = max(1, round(LEAST_HEIGHT / image.shape[0]))
    return np.repeat(image[::-1], repeat, axis=0)
