"""Exposures with the target at one place of the slit; and what all modes of observing have in common."""

import logging
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import chain, islice

import numpy as np

from soxslib.datamodel import Frame, MergedSpectrum, OrderSpectrum, Quality
from soxslib.errors import ReductionError
from soxslib.recipes.combine import extract_source, relative_throughput
from soxslib.recipes.flexure import observation_shifts
from soxslib.recipes.image_shift import image_shift, is_told, moved_solution
from soxslib.recipes.merge_orders import merge_extracted, with_blaze
from soxslib.recipes.prepare import bias_drift_e, prepare
from soxslib.recipes.same_sources import same_sources
from soxslib.recipes.science import ReducedExposure, condensed, estimate_sky, read_sky, reduce_exposure
from soxslib.recipes.slit_shift import slit_shifts
from soxslib.recipes.windows import UNREADABLE, cut_orders, seeing_of, windows_of

log = logging.getLogger(__name__)

MOST_UNREADABLE = 0.5  # of the orders' pixels, as BADPIX FRAC fails; of a frame of nothing else no background is left


@dataclass(frozen=True)
class Calibrations:
    """What the calibration steps know: any of them may be None but the solution."""

    solution: object  # DispersionSolution
    arc: object  # Exposure of the arc behind it
    width_px: dict = field(default_factory=dict)  # {order: Gaussian sigma of the optics}
    bias: object = None
    darks: list = field(default_factory=list)
    flat: object = None  # MasterFlat
    sky_lines: tuple = ((), ())  # (wavelength [nm], flux)
    template: tuple | None = None  # (wavelength [nm], flux) of the target, a flux standard


@dataclass(frozen=True)
class ScienceResult:
    """Spectra and images of a target.

    sources: one list of OrderSpectrum each, the target's first; merged: MergedSpectrum of each.
    """

    exposures: list[ReducedExposure]
    shifts: list[dict]
    throughput: list[float]
    sources: list[list[OrderSpectrum]]
    merged: list[MergedSpectrum]
    background: np.ndarray
    warnings: list[str]
    bias_drift_e: list[float] = field(default_factory=list)  # of each exposure, against the master bias


def stare(raws, calibrations, settings):
    """The ScienceResult of exposures with the target at one place of the slit."""
    return reduce_all(raws, lambda exposure: 0.0, calibrations, settings)


def reduce_all(raws, expected_of, calibrations, settings, none_left="no exposure", sky_raws=()):
    """The ScienceResult of exposures; expected_of(exposure): the position along the slit where its target is expected.

    raws may be read as they are asked for: of each only what combining needs is kept. sky_raws: exposures of the empty sky,
    which tell that of the exposures of the target nearest to them.
    """
    exposures, warnings, drift, background, cuts = [], [], [], None, {}
    if sky_raws and is_told(calibrations.solution):
        raws, calibrations = _on_first_image(raws, calibrations, settings, cuts, warnings)
    skies = sky_exposures(sky_raws, calibrations, settings, cuts, warnings)
    for raw in raws:
        expected = expected_of(raw.exposure)
        near = nearest(skies, raw.exposure, settings) if skies else []
        reduced, scattered = _reduced(raw, expected, calibrations, settings, cuts, warnings, near)
        if reduced is not None:
            background = scattered
            drift.append(bias_drift_e(raw, calibrations.bias))
            exposures.append(condensed(reduced) if exposures else reduced)
        del raw, reduced  # before the next is read
    if not exposures:
        raise ReductionError(warnings[0] if warnings else none_left)
    exposures, throughput = with_target(exposures, settings, warnings)
    shifts = shifts_of(exposures, calibrations, settings)
    exposures, n_sources = same_sources(exposures)
    extracted = (extract_source(exposures, shifts, throughput, k, settings) for k in range(n_sources))
    sources = [with_blaze(spectrum, calibrations.flat) for spectrum in extracted]
    merged = [merge_extracted(s, exposures[0].exposure, settings) for s in sources]
    return ScienceResult(exposures, shifts, throughput, sources, merged, background, warnings, drift)


def with_target(exposures, settings, warnings):
    """(the exposures that hold the target's light, throughput of each over their mean); adds to warnings who does not.

    One without it, by a cloud or a wrong pointing, would make the target of the others look like cosmic rays.
    """
    throughput = relative_throughput(exposures, [0] * len(exposures))
    brightest = int(np.argmax(throughput))
    if exposures[brightest].sources[0].significance < settings.detection_sigma:
        return exposures, throughput  # no exposure shows it
    least = settings.least_throughput * throughput[brightest]
    kept = [e for e, t in zip(exposures, throughput, strict=True) if t >= least]
    if len(kept) == len(exposures):
        return exposures, throughput
    warnings += [
        f"{e.exposure.file}: left out, it holds no more than {t / throughput[brightest]:.0%} of the target's light in "
        f"{exposures[brightest].exposure.file}; was the target on the slit? least_throughput in config.yaml keeps it"
        for e, t in zip(exposures, throughput, strict=True)
        if t < least
    ]
    return kept, relative_throughput(kept, [0] * len(kept))


def _reduced(raw, expected, calibrations, settings, cuts, warnings, skies):
    """(ReducedExposure of a raw frame, or None when it cannot be reduced; its scattered light); adds to cuts and warnings."""
    try:
        frame, background, moved, cut = _prepared(raw, calibrations, settings, cuts)
        if not skies and is_told(calibrations.solution):  # else they were cut as all exposures of the set are
            calibrations = _on_image(frame, moved, cut, calibrations, settings, warnings)
            cut = _cut_of(frame, calibrations, settings, cuts)
        reduced = reduce_exposure(
            frame, calibrations.flat, calibrations.solution, expected, settings, cut, skies, moved
        )
    except ReductionError as error:
        warnings.append(str(error))
        return None, None
    if reduced.extended:
        is_taken, does = ("subtracted", "leaves it") if settings.subtract_extended else ("left in", "subtracts it")
        warnings.append(
            f"{frame.exposure.file}: extended light under the target, {reduced.extended.relative_peak:.0%} of its peak, is "
            f"{is_taken}; subtract_extended: {str(not settings.subtract_extended).lower()} in config.yaml {does}"
        )
    return reduced, background


