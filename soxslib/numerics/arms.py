"""Two arms' flux-calibrated spectra of one source: how their scales compare, and one spectrum of both.

Slit losses and seeing differ between the arms, the calibration's errors too: to first order a factor, measured where the
arms overlap. Their resolutions differ as well, so that no bin holds the mean of both: below a wavelength the bins are those
of the bluer arm, above it those of the redder one, as they are but for the factor.
"""

from dataclasses import dataclass, replace

import numpy as np

from soxslib.datamodel import MergedSpectrum, Quality

_GOOD = 0xFFFF & ~int(Quality.EXTRAPOLATED)  # bits that a compared sample must not have: its bin is wide
_LEAST_BINS = 5
_LEAST_PART = 0.5  # of a bin's samples, so that the means of both arms are of the same wavelengths
_ITERATIONS = 8
_TINY_NM = 1e-6


@dataclass(frozen=True)
class ArmsRatio:
    """Flux of the redder arm over that of the bluer one, one sigma of it, and of how many bins."""

    value: float
    error: float
    bins: int


def overlap(blue, red):
    """(low, high) [nm] of the bins with values of both; low is above high where there are none."""
    reach = lambda s: s.wavelength_nm[np.isfinite(s.flux)]
    seen_blue, seen_red = reach(blue), reach(red)
    if not seen_blue.size or not seen_red.size:
        return float(blue.wavelength_nm[-1]), float(min(red.wavelength_nm[0], blue.wavelength_nm[-1]) - _TINY_NM)
    low, high = max(seen_blue[0], seen_red[0]), min(seen_blue[-1], seen_red[-1])
    return float(low - _step(red) / 2), float(high + _step(blue) / 2)


def measured_ratio(blue, red, bands_nm, *, bin_nm, clip_sigma):
    """The ArmsRatio of two MergedSpectrum; None where too little of them can be compared.

    Means over bins of bin_nm of samples outside the atmosphere's bands_nm [(low, high)], whose depths depend on the resolution.
    The ratio of weighted sums is not biased by the noise of either arm, as a mean of ratios were; weights are the inverse
    variance of the difference red - ratio * blue. Its error grows where bins scatter more than their noise explains.
    """
    edges = _edges(*overlap(blue, red), bin_nm)
    if edges.size <= _LEAST_BINS:
        return None
    (fa, va), (fb, vb) = (coarse(s, edges, bands_nm) for s in (blue, red))
    known = np.isfinite(va) & np.isfinite(vb)
    fa, va, fb, vb = (y[known] for y in (fa, va, fb, vb))
    if known.sum() < _LEAST_BINS or np.median(fa) <= 0 or np.median(fb) <= 0:
        return None
    ratio, used = np.median(fb) / np.median(fa), np.ones(fa.size, bool)
    for _ in range(_ITERATIONS):
        pull = (fb - ratio * fa) / np.sqrt(vb + ratio**2 * va)
        used = np.abs(pull) <= clip_sigma * max(1.0, 1.4826 * np.median(np.abs(pull)))
        weight = np.where(used, 1.0 / (vb + ratio**2 * va), 0.0)
        top, bottom = weight @ fb, weight @ fa
        if used.sum() < _LEAST_BINS or top <= 0 or bottom <= 0:
            return None
        ratio = top / bottom
    chi2 = weight @ (fb - ratio * fa) ** 2 / (used.sum() - 1)
    return ArmsRatio(float(ratio), float(np.sqrt(weight.sum() * max(1.0, chi2)) / bottom), int(used.sum()))


def coarse(spectrum, edges, bands_nm=()):
    """(mean flux, its variance) between edges, NaN and inf where less than half of the samples are good."""
    at, flux = spectrum.wavelength_nm, spectrum.flux
    good = ((spectrum.quality & _GOOD) == 0) & np.isfinite(flux) & (spectrum.error > 0)
    for low, high in bands_nm:
        good &= (at < low) | (at > high)
    k = np.searchsorted(edges, at, side="right") - 1
    inside = (k >= 0) & (k < edges.size - 1)
    total = lambda y, mask: np.bincount(k[mask & inside], y[mask & inside], edges.size - 1)
    count = total(np.ones(at.size), good)
    variance = total(spectrum.error**2, good)
    for lag, covariance in enumerate(spectrum.covariance, 1):
        together = np.zeros(at.size, bool)
        together[:-lag] = good[:-lag] & good[lag:] & (k[:-lag] == k[lag:])
        variance += 2 * total(covariance, together)
    is_told = count >= _LEAST_PART * total(np.ones(at.size), np.ones(at.size, bool)).clip(1)
    with np.errstate(all="ignore"):
        return np.where(is_told, total(flux, good) / count, np.nan), np.where(is_told, variance / count**2, np.inf)


