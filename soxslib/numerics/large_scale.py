"""Structure of a detector's response that is larger than a slit and smaller than an order, told from the lamp's own shape.

Along an order a flat shows throughput x lamp x response of the pixels. Nothing but scale tells them apart: the first two
bend slowly, but for the dichroics' falls at the ends of an order; the response is a random field of the detector's
surface, seen by neighbouring orders alike. Both are taken as Gaussian processes and parted by their covariances
(Rybicki & Press 1992, ApJ 398, 169).
"""

from dataclasses import dataclass

import numpy as np

_LAMP = 3.0  # scatter of the lamp's log along an order: much more than any lamp's
_FREE = 4  # degree of the lamp's log that costs nothing
_HASTE = 3.0  # how much sooner the lamp may bend where it falls
_SAMPLES = 8  # of an order's nodes, whose error is looked at
_LEAST_LIGHT = 3e-3  # of an order's brightest column, below which nothing is told


@dataclass(frozen=True)
class Nodes:
    """Log of the light of one order at nodes along it: column, row on the detector [px], log light, its error."""

    column: np.ndarray
    row: np.ndarray
    log_light: np.ndarray
    error: np.ndarray


def nodes_of(light, error, row, *, along_px, step_px, steepest):
    """The Nodes of an order from its light at each column [any unit], or None when too little is seen.

    error: of the light, infinite where nothing is known; row, along_px: place of each column on the detector; step_px: from node to
    node; steepest: change of the log over a step beyond which the light begins or ends rather than falls.
    """
    known = np.isfinite(error) & (light > _LEAST_LIGHT * np.max(light, initial=0.0))
    bins = ((along_px - along_px[0]) / step_px).astype(int)
    weight = np.bincount(bins, known)
    used = np.flatnonzero(weight > 0.5 * np.median(weight[weight > 0])) if known.any() else np.zeros(0, int)
    if used.size < 8:
        return None
    mean = lambda values: (np.bincount(bins, np.where(known, values, 0.0)) / np.maximum(weight, 1))[used]
    logarithm = np.log(np.where(known, np.maximum(light, 1e-300), 1.0))
    value, column = mean(logarithm), mean(along_px)
    noise = np.sqrt(mean(np.where(known, error / np.where(known, light, 1.0), 0.0) ** 2) / weight[used])
    inside = _longest(np.abs(np.diff(value)) < steepest * np.diff(column) / step_px)
    column, value, noise = column[inside], value[inside], noise[inside]
    return Nodes(column, np.interp(column, along_px, row), value, noise) if column.size >= 8 else None


def _longest(is_smooth):
    """Slice of the longest run of nodes whose steps are smooth."""
    breaks = np.flatnonzero(~is_smooth)
    starts, ends = np.r_[0, breaks + 1], np.r_[breaks + 1, is_smooth.size + 1]
    k = np.argmax(ends - starts)
    return slice(starts[k], ends[k])


def _smooth(values, at, scale):
    """Running Gaussian mean."""
    weight = np.exp(-0.5 * ((at[:, None] - at[None, :]) / scale) ** 2)
    return weight @ values / weight.sum(1)


def response_field(orders, *, lamp_scales_px, scale_px, scatters, model_error):
    """{order: (log response at its nodes, its typical error)} from {order: Nodes}: a field with the correlation length scale_px.

    scatters: of the field, 0 for none; the detector has the likeliest. lamp_scales_px: lengths over which the lamp may
    bend; each order takes the likeliest. model_error: accuracy of the light that no noise tells (dimensionless).
    """
    parts = list(orders.values())
    bends = [[_lamp(p, scale, scale_px / 3.0) for scale in lamp_scales_px] for p in parts]
    fields = [_field(p.column, p.row, scale_px) for p in parts]
    tried = {
        s: [_likeliest(p, own, s**2 * f, model_error) for p, own, f in zip(parts, bends, fields, strict=True)]
        for s in scatters
    }
    scatter = max(scatters, key=lambda s: sum(likelihood for likelihood, _ in tried[s]))
    lamps = [lamp for _, lamp in tried[scatter]]
    number = np.concatenate([np.full(p.column.size, i) for i, p in enumerate(parts)])
    column, row, error = (np.concatenate([getattr(p, name) for p in parts]) for name in ("column", "row", "error"))
    light = np.concatenate([p.log_light - p.log_light.mean() for p in parts])
    field = scatter**2 * _field(column, row, scale_px)
    total = field + np.diag(error**2 + model_error**2)
    for i, lamp in enumerate(lamps):
        own = slice(*np.searchsorted(number, [i, i + 1]))
        total[own, own] += lamp
    some = np.concatenate(
        [np.flatnonzero(number == i)[2 :: max(np.sum(number == i) // _SAMPLES, 1)] for i in range(len(parts))]
    )
    solved = np.linalg.solve(total, np.column_stack([light, field[:, some]]))
    found = field @ solved[:, 0]
    left = np.diag(field)[some] - np.einsum("ij,ij->j", field[:, some], solved[:, 1:])
    typical = lambda i: float(np.sqrt(np.maximum(np.median(left[number[some] == i]), 0.0)))
    return {o: (found[number == i], typical(i)) for i, o in enumerate(orders)}


def _field(column, row, scale_px):
    """Correlation of the response between nodes."""
    distance2 = (column[:, None] - column[None, :]) ** 2 + (row[:, None] - row[None, :]) ** 2
    return np.exp(-0.5 * distance2 / scale_px**2)


def _likeliest(nodes, lamps, field, model_error):
    """(log likelihood, lamp) for the covariance of an order's lamp, of several, that makes the light likeliest."""
    n = nodes.column.size
    bordered = np.zeros((n + 1, n + 1))
    noise = field + np.diag(nodes.error**2 + model_error**2)
    bordered[n, :n] = nodes.log_light - nodes.log_light.mean()
    bordered[n, n] = 1e100  # anything large

    def likelihood(lamp):
        bordered[:n, :n] = lamp + noise
        factor = np.linalg.cholesky(bordered)  # its last row is the light that the other rows make white
        return float(-0.5 * np.sum(factor[n, :n] ** 2) - np.log(np.diag(factor)[:n]).sum())

    return max(((likelihood(lamp), lamp) for lamp in lamps), key=lambda pair: pair[0])


def _lamp(nodes, scale_px, smooth_px):
    """Covariance of the lamp's log between an order's nodes: a polynomial and what bends over scale_px, or sooner where
    the light falls steeply."""
    column, value = nodes.column, nodes.log_light
    slope = np.abs(np.gradient(_smooth(value, column, smooth_px), column))
    density = 1.0 + _HASTE * np.maximum(_smooth(slope, column, smooth_px) * scale_px - 1.0, 0.0)
    stretched = np.r_[0.0, np.cumsum(0.5 * (density[1:] + density[:-1]) * np.diff(column))] / scale_px
    free = np.polynomial.legendre.legvander(2.0 * (column - column[0]) / np.ptp(column) - 1.0, _FREE)
    return _LAMP**2 * (free @ free.T + np.exp(-0.5 * (stretched[:, None] - stretched[None, :]) ** 2))