def _prepared(raw, calibrations, settings, cuts):
    """(prepared Frame of a raw one less scattered light, that light, {order: shift of the slit's image since the flat},
    {order: Cut}); adds to cuts."""
    frame, flat = prepare(raw, calibrations.bias, calibrations.darks), calibrations.flat
    cut = _cut_of(frame, calibrations, settings, cuts)
    _check_readable(frame, cut)
    moved = slit_shifts(frame, flat) if flat is not None else {}
    return *subtract_background(frame, flat, moved, settings), moved, cut


def _check_readable(frame, cut):
    """Raises ReductionError for a frame whose orders are mostly saturated or bad."""
    seen = np.concatenate([c.cutout.take(frame.quality)[c.cutout.is_inside] for c in cut.values()])
    lost = float(np.mean((seen & np.uint16(UNREADABLE)) != 0))
    if lost > MOST_UNREADABLE:
        raise ReductionError(
            f"{frame.exposure.file}: {lost:.0%} of its illuminated pixels are saturated or bad; "
            f"take a shorter exposure or exclude it"
        )


def sky_exposures(raws, calibrations, settings, cuts, warnings):
    """SkyExposures of raw frames of the empty sky; adds to cuts, and to warnings what cannot be used."""
    out = []
    for raw in raws:
        try:
            frame, _, moved, cut = _prepared(raw, calibrations, settings, cuts)
            out.append(read_sky(frame, calibrations.flat, moved, cut, settings))
        except ReductionError as error:
            warnings.append(f"{error}; the frame is not used")
        del raw
    return out


def nearest(skies, exposure, settings):
    """The SkyExposures of the exposure's binning and slit that were taken nearest to it."""
    alike = [s for s in skies if (s.exposure.binning, s.exposure.slit) == (exposure.binning, exposure.slit)]
    return sorted(alike, key=lambda s: abs(s.exposure.mjd - exposure.mjd))[: settings.most_sky_frames]


def _on_first_image(raws, calibrations, settings, cuts, warnings):
    """(the raw frames, Calibrations for all of them with the solution where the image of the first lies)."""
    raws = iter(raws)
    seen = []
    for first in islice(raws, 1):
        seen.append(first)
        with suppress(ReductionError):  # told when it is reduced
            frame, _, moved, cut = _prepared(first, calibrations, settings, cuts)
            calibrations = _on_image(frame, moved, cut, calibrations, settings, warnings)
    return chain(seen, raws), calibrations


def _on_image(frame, moved, cut, calibrations, settings, warnings):
    """The Calibrations with the solution where the frame's image lies; tells of it in warnings."""
    windows = windows_of(frame, cut, calibrations.flat, moved)
    blocks, e = estimate_sky(windows, frame.exposure.ndit, settings), frame.exposure
    px = image_shift(calibrations.solution, blocks, seeing_of(e, settings), settings)
    if not px:
        return calibrations
    warnings.append(
        f"{e.file}: its image lies {px:+d} px across the dispersion from the arc's; the solution is moved there"
    )
    return replace(calibrations, solution=moved_solution(calibrations.solution, px))


def _cut_of(frame, calibrations, settings, cuts):
    """{order: Cut} of a frame; adds to cuts, {(binning, shape, where the solution is): {order: Cut}}."""
    like = frame.exposure.binning, frame.shape, calibrations.solution.across_px
    if like not in cuts:
        cuts[like] = cut_orders(frame.exposure, frame.shape, calibrations.flat, calibrations.solution, settings)
    return cuts[like]


def shifts_of(exposures, calibrations, settings):
    """[{order: OrderShift}] since the arc; zero, with the error of not knowing, when the settings forbid to measure."""
    from soxslib.numerics.flexure import OrderShift

    if settings.flexure:
        return observation_shifts(exposures, calibrations)
    return [{order: OrderShift(0.0, 1.0, 0.0, 0.0, "none") for order in e.windows} for e in exposures]


def subtract_background(frame, flat, moved, settings):
    """(frame less scattered light, scattered light [electron]); zero without order edges."""
    nothing = np.zeros(frame.shape, np.float32)
    if not settings.subtract_background or flat is None:
        return frame, nothing
    from soxslib.recipes.master_flat import science_background

    model = science_background(frame, replace(flat, edges=flat.edges.moved(moved)))
    return frame.with_(flux=frame.flux - model), model


def sky_frames(result):
    """(sky-subtracted Frame, sky model Frame) of the first exposure, zero outside the orders."""
    e = result.exposures[0]
    shape = next(iter(e.windows.values())).cutout.shape
    sub, sky, variance = (np.zeros(shape, np.float32) for _ in range(3))
    quality = np.full(shape, int(Quality.NO_CALIBRATION), np.uint16)
    for order, window in e.windows.items():
        fit = e.fits[order]
        bits = window.quality | np.where(fit.is_cosmic_ray, int(Quality.COSMIC_RAY), 0).astype(np.uint16)
        for image, values in ((sub, window.data - fit.sky), (sky, fit.sky), (variance, fit.variance), (quality, bits)):
            window.cutout.put(image, values)
    return Frame(sub, variance, quality, e.exposure), Frame(sky, variance, quality, e.exposure)