def best_switch(blue, red, *, bin_nm):
    """Wavelength [nm] below which the bluer arm is taken and above which the redder, once they are of one scale.

    It leaves the most signal-to-noise in all, which is where that of both per nm is equal when their errors cross once; the
    flux is the same, so that errors alone tell. The middle of the gap where the arms do not overlap.
    """
    low, high = overlap(blue, red)
    edges = _edges(low, high, bin_nm)
    if edges.size < 2:
        return 0.5 * (low + high)
    gain_blue, gain_red = (1.0 / coarse(s, edges)[1] for s in (blue, red))
    kept = np.r_[0.0, np.cumsum(gain_blue)] + np.r_[np.cumsum(gain_red[::-1])[::-1], 0.0]
    return float(edges[np.argmax(kept)])


def scaled(spectrum, factor):
    """A MergedSpectrum with all fluxes and errors multiplied; itself when the factor is 1."""
    if factor == 1.0:
        return spectrum
    times = lambda y: None if y is None else y * factor
    telluric = spectrum.telluric
    if telluric is not None:
        telluric = {name: y if name == "TELLURIC" else y * factor for name, y in telluric.items()}
    return replace(
        spectrum,
        flux=times(spectrum.flux),
        error=times(spectrum.error),
        sky=times(spectrum.sky),
        covariance=tuple(c * factor**2 for c in spectrum.covariance),
        systematic_error=times(spectrum.systematic_error),
        telluric=telluric,
    )


def joined(blue, red, switch_nm):
    """(MergedSpectrum, arm of each bin): bins of the bluer arm (1) below a wavelength, of the redder one (2) above."""
    above = red.wavelength_nm - _step(red) / 2 >= switch_nm - _TINY_NM
    edge = red.wavelength_nm[above][0] - _step(red) / 2 if above.any() else np.inf
    below = blue.wavelength_nm + _step(blue) / 2 <= edge + _TINY_NM
    both = lambda name: np.concatenate([getattr(blue, name)[below], getattr(red, name)[above]])
    lags = max(len(blue.covariance), len(red.covariance))
    covariance = zip(_lags(blue, below, lags), _lags(red, above, lags), strict=True)
    spectrum = MergedSpectrum(
        wavelength_nm=both("wavelength_nm"),
        flux=both("flux"),
        error=both("error"),
        quality=both("quality"),
        sky=both("sky"),
        covariance=tuple(np.concatenate(pair) for pair in covariance),
        wavelength_error_nm=both("wavelength_error_nm"),
        flux_calibrated=True,
        systematic_error=both("systematic_error"),
        is_vacuum=blue.is_vacuum,
        velocity_km_s=blue.velocity_km_s,
        telluric=_telluric(blue, below, red, above),
    )
    return spectrum, np.repeat(np.array([1, 2], np.int16), [below.sum(), above.sum()])


def _lags(spectrum, kept, lags):
    """Covariances of the kept bins with the next ones; none beyond the last, whose neighbour is another arm's."""
    out = np.zeros((lags, kept.sum()))
    for lag, covariance in enumerate(spectrum.covariance, 1):
        out[lag - 1, :-lag] = covariance[kept][:-lag]
    return out


def _telluric(blue, below, red, above):
    """Columns without absorption; an arm for which it is not known has its flux there. None without any."""
    if blue.telluric is None and red.telluric is None:
        return None
    parts = []
    for s, kept in ((blue, below), (red, above)):
        unknown = np.full(s.flux.size, np.nan, np.float32)
        columns = s.telluric or dict(TELLURIC=unknown, FLUX_TELLURIC=s.flux, ERR_TELLURIC=s.error)
        parts.append({name: y[kept] for name, y in columns.items()})
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _step(spectrum):
    return float(spectrum.wavelength_nm[1] - spectrum.wavelength_nm[0])


def _edges(low, high, bin_nm):
    return (
        low + bin_nm * np.arange(max(int((high - low) / bin_nm + _TINY_NM) + 1, 1)) if high > low else np.array([low])
    )
