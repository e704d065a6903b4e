"""The master flat as the science steps use it."""

from dataclasses import dataclass, field

import numpy as np

from soxslib.datamodel.frame import Frame
from soxslib.datamodel.geometry import OrderEdges


@dataclass(frozen=True)
class MasterFlat:
    """What a flat tells of pixels, slit and lamp, kept apart since they do not move together.

    frame: pixel response, about 1 (and exactly 1 where the flat tells nothing), dimensionless, with its variance;
    edges: of the slit's image. blaze: {order: electrons of the lamp per native pixel at each column of the frame},
    smooth, one scale for the arm. slit: {order: (fraction from lower to upper edge, illumination, mean 1)}: it moves
    with the light. lean: {order: (slope, bow, the slope's error) at each column of the frame, as `flatfield.Factors`}.
    """

    frame: Frame
    edges: OrderEdges
    blaze: dict[int, np.ndarray]
    slit: dict[int, tuple[np.ndarray, np.ndarray]]
    lean: dict[int, np.ndarray] = field(default_factory=dict)
    lamps: dict[int, str] = field(default_factory=dict)  # {order: lamps its pixel response rests on}

    def edges_on_frame(self):
        """{order: (lower, upper)} edge at each column, in pixels of the frame as binned."""
        across, along = self.frame.exposure.binning
        columns = (np.arange(self.frame.shape[1]) + 0.5) * along - 0.5
        return {o: tuple((e + 0.5) / across - 0.5 for e in self.edges.at(o, columns)) for o in self.edges.lower}
