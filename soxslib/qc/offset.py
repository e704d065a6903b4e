"""Quality of a reduction in offset mode: as in stare, and what the frames on the empty sky told."""

import numpy as np

from soxslib.qc.metric import Metric
from soxslib.qc.stare import measure as measured_in_stare


def measure(result):
    """[Metric] of a ScienceResult."""
    return [*measured_in_stare(result), *_off_sky(result.exposures[0].off)]


def _off_sky(off):
    used = Metric(
        "SKY FRAMES", len(off.files) if off else 0, "", "frames on the empty sky that tell the first exposure's sky"
    )
    if off is None:
        return [used]
    changes = off.changes
    typical = lambda values: float(np.median(list(values)))
    moved = typical(c.shift_px for c in changes) * off.binning
    return [
        used,
        Metric(
            "SKY LINE SCALE", typical(np.median(c.lines) for c in changes), "", "sky lines over those of the empty sky"
        ),
        Metric("SKY LINE MISFIT", typical(c.misfit for c in changes), "", "what scale and shift leave of a sky line"),
        Metric("SKY MOVED", moved, "px", "sky lines since the frames on the empty sky"),
    ]
