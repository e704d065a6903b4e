"""Quality of a flux calibration: what was assumed, how orders agree, how large the errors are."""

import numpy as np

from soxslib.qc.arms import UNUSABLE
from soxslib.qc.metric import Metric


def measure(result):
    """[Metric] of a FluxCalibrated."""
    s = result.spectrum
    good = np.isfinite(s.flux) & (s.error > 0)
    with np.errstate(all="ignore"):
        snr = np.median((s.flux / s.error)[good]) if good.any() else np.nan
        systematic = np.median(np.abs(s.systematic_error / s.flux)[good]) if good.any() else np.nan
    return [
        Metric("STAR", result.response.star, "", "standard of the response"),
        Metric("AIRMASS", result.airmass, "", "mean of the exposures"),
        Metric("SLIT FRACTION", result.slit_fraction, "", "light within the slit, if centred"),
        Metric("SLIT CORRECTED", "T" if result.is_slit_corrected else "F", "", "slit loss is corrected"),
        Metric("SNR MEDIAN", float(snr), "", "median S/N per bin"),
        Metric("SYSTEMATIC ERROR", float(systematic), "", "relative, of the calibration"),
        Metric("N ORDERS MISSING", len(result.missing), "", "orders without response"),
        *_molecules(result.molecules),
        *ratios(result.orders),
    ]


def _molecules(amounts):
    """[Metric] of the atmosphere's molecules: amounts over those above the standard."""
    if amounts is None:
        return []
    out = [Metric("TELLURIC SCATTER", amounts.scatter, "", "scatter of the corrected bands over their noise")]
    for molecule, (amount, error) in amounts.of.items():
        out.append(Metric(f"TELLURIC {molecule}", amount, "", "amount over that above the standard"))
        out.append(Metric(f"TELLURIC {molecule} ERROR", error, "", "one sigma"))
    return out


def ratios(orders):
    """[Metric]: flux of each order over that of its neighbour at shorter wavelengths, where they overlap."""
    by_wavelength = sorted(orders, key=lambda o: np.nanmean(o.wavelength_nm))
    out = []
    for a, b in zip(by_wavelength, by_wavelength[1:], strict=False):
        ratio, error = overlap_ratio(a, b)
        if np.isfinite(ratio):
            out.append(Metric("MERGE RATIO", ratio, "", "flux over that of the bluer order", b.order))
            out.append(Metric("MERGE RATIO ERROR", error, "", "one sigma", b.order))
    return out


def overlap_ratio(a, b):
    """(ratio b over a, its error) of two calibrated orders where they overlap, by flawless pixels, else (in a telluric
    band, say) by usable ones; NaN without overlap."""
    found = _overlap_ratio(a, b, np.uint16(0xFFFF))
    return found if np.isfinite(found[0]) else _overlap_ratio(a, b, np.uint16(UNUSABLE))


def _overlap_ratio(a, b, bad, least=30):
    ka, kb = np.argsort(a.wavelength_nm), np.argsort(b.wavelength_nm)
    low, high = np.nanmin(b.wavelength_nm), np.nanmax(a.wavelength_nm)
    k = kb[(b.wavelength_nm[kb] > low) & (b.wavelength_nm[kb] < high) & (b.quality[kb] & bad == 0)]
    if k.size < least:
        return np.nan, np.nan
    at = b.wavelength_nm[k]
    on = lambda y: np.interp(at, a.wavelength_nm[ka], y[ka])
    fa, va = on(a.flux / a.pixel_nm), on(a.variance / a.pixel_nm**2)
    fb, vb = b.flux[k] / b.pixel_nm[k], b.variance[k] / b.pixel_nm[k] ** 2
    ok = (on((a.quality & bad > 0).astype(float)) == 0) & np.isfinite(fa) & np.isfinite(fb) & (va > 0) & (vb > 0)
    if ok.sum() < least:
        return np.nan, np.nan
    weight = 1.0 / (va + vb)[ok]
    top, bottom = np.sum(weight * fb[ok]), np.sum(weight * fa[ok])
    return float(top / bottom), float(np.sqrt(weight.sum()) / abs(bottom))
