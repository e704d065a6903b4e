"""Quality control of the master dark."""

from soxslib.qc.lightless import measure_lightless
from soxslib.qc.metric import Metric


def measure(result):
    """Metrics of a MasterDarkResult."""
    rate = result.stack.level_e / max(result.master.exposure_s, 1e-3)
    return [
        Metric(
            "DARK RATE", rate, "electron/s", "The level over the exposure time, what remains of the pedestal included"
        ),
        Metric("DARK LEVEL", result.stack.level_e, "electron", "Typical signal of one integration without light"),
        Metric("ROW NOISE", result.row_noise_e, "electron", "Read-out noise common to a row of one frame"),
        *measure_lightless(result.master, result.stack),
    ]
