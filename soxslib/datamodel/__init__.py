"""What is passed between steps: frozen, checked at construction, without algorithms and without files."""

from soxslib.datamodel.exposure import Exposure
from soxslib.datamodel.flat import MasterFlat
from soxslib.datamodel.frame import Frame, RawFrame
from soxslib.datamodel.geometry import DispersionSolution, OrderEdges, OrderSolution, OrderTrace
from soxslib.datamodel.masters import MasterBias, MasterDark
from soxslib.datamodel.quality import QUALITY_BITS, Quality
from soxslib.datamodel.spectrum import (
    Absorption,
    MergedSpectrum,
    OrderResponse,
    OrderSpectrum,
    RectifiedOrder,
    Response,
)

__all__ = [
    "QUALITY_BITS",
    "Absorption",
    "DispersionSolution",
    "Exposure",
    "Frame",
    "MasterBias",
    "MasterDark",
    "MasterFlat",
    "MergedSpectrum",
    "OrderEdges",
    "OrderResponse",
    "OrderSolution",
    "OrderSpectrum",
    "OrderTrace",
    "Quality",
    "RawFrame",
    "RectifiedOrder",
    "Response",
]
