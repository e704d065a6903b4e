"""How far the night sky's emission lines have moved on the detector since the arc.

A shift is positive when the light sits at larger pixel numbers than the arc's solution says. The model of an order's
sky is a smooth continuum plus the listed lines, each drawn as the image of the slit: a box as wide as the slit,
blurred by a Gaussian and integrated over the pixel. Blended lines keep their listed ratios, every group of blended
lines has its own flux, since the vibrational bands of OH vary independently within minutes.
"""

from dataclasses import dataclass, replace

import numpy as np

from soxslib.numerics.lineshift import LineOffsets, Shift, shift_of_lines
from soxslib.numerics.skyline_fit import (
    fit_lines,
    group_offsets,
    prepare,
    quiet_px,
    running_low,
    slit_information,
    template_of,
)

SLIT_FREEDOM = 0.05  # of a known slit's width in the fit of an order's lines, relative
SLIT_UNKNOWN = 0.25  # of a width that is looked for


def measure_sky_shift(
    wavelength_nm,
    sky,
    variance,
    lines,
    *,
    wavelength_range,
    sigma_px,
    slit_px,
    search_px,
    line_error_px,
    slope_px,
    template_error,
    min_significance,
    start_px=None,
    binning=1,
):
    """Shift of one order's sky lines against the arc's solution.

    wavelength_nm: the arc's wavelength at each pixel's centre (NaN outside the slit's image); sky, variance: of the
    pixels, any unit, without the object, the blaze left in (variance <= 0 or NaN: pixel not used). lines:
    (wavelength, flux), sorted. wavelength_range: mapped on [-1, 1] for the slope. sigma_px, slit_px: blur and slit
    width on these pixels (the blur is refined, within a factor of about 1.5). search_px: largest shift looked for,
    about `start_px` when a good guess exists. line_error_px: least scatter of a line about the common shift (list,
    arc solution). slope_px: prior width of the slope. template_error: fraction by which the slit's image may be
    wrong. min_significance: sigmas the lines must reach together. sigma_px, slit_px and the shifts inside are in
    pixels as binned; prior widths and results in unbinned pixels.
    """
    order = prepare(wavelength_nm, sky, variance, lines, slit_px, sigma_px, search_px / binning)
    if order is None:
        return Shift()
    start = None if start_px is None else start_px / binning
    shift, significance = _coarse_shift(order, _seen(order, quiet_px(order.slit_px)), search_px / binning, start)
    if significance < min_significance:
        return Shift()
    fit = fit_lines(order, shift, template_error, SLIT_FREEDOM)
    offsets = group_offsets(order, fit)
    if not offsets.size:
        return Shift()
    unit = 2 * (offsets.unit - wavelength_range[0]) / (wavelength_range[1] - wavelength_range[0]) - 1
    scaled = LineOffsets(unit, offsets.offset * binning, offsets.error * binning)
    return shift_of_lines(scaled, line_error_px=line_error_px, slope_px=slope_px, sigma_px=fit.sigma_px)


def slit_width_match(wavelength_nm, sky, variance, lines, *, sigma_px, slit_px, widths_px, search_px, binning=1):
    """How well an order's sky agrees with slits of these widths [sigma^2], zeros without lines (`measure_sky_shift`).

    The largest sum over the orders is where to start from: a wide slit's image drawn much too narrow or too wide fits as
    well at its one edge as at its other, and the shift would be anything between. It is a tenth too narrow: where the
    tempered signal ends, the blur's wings count as much as the box.
    """
    order = prepare(wavelength_nm, sky, variance, lines, slit_px, sigma_px, search_px / binning)
    if order is None:
        return np.zeros(len(widths_px))
    seen = _seen(order, quiet_px(slit_px))
    trials = (replace(order, slit_px=float(width)) for width in widths_px)
    return np.array([_coarse_shift(trial, seen, search_px / binning, None)[1] for trial in trials]) ** 2


def slit_width_fit(wavelength_nm, sky, variance, lines, *, sigma_px, slit_px, search_px, template_error, binning=1):
    """(ln of the slit's width in an order's sky over `slit_px`, inverse variance of it), from the fit of the lines.

    slit_px is a start, good to a quarter. Zeros without lines.
    """
    order = prepare(wavelength_nm, sky, variance, lines, slit_px, sigma_px, search_px / binning)
    if order is None:
        return 0.0, 0.0
    shift, _ = _coarse_shift(order, _seen(order, quiet_px(slit_px)), search_px / binning, None)
    fit = fit_lines(order, shift, template_error, SLIT_UNKNOWN)
    return float(np.log(fit.slit_px / slit_px)), slit_information(order, fit)


@dataclass(frozen=True)
class _Seen:
    """What an order shows above its continuum: without what is broader than `window`, over its noise; noise and bright
    signal that are typical of it."""

    over_noise: np.ndarray
    noise: float
    bright: float
    window: int


def _seen(order, window):
    """The _Seen of an order.

    The tempered noise (a third of the signal is added to it) keeps a cosmic ray or a single line from deciding.
    """
    noise = np.sqrt(order.variance)
    signal = np.where(order.good, order.sky - running_low(order.sky, order.good, window), 0.0)
    data = np.where(order.good, signal / np.hypot(noise, 0.3 * np.abs(signal)), 0.0)
    bright = np.percentile(signal[order.good], 98)
    return _Seen(_highpass(data, window), np.median(noise[order.good]), bright, window)


def _coarse_shift(order, seen, search_px, start):
    """(whole-pixel shift, significance) of the best match of the whole line list."""
    template = template_of(order)
    scale = seen.bright / max(np.percentile(template[order.good], 98), 1e-30)
    template *= max(scale, 1e-30)
    template = _highpass(template / np.hypot(seen.noise, 0.3 * template), seen.window)
    reach = int(np.ceil(search_px))
    middle = 0 if start is None else int(np.rint(start))
    lags = np.arange(middle - reach, middle + reach + 1)
    match = np.array([_match(seen.over_noise, template, lag) for lag in lags])
    best = int(np.argmax(match))
    return float(lags[best]), float(match[best])


def _match(data, template, lag):
    n = data.size
    moved = template[max(0, -lag) : n - max(0, lag)]
    return np.dot(data[max(0, lag) : n - max(0, -lag)], moved) / np.sqrt(np.dot(moved, moved) + 1e-30)


def _highpass(values, window):
    sums = np.concatenate([[0.0], np.cumsum(values)])
    low = np.clip(np.arange(values.size) - window // 2, 0, None)
    high = np.clip(np.arange(values.size) + window // 2 + 1, None, values.size)
    return values - (sums[high] - sums[low]) / (high - low)
