"""Quality of nod: the metrics of stare."""

from soxslib.qc.stare import measure

__all__ = ["measure"]
