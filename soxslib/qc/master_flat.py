"""Quality control of the master flat."""

import numpy as np

from soxslib.datamodel import Quality
from soxslib.qc.metric import Metric


def measure(result):
    """Metrics of a MasterFlatResult."""
    frame = result.master.frame
    count = lambda bits: int(np.count_nonzero(frame.quality & np.uint16(bits)))
    lit = _lit_pixels(result.master)
    out = [
        Metric("FLAT LAMP", result.blaze_lamp, "", "Lamp whose shape is the blaze"),
        Metric("N FRAMES", sum(s.n_frames for s in result.stacks), "", "Frames combined"),
        Metric("N EXCLUDED", len(result.warnings), "", "Warnings: frames left out, edges not found"),
        Metric(
            "FRAC REJECTED",
            max(s.rejected_fraction for s in result.stacks),
            "",
            "Fraction of values rejected as cosmic rays",
        ),
        Metric("N COLD", count(Quality.COLD), "pixel", "Pixels of low response"),
        Metric("COLD FRAC", count(Quality.COLD) / lit, "", "Part of the illuminated pixels with low response"),
        Metric(
            "SATURATED FRAC",
            count(Quality.SATURATED) / lit,
            "",
            "Part of the illuminated pixels that is saturated in all frames",
        ),
        Metric("N SATURATED", count(Quality.SATURATED), "pixel", "Pixels saturated in all frames"),
        Metric(
            "SCATTERED",
            float(np.median(result.background.flux)),
            "electron",
            "Scattered light, median over the detector",
        ),
    ]
    if result.photon_transfer is not None:
        t = result.photon_transfer
        out += [
            Metric("GAIN RATIO", t.gain_ratio, "", "Gain from photon noise over the header's"),
            Metric("GAIN RATIO ERR", t.gain_error, "", "Its error"),
            Metric("PTC CURVE", t.curvature, "1/1e4 electron", "Loss of variance over mean with light: non-linearity"),
            Metric("PTC CURVE ERR", t.curvature_error, "1/1e4 electron", "Its error"),
        ]
    out += _of_light(result.master, lit) + _of_edges(result.edge_scatter)
    for order in sorted(result.master.blaze):
        out += _of_order(result, order)
    return out


def _of_light(master, lit):
    """[Metric] of the lamp's light at the middle of the slit, over all orders."""
    along = lambda order, size: (np.arange(size) + 0.5) * master.frame.exposure.binning[1] - 0.5
    inside = lambda order, x: (x >= master.edges.limits[order][0]) & (x <= master.edges.limits[order][1])
    light = [blaze[inside(o, along(o, blaze.size))] for o, blaze in master.blaze.items()]
    light = np.concatenate(light) if light else np.zeros(1)
    out = [
        Metric(
            f"FLAT LEVEL {p}", float(np.percentile(light, p)), "electron", f"Light per pixel: {p} per cent have less"
        )
        for p in (10, 50, 90)
    ]
    mean = float(light.mean())
    return [
        *out,
        Metric("INNER ORDER MEAN", mean, "electron", "Lamp's light per illuminated pixel"),
        Metric("INNER ORDER SUM", mean * lit, "electron", "Lamp's light in all orders"),
    ]


def _of_edges(scatter):
    values = np.array([v for pair in scatter.values() for v in pair], float)
    values = values[np.isfinite(values)]
    meaning = "Scatter of the edges about their curves"
    named = (("EDGE RES", np.median, "median"), ("EDGE RES MIN", np.min, "best"), ("EDGE RES MAX", np.max, "worst"))
    return [Metric(n, float(how(values)), "pixel", f"{meaning}, {w}") for n, how, w in named if values.size]


def _lit_pixels(master):
    """How many pixels lie between the slit's edges, of all orders."""
    edges, (across, along) = master.edges, master.frame.exposure.binning
    areas = []
    for order, (first, last) in edges.limits.items():
        lower, upper = edges.at(order, np.linspace(first, last, 50))
        areas.append(np.mean(upper - lower) * (last - first))
    return max(sum(areas) / (across * along), 1.0)


def _of_order(result, order):
    light = {lamp: factors[order] for lamp, factors in result.factors.items()}
    counts = float(np.median(light[result.blaze_lamp].blaze))
    error2 = sum(1.0 / np.median(f.error[f.usable]) ** 2 for f in light.values() if f.usable.any())
    lower, upper = result.master.edges.at(order, np.linspace(*result.master.edges.limits[order], 50))
    scatter = np.asarray(result.edge_scatter[order])
    peak = float(light[result.blaze_lamp].blaze.max())
    large = [result.large_error[order]] if order in result.large_error else []
    meaning = "Error of the response that only its scale parts from the lamp: in counts, not in fluxes"
    return [
        *(Metric("FLAT LARGE ERR", error, "", meaning, order) for error in large),
        Metric("FLAT COUNTS", counts, "electron", "Lamp's light per pixel, median along the order", order),
        Metric("FLAT PEAK", peak, "electron", "Lamp's light per pixel, at the blaze's peak", order),
        Metric("FLAT SNR", float(np.sqrt(error2)), "", "Signal-to-noise of a pixel, all lamps", order),
        Metric("FLAT PRNU", result.intrinsic[order], "", "Scatter of the pixels' response beyond noise", order),
        Metric("FLAT LAMPS", result.master.lamps[order], "", "Share of each lamp in the response", order),
        Metric("SLIT HEIGHT", float(np.median(upper - lower)), "pixel", "Distance of the slit's edges", order),
        Metric("EDGE RES", float(scatter.max()), "pixel", "Scatter of the edges about their curves", order),
    ]
