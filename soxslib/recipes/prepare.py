"""The one front end of all steps: a raw frame in electrons, less pedestal and dark signal, with errors and quality."""

import logging
from types import SimpleNamespace

import numpy as np

from soxslib.datamodel import Frame, Quality
from soxslib.errors import ReductionError
from soxslib.instruments import load_instrument
from soxslib.numerics import detector as det
from soxslib.numerics.noise import model_variance

log = logging.getLogger("soxslib")

DEFAULTS = SimpleNamespace(  # the settings of this front end; every step may override them
    overscan="auto",  # auto: used where the strips agree with each other; on; off
    overscan_smooth_px=30.0,  # unbinned; drifts are slower, and the strips' noise must not enter the frame
    dark_time_tolerance=0.02,  # relative
    saturation_growth_px=1,
    noise_box_px=5,
    noise_contrast=3.0,
)


def prepare(raw, bias=None, darks=(), settings=None, is_single=True):
    """The Frame of a raw frame: electrons above pedestal and dark signal, variance, quality.

    bias: MasterBias or None; darks: MasterDarks of any exposure times (or one), or none. The variance is read noise,
    the masters' own variance and the photon noise of a local model of the signal; `floor` is its part without signal.
    Of a frame that will be stacked (not is_single) the variance is the floor: that of the stack follows from its light.
    """
    s = merged_settings(settings)
    darks = [d for d in (darks if isinstance(darks, (list, tuple)) else [darks]) if d is not None]
    for master in ([bias] if bias else []) + darks:
        _check_same_pixels(raw, master.frame)
    detector = load_instrument(raw.exposure.instrument).arm(raw.exposure.arm)["detector"]
    flux, strip_noise_e = pedestal_free(raw, bias, detector, s)
    exposure = raw.exposure
    read_noise_e = measured_read_noise(bias, darks) or strip_noise_e or exposure.read_noise_e
    floor = np.full(flux.shape, read_variance(read_noise_e, exposure), np.float32)
    quality = saturation(raw.adu, detector, s) | bad_bits(raw)
    if bias:
        floor += bias.frame.variance
        quality |= bias.frame.quality
    if darks:
        _subtract_darks(flux, floor, quality, exposure, darks, s)
    variance = floor
    if is_single:
        variance = model_variance(
            flux, floor, integrations=exposure.ndit, size=s.noise_box_px, contrast=s.noise_contrast
        )
    return Frame(flux, variance, quality, exposure, floor)


def merged_settings(settings):
    """The front end's settings: a step's own where it has them, else the defaults."""
    return SimpleNamespace(**{k: getattr(settings, k, v) for k, v in vars(DEFAULTS).items()})


def bad_bits(*raws):
    """Quality bits of the pixels that hold no number in one of the raw frames or more."""
    bits = np.uint16(0)
    for raw in raws:
        if raw.is_bad is not None:
            bits = bits | np.uint16(Quality.BAD) * raw.is_bad
    return bits


def _check_same_pixels(raw, master):
    if raw.adu.shape != master.flux.shape or raw.exposure.binning != master.exposure.binning:
        raise ReductionError(
            f"{raw.exposure.file}: {raw.adu.shape} pixels, binning {raw.exposure.binning}, but its master made from "
            f"{master.exposure.file} has {master.flux.shape}, binning {master.exposure.binning}; "
            f"it needs one of its binning"
        )


def strips_of(raw, s):
    """(level [ADU] along axis 1, noise [ADU]) of the strips without light; None without any, or if they see light."""
    if s.overscan == "off":
        return None
    return det.strips_level(
        [raw.prescan, raw.overscan],
        smooth_px=s.overscan_smooth_px / raw.exposure.binning[1],
        clip_sigma=4.0,
        tolerance=1.0 if s.overscan == "auto" else np.inf,
    )


