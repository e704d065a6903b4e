"""Master flats on disk."""

import numpy as np

from soxslib.datamodel import MasterFlat
from soxslib.io import products

UNITS = {
    "BLAZE": {"along": "pixel", "blaze": "electron", "slope": "1", "bow": "1", "slope_error": "1"},
    "SLIT": {"fraction": "1", "illumination": "1"},
}
LEAN = ("slope", "bow", "slope_error")


def write_master_flat(path, flat, header):
    """FLUX (pixel response), QUAL, ERRS; tables EDGES, BLAZE, SLIT."""
    orders = sorted(flat.blaze)
    blaze = dict(
        order=np.concatenate([np.full(flat.blaze[o].size, o, np.int32) for o in orders]),
        along=np.concatenate([np.arange(flat.blaze[o].size, dtype=np.int32) for o in orders]),
        blaze=np.concatenate([flat.blaze[o] for o in orders]).astype(np.float32),
    )
    if all(o in flat.lean for o in orders):
        blaze |= {c: np.concatenate([flat.lean[o][i] for o in orders]).astype(np.float32) for i, c in enumerate(LEAN)}
    slit = dict(
        order=np.concatenate([np.full(flat.slit[o][0].size, o, np.int32) for o in orders]),
        fraction=np.concatenate([flat.slit[o][0] for o in orders]).astype(np.float32),
        illumination=np.concatenate([flat.slit[o][1] for o in orders]).astype(np.float32),
    )
    tables = [products.trace_table(flat.edges), ("BLAZE", blaze, UNITS["BLAZE"]), ("SLIT", slit, UNITS["SLIT"])]
    frame = flat.frame
    images = [
        ("FLUX", frame.flux, ""),
        ("QUAL", frame.quality.astype(np.int16), ""),
        ("ERRS", np.sqrt(frame.variance), ""),
    ]
    products.write_images(path, images, header, [products.table_hdu(*t) for t in tables])


def read_master_flat(path):
    """The MasterFlat of a product; products of earlier releases have no lean."""
    blaze, slit = products.read_table(path, "BLAZE"), products.read_table(path, "SLIT")
    orders = np.unique(blaze["order"])
    leans = {int(o): np.array([blaze[c][blaze["order"] == o] for c in LEAN], float) for o in orders if LEAN[0] in blaze}
    return MasterFlat(
        products.read_frame(path),
        products.read_edges(path),
        {int(o): blaze["blaze"][blaze["order"] == o].astype(float) for o in orders},
        {
            int(o): tuple(slit[c][slit["order"] == o].astype(float) for c in ("fraction", "illumination"))
            for o in orders
        },
        leans,
    )
