"""Spectra as the pages carry them: pairs of bins joined, half-precision numbers, base64."""

import base64

import numpy as np

from soxslib.datamodel import Quality
from soxslib.errors import ReductionError
from soxslib.instruments import load_instrument
from soxslib.io.spectra import read_merged
from soxslib.io.tables import read_ecsv
from soxslib.qc.arms import UNUSABLE

JOIN = 2  # bins: the resolution element has six or more
CYCLE = ("#0072B2", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#B8860B")  # as in the figures
LINES = 400  # sky lines that are marked, the brightest


def read_spectrum(path):
    """The MergedSpectrum of a merged or flux-calibrated product; None when it cannot be read."""
    try:
        return read_merged(path)[0]
    except (ReductionError, KeyError, OSError):
        return None


def spectrum_payload(merged):
    """{start, step, flux, error, sky, flags, scale ...} of a MergedSpectrum; None without a value."""
    flux, error, sky, quality = joined(merged)
    finite = np.isfinite(flux)
    if not finite.any():
        return None
    scale = float(np.nanmax(np.abs(flux[finite]))) / 3e4 or 1.0
    step = float(merged.wavelength_nm[1] - merged.wavelength_nm[0])
    sky_scale = float(np.nanmax(np.abs(sky), initial=0.0)) / 3e4 or 1.0
    return {
        "start": round(float(merged.wavelength_nm[0]) + 0.5 * (JOIN - 1) * step, 6),
        "step": round(JOIN * step, 9),
        "scale": scale,
        "flux": _half(flux / scale),
        "error": _half(error / scale),
        "sky": _half(sky / sky_scale),
        "flags": _text(quality_class(quality)),
        "unit": "erg s⁻¹ cm⁻² Å⁻¹" if merged.flux_calibrated else "electron per bin",
        "medium": "vacuum" if merged.is_vacuum else "air",
        "spark": spark(flux, error),
    }


def joined(merged):
    """(flux, error, sky, quality) of a MergedSpectrum with JOIN bins joined to their mean; bad ones are left out."""
    n = merged.flux.size // JOIN * JOIN
    cut = lambda a: np.asarray(a, float)[:n].reshape(-1, JOIN)
    quality = merged.quality[:n].reshape(-1, JOIN)
    flux, variance = cut(merged.flux), cut(merged.error) ** 2
    good = ((quality & UNUSABLE) == 0) & np.isfinite(flux) & (variance > 0)
    some = np.where(good.any(axis=1, keepdims=True), good, np.isfinite(flux))  # rather a bad value than none, marked
    count = some.sum(axis=1)
    shared = cut(merged.covariance[0])[:, 0] if merged.covariance else np.zeros(len(flux))
    shared = np.where(some.all(axis=1) & np.isfinite(shared), shared, 0.0)
    with np.errstate(all="ignore"):
        mean = np.where(some, flux, 0.0).sum(axis=1) / count
        error = np.sqrt(np.where(some, variance, 0.0).sum(axis=1) + 2 * shared) / count
        sky = np.nanmean(np.where(np.isfinite(cut(merged.sky)), cut(merged.sky), 0.0), axis=1)
    flags = np.bitwise_or.reduce(np.where(some, quality, 0), axis=1)
    return mean, error, sky, np.where(count == 0, int(Quality.GAP), flags)


def quality_class(quality):
    """0 good, 1 telluric, 2 weak estimate, 3 bad, 4 no data."""
    out = np.zeros(quality.shape, np.uint8)
    out[(quality & int(Quality.TELLURIC)) > 0] = 1
    out[(quality & int(Quality.INTERPOLATED | Quality.EXTRAPOLATED | Quality.POOR_SKY | Quality.NONLINEAR)) > 0] = 2
    out[(quality & UNUSABLE) > 0] = 3
    out[(quality & int(Quality.GAP)) > 0] = 4
    return out


def spark(flux, error, points=90):
    """A small list of the spectrum's shape, 0 to 1, for a thumbnail; None where there is nothing."""
    edges = np.linspace(0, flux.size, points + 1).astype(int)
    medians = []
    for a, b in zip(edges, edges[1:], strict=False):
        part, sigma = flux[a:b], error[a:b]
        part = part[np.isfinite(part) & (sigma > 0) & (np.abs(part) < 1e30)]
        medians.append(np.median(part) if part.size else np.nan)
    values = np.array(medians)
    if not np.isfinite(values).any():
        return []
    low, high = min(0.0, float(np.nanpercentile(values, 5))), float(np.nanpercentile(values, 98))
    scaled = np.clip((values - low) / ((high - low) or 1.0), 0, 1)
    return [None if not np.isfinite(v) else round(float(v), 2) for v in scaled]


def order_styles(instrument, arm):
    """[[order, name, first nm, last nm, colour]] of an arm, the bluest first; colours as in the figures."""
    orders = load_instrument(instrument).arm(arm)["orders"]
    ranked = sorted(orders, key=lambda o: orders[o]["wavelength_nm"][0])
    name = lambda o: str(orders[o].get("band", o))
    return [[o, name(o), *orders[o]["wavelength_nm"], CYCLE[i % len(CYCLE)]] for i, o in enumerate(ranked)]


def arm_payload(instrument, arm):
    """{orders: [[name, first, last, colour]], sky: [[nm, strength]], telluric: [[first, last]]} of an arm."""
    source = load_instrument(instrument)
    named = [row[1:] for row in order_styles(instrument, arm)]
    low, high = named[0][1], max(row[2] for row in named)
    table = read_ecsv(source.table_path(arm, "sky_lines"))
    inside = np.flatnonzero((table["wavelength"] > low) & (table["wavelength"] < high))
    bright = inside[np.argsort(-table["flux"][inside], kind="stable")[:LINES]]
    lines = sorted([round(float(table["wavelength"][k]), 2), round(float(table["flux"][k]), 1)] for k in bright)
    bands = [[a, b] for a, b in source.yaml("standards.yaml").get("telluric_nm", []) if b > low and a < high]
    return {"orders": named, "sky": lines, "telluric": bands}


def _half(values):
    with np.errstate(over="ignore"):
        return _text(np.asarray(values, "<f2"))


def _text(array):
    return base64.b64encode(array.tobytes()).decode("ascii")
