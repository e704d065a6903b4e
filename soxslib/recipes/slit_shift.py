"""How far the slit's image has moved across the dispersion between the flat and an exposure."""

import logging

import numpy as np

from soxslib.datamodel import Quality
from soxslib.numerics.cutout import to_unbinned
from soxslib.numerics.slit_ends import REACH, end_place, shift_of, shifts_together

log = logging.getLogger(__name__)

SCATTER = 0.4  # unbinned px by which orders move differently
FLOOR = 0.1  # px, of a single measure
_INSIDE = 5.0  # px more that are read, inside of the slit
_UNUSABLE = np.uint16(Quality.BAD | Quality.HOT | Quality.COLD | Quality.SATURATED)


def slit_shifts(frame, flat):
    """{order: px unbinned} by which the slit's ends in a prepared frame, lit by the sky, are off those in the MasterFlat."""
    measured = {o: _measured(frame, flat.edges, o) for o in flat.edges.lower}
    shifts = shifts_together(measured, scatter=SCATTER)
    told = ", ".join(f"{o}: {shifts[o]:+.2f}" for o, (_, error) in measured.items() if np.isfinite(error))
    log.info("%s: the slit's image has moved across since the flat [px]: %s", frame.exposure.file, told or "not seen")
    return shifts


def _measured(frame, edges, order):
    """(shift, error) [px unbinned] of an order of the frame; error inf where neither end is seen."""
    across, along = frame.exposure.binning
    columns = np.arange(frame.shape[1])
    x = to_unbinned(columns, along)
    first, last = edges.limits.get(order, (-np.inf, np.inf))
    columns, x = (a[(x >= first) & (x <= last)] for a in (columns, x))
    if not columns.size:
        return 0.0, np.inf
    ends = []
    for end, inward in zip(edges.at(order, x), (1.0, -1.0), strict=True):
        half = int(np.ceil((REACH + 2 * _INSIDE) / across))
        rows = np.round((end + 0.5) / across - 0.5).astype(int)[None, :] + np.arange(-half, half + 1)[:, None]
        on_frame = (rows >= 0) & (rows < frame.shape[0])
        pixel = np.clip(rows, 0, frame.shape[0] - 1), np.broadcast_to(columns, rows.shape)
        usable = on_frame & ((frame.quality[pixel] & _UNUSABLE) == 0)
        distance = inward * (to_unbinned(rows, across) - end)
        ends.append(end_place(distance, *(a[pixel].astype(float) for a in (frame.flux, frame.floor)), usable, across))
    shift, error = shift_of(*ends)
    return shift, float(np.hypot(error, FLOOR))
