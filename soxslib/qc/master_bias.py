"""Quality control of the master bias."""

import numpy as np

from soxslib.qc.lightless import measure_lightless
from soxslib.qc.metric import Metric


def measure(result):
    """Metrics of a MasterBiasResult."""
    levels = np.asarray(result.levels_e)
    return [
        Metric("BIAS LEVEL", float(levels.mean()), "electron", "Pedestal, mean of the frames"),
        Metric(
            "BIAS DRIFT", float(levels.max() - levels.min()), "electron", "Largest difference of the frames' pedestals"
        ),
        *measure_lightless(result.master, result.stack),
    ]
