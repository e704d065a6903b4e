"""Quality control: the numbers that say how far a product can be trusted."""

from soxslib.qc.metric import Metric, header_cards

__all__ = ["Metric", "header_cards"]
