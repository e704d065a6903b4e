"""Scattered light of a frame, from its pixels between the orders."""

from types import SimpleNamespace

import numpy as np

from soxslib.datamodel import Quality
from soxslib.numerics import background

DEFAULTS = SimpleNamespace(
    background_margin_px=5.0,  # unbinned; the blurred edge of the slit ends there
    background_nodes=(16, 12),
    background_block_px=(16, 64),
    background_clip_sigma=4.5,
    background_stiffness=1e-3,
    background_row_smooth_px=25.0,
    background_row_pixels=200,
)
_UNUSABLE = np.uint16(Quality.BAD | Quality.HOT | Quality.COLD | Quality.SATURATED | Quality.COSMIC_RAY)


def frame_background(frame, edges, settings=None):
    """(scattered light, its error) [electron] of a frame; edges: {order: (lower, upper)} at each of its columns.

    Where read-out noise shifts whole rows, and the pixels between the orders show it, the model holds these shifts too.
    """
    s = SimpleNamespace(**{k: getattr(settings, k, v) for k, v in vars(DEFAULTS).items()})
    margin = s.background_margin_px / frame.exposure.binning[0]
    usable = background.between_orders(frame.shape, list(edges.values()), margin_px=margin)
    usable &= (frame.quality & _UNUSABLE) == 0
    model, error, used = background.scattered_light(
        frame.flux, frame.variance, usable,
        nodes=s.background_nodes, block_px=s.background_block_px,
        clip_sigma=s.background_clip_sigma, stiffness=s.background_stiffness,
    )  # fmt: skip
    rows = background.row_noise(
        frame.flux - model,
        frame.variance,
        used,
        smooth_px=s.background_row_smooth_px,
        least_pixels=s.background_row_pixels,
    )
    model += rows[:, None].astype(np.float32)
    return model, error


def science_background(frame, flat, settings=None):
    """Scattered light [electron] of a science frame, between the edges that its MasterFlat knows."""
    return frame_background(frame, flat.edges_on_frame(), settings)[0]
