"""Large-scale response of the detector at every column of every order, from the flat's lamps."""

import numpy as np

from soxslib.numerics import flatfield
from soxslib.numerics import large_scale as field
from soxslib.numerics.cutout import to_unbinned
from soxslib.numerics.filters import column_medians


def large_scale_response(factors, at, binning, settings):
    """({order: response at each column of the frame, about 1}, {order: its error}), from {order: Factors} of the lamp that
    tells it best.

    factors: {order: Factors}; at: {order: (lower, upper edge, seen)} in pixels of the frame.
    """
    ones = {order: np.ones(f.blaze.size) for order, f in factors.items()}
    nodes = {o: _nodes(f, 0.5 * (at[o][0] + at[o][1]), binning, settings) for o, f in factors.items()}
    nodes = {o: n for o, n in nodes.items() if n is not None}
    if not nodes:
        return ones, {}
    found = field.response_field(
        nodes,
        lamp_scales_px=settings.lamp_scales_px,
        scale_px=settings.large_scale_px,
        scatters=settings.large_scale_scatter,
        model_error=settings.large_scale_error,
    )
    for order, (log_response, _) in found.items():
        along = to_unbinned(np.arange(ones[order].size), binning[1])
        ones[order] = np.exp(np.interp(along, nodes[order].column, log_response - np.mean(log_response)))
    return ones, {order: error for order, (_, error) in found.items()}


def _nodes(factors, row, binning, settings):
    """Nodes of an order, in unbinned pixels: the typical pixel of each column, lamp lines left out."""
    used = factors.usable & ~flatfield.lamp_lines(factors)[None, :]
    known = used.any(0)
    light, error = np.zeros(known.size), np.full(known.size, np.inf)
    light[known] = column_medians(factors.ratio, used)[known] * factors.blaze[known]
    error[known] = 1.25 * np.sqrt(np.where(used, factors.error**2, 0.0).sum(0)[known]) / used.sum(0)[known]
    error[known] *= factors.blaze[known]
    return field.nodes_of(
        light, error, to_unbinned(row, binning[0]), along_px=to_unbinned(np.arange(known.size), binning[1]),
        step_px=settings.large_scale_px / 7.5, steepest=settings.steepest,
    )  # fmt: skip
