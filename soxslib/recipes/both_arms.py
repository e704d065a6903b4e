"""One flux-calibrated spectrum from those of two arms."""

from dataclasses import dataclass

import numpy as np

from soxslib.datamodel import MergedSpectrum
from soxslib.errors import ReductionError
from soxslib.numerics.arms import ArmsRatio, best_switch, joined, measured_ratio, overlap, scaled

_SAME_FRAME_KM_S = 1.0  # barycentric corrections of exposures within an hour differ by less


@dataclass(frozen=True)
class BothArms:
    """The spectrum of both arms, the arm of each bin (1 bluer, 2 redder), and how they were joined."""

    spectrum: MergedSpectrum
    arm: np.ndarray
    names: tuple  # of the arms, the bluer first
    ratio: ArmsRatio | None  # None where it cannot be measured
    scaled_arm: str  # '' when both are as they were
    scale: float  # that arm was multiplied by
    switch_nm: float
    warnings: tuple  # lines


def both_arms(spectra, bands_nm, settings):
    """The BothArms of {arm: MergedSpectrum}, flux-calibrated. bands_nm: [(low, high)] of the atmosphere's molecules."""
    names = tuple(sorted(spectra, key=lambda name: spectra[name].wavelength_nm[0]))
    blue, red = (spectra[name] for name in names)
    _check_wavelengths(names, blue, red)
    low, high = overlap(blue, red)
    ratio = measured_ratio(blue, red, bands_nm, bin_nm=settings.ratio_bin_nm, clip_sigma=settings.ratio_clip_sigma)
    warnings = _objections(names, ratio, settings)
    scaled_arm, scale = "", 1.0
    if settings.scale_arms != "none" and ratio and _is_sound(ratio, settings):
        scaled_arm = next(name for name in names if name.lower() != settings.scale_arms)
        scale = 1.0 / ratio.value if scaled_arm == names[1] else ratio.value
    blue, red = (scaled(s, scale if name == scaled_arm else 1.0) for name, s in zip(names, (blue, red), strict=True))
    switch = best_switch(blue, red, bin_nm=settings.ratio_bin_nm)
    if settings.switch == "fixed" and low < high:
        switch = min(max(settings.switch_nm, low), high)
    switch = round(float(switch), 6)
    spectrum, arm = joined(blue, red, switch)
    return BothArms(spectrum, arm, names, ratio, scaled_arm, scale, switch, warnings)


def _check_wavelengths(names, blue, red):
    medium = ["vacuum" if s.is_vacuum else "air" for s in (blue, red)]
    if medium[0] != medium[1] or abs(blue.velocity_km_s - red.velocity_km_s) > _SAME_FRAME_KM_S:
        told = [
            f"{n} in {m}, moved by {s.velocity_km_s:.1f} km/s"
            for n, m, s in zip(names, medium, (blue, red), strict=True)
        ]
        raise ReductionError(f"wavelengths are {' and '.join(told)}; give both arms the same settings")


def _is_sound(ratio, settings):
    is_near = 1.0 / settings.max_scale <= ratio.value <= settings.max_scale
    return is_near and ratio.error <= settings.max_scale_error * ratio.value


def _objections(names, ratio, settings):
    """Lines on a ratio that is not used, or is far from 1."""
    over = f"{names[1]} over {names[0]}"
    if ratio is None:
        return (f"{over} cannot be measured: too little of their overlap is good; the arms are not scaled",)
    told = f"{over} is {ratio.value:.3f} +- {ratio.error:.3f}"
    if settings.scale_arms != "none" and not _is_sound(ratio, settings):
        limits = f"{1 / settings.max_scale:.2g} to {settings.max_scale:.2g}, known to {settings.max_scale_error:.0%}"
        return (f"{told}, {limits} is needed; the arms are not scaled",)
    return (f"{told}: look at slit, seeing and standards",) if abs(1 - ratio.value) > settings.warn_difference else ()
