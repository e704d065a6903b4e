"""Quality of a spatial solution: that of its arc lines, and the pinholes seen."""

from soxslib.qc.dispersion_solution import measure as measure_arc
from soxslib.qc.metric import Metric


def measure(result):
    """Metrics of a multi-pinhole arc's solution and map."""
    seen = result.pinholes
    return [
        *measure_arc(result),
        Metric("PINHOLES", min(seen.values()), "", "fewest pinholes seen in an order"),
        *(Metric("PINHOLES", n, "", "pinholes seen", order) for order, n in sorted(seen.items())),
        Metric("MAPPED", float((result.order > 0).mean()), "", "part of the detector that is mapped"),
    ]