def pedestal_free(raw, bias, detector, s):
    """(flux [electron] without pedestal, noise [electron] of the strips or None)."""
    exposure = raw.exposure
    strips = strips_of(raw, s)
    flux = raw.adu.copy()
    if strips is not None:
        flux -= strips[0].astype(np.float32)
    flux *= np.float32(exposure.gain_e_adu)
    if bias is not None:
        flux -= bias.frame.flux
        if (strips is None) != (bias.level_e is None):  # one of them carries the pedestal, the other does not
            flux -= np.float32(bias.level_e if strips is None else -_level_e(strips, exposure))
    elif detector.get("has_bias"):
        source = "the strips without light only" if strips else "nothing: they are absent or see light"
        log.warning("%s: no master bias; pedestal from %s", exposure.file, source)
    lost = detector.get("nonlinearity_per_e", 0.0)
    if lost:  # the counts saved at high light, from the laboratory or the photon noise of flats
        flux *= 1.0 + np.float32(lost) * flux
    return flux, (strips[1] * exposure.gain_e_adu if strips else None)


def bias_drift_e(raw, bias):
    """How far the pedestal has moved since the master bias was taken [electron], by the strips without light; NaN
    when either has none that can be trusted."""
    if bias is None or bias.level_e is None:
        return float("nan")
    strips = [s for s in (raw.prescan, raw.overscan) if s is not None and s.size]
    if not strips:
        return float("nan")
    means, noise = zip(*map(_core, strips), strict=True)
    if max(means) - min(means) > max(noise):  # one of them sees light
        return float("nan")
    return float(np.average(means, weights=[len(s) for s in strips])) * raw.exposure.gain_e_adu - bias.level_e


def _core(strip):
    """(mean, scatter) of a strip [ADU] without its outliers."""
    sample = strip[:, ::8]
    centre = np.median(sample)
    scale = 1.4826 * np.median(np.abs(sample - centre)) + 0.5  # counts are whole
    good = np.abs(strip - centre) < 4 * scale
    return float(strip[good].mean()), float(scale)


def _level_e(strips, exposure):
    return float(np.mean(strips[0])) * exposure.gain_e_adu


def measured_read_noise(bias, darks):
    """Read noise [electron] that the masters measured, or None."""
    values = [m.read_noise_e for m in ([bias] if bias else []) + list(darks) if m.read_noise_e and m.read_noise_e > 0]
    return float(np.median(values)) if values else None


def read_variance(read_noise_e, exposure):
    """Variance [electron^2] of the read-out of the mean of NDIT integrations.

    The mean is rounded to whole counts once, however many integrations it holds.
    """
    rounding = exposure.gain_e_adu**2 / 12.0
    return max(read_noise_e**2 - rounding, 0.0) / exposure.ndit + rounding


def saturation(adu, detector, s):
    """Quality bits of the pixels at the full well or above the range where counts follow the light."""
    nominal = float(detector["saturation_adu"])
    level = det.well_level(adu, nominal=nominal, least=0.5, count=8)
    quality = np.zeros(adu.shape, np.uint16)
    full = adu >= level
    if full.any():
        grow = s.saturation_growth_px
        # ASSUME charge bleeds along the raw frame's columns, twice as far as it spreads sideways
        turned = detector["dispersion_axis"] == "y"
        full = det.grown(full, across=grow if turned else 2 * grow, along=2 * grow if turned else grow)
        quality[full] |= np.uint16(Quality.SATURATED)
    if "nonlinear_adu" in detector:
        quality[adu > float(detector["nonlinear_adu"])] |= np.uint16(Quality.NONLINEAR)
    return quality


def _subtract_darks(flux, floor, quality, exposure, darks, s):
    """Takes the dark of this integration time out of the arrays, which are changed."""
    weights = det.dark_weights([d.exposure_s for d in darks], exposure.exposure_s, tolerance=s.dark_time_tolerance)
    for i, weight in weights.items():
        dark = darks[i].frame
        det.subtract_dark(
            flux, floor, quality, (dark.flux, dark.variance, dark.quality), weight, integrations=exposure.ndit
        )
    times = [darks[i].exposure_s for i in weights]
    outside = len(times) == 1 and abs(times[0] - exposure.exposure_s) > s.dark_time_tolerance * max(
        exposure.exposure_s, 1.0
    )
    if outside:
        log.warning("%s: %.4g s, nearest dark %.4g s", exposure.file, exposure.exposure_s, times[0])
