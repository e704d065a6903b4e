"""Quality control of the order trace."""

import numpy as np

from soxslib.qc.metric import Metric


def measure(result):
    """Metrics of an OrderTraceResult."""
    out = [
        Metric("TRACE N ORDERS", len(result.trace.centre), "", "Orders traced"),
        Metric(
            "TRACE RES",
            float(np.nanmedian(list(result.scatter.values()))),
            "pixel",
            "Scatter of the slices about the trace",
        ),
        Metric(
            "TRACE SHIFT",
            float(np.nanmedian(list(result.displacement.values()))),
            "pixel",
            "Orders from where they were expected",
        ),
    ]
    scatters = [v for v in result.scatter.values() if np.isfinite(v)]
    good = np.concatenate([s.is_good for s in result.slices.values()]) if result.slices else np.zeros(1, bool)
    out += [
        Metric("TRACE RES MIN", min(scatters, default=float("nan")), "pixel", "Scatter in the best order"),
        Metric("TRACE RES MAX", max(scatters, default=float("nan")), "pixel", "Scatter in the worst order"),
        Metric("TRACE SAMPLES", int(good.size), "", "Slices looked at"),
        Metric("TRACE N SLICES", int(good.sum()), "", "Slices used"),
        Metric("TRACE N CLIPPED", int((~good).sum()), "", "Slices without a peak, or far from the trace"),
        Metric("TRACE FRAC", float(good.mean()), "", "Fraction of the slices used"),
    ]
    for order, s in result.slices.items():
        good = s.is_good
        width = float(np.median(s.sigma[good]) * 2.3548 * result.binning[0]) if good.any() else float("nan")
        snr = float(np.median(s.signal_to_noise[good])) if good.any() else 0.0
        out += [
            Metric("TRACE RES", result.scatter[order], "pixel", "Scatter of the slices about the trace", order),
            Metric("TRACE N SLICES", int(good.sum()), "", "Slices used", order),
            Metric("TRACE FRAC", float(good.mean()) if good.size else 0.0, "", "Fraction of the slices used", order),
            Metric("TRACE SHIFT", result.displacement[order], "pixel", "Order from where it was expected", order),
            Metric("TRACE FWHM", width, "pixel", "Width of the pinhole's image across the dispersion", order),
            Metric("TRACE SNR", snr, "", "Signal-to-noise of a slice", order),
        ]
    return out
