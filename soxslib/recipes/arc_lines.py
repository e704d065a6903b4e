"""Second half of both arc steps, first part: spots of lines measured.

Lines are chosen, each of their spots is fitted, all light that neighbours bring is taken out, and each is fitted again.
"""

from dataclasses import dataclass, replace

import numpy as np

from soxslib.datamodel.arcs import MeasuredLines
from soxslib.numerics import arclines
from soxslib.numerics.lsf import sampled_fwhm
from soxslib.recipes.arcs import predicted, strongest_of_parts

FAINT_ROUNDS = 3  # of the light of lines that are not measured one by one


@dataclass(frozen=True)
class Stamps:
    """Pixels around spots, [spot, y, x], in pixels of the frame."""

    image: np.ndarray
    floor: np.ndarray
    good: np.ndarray
    corner: np.ndarray  # [spot, (first column, first row)]

    def at(self, k):
        return Stamps(self.image[k], self.floor[k], self.good[k], self.corner[k])


@dataclass(frozen=True)
class Choice:
    """Spots to be measured, arrays of one length, and the places of all other lines' spots."""

    line: np.ndarray
    slit_arcsec: np.ndarray
    place: np.ndarray  # [spot, (along, across)] predicted, unbinned px
    blended: np.ndarray
    shape: np.ndarray  # [spot, (width along, width across, tilt)] expected, unbinned px
    other_place: np.ndarray
    other_shape: np.ndarray


def measure_lines(solution, spots, lines, slit_arcsec, settings):
    """MeasuredLines of all orders: the listed lines and the best of the atlas."""
    parts = [_choose(solution[o], spots, lines, slit_arcsec, o, settings) for o in solution]
    choice = Choice(*map(np.concatenate, zip(*parts, strict=True)))
    fits, is_marred = _fit_spots(choice, spots, settings)
    position = spots.to_unbinned(np.stack([fits.along, fits.across], axis=1))
    sigma = np.stack([fits.width_along, fits.width_across], axis=1) * spots.pixel
    # what the model does not describe pulls the position too: the scatter of the pixels tells how much
    inflation = spots.pixel * np.sqrt(np.maximum(fits.chi2, 1.0))[:, None]
    near = (np.abs(position - choice.place) < settings.match_px).all(axis=1)
    k = choice.line
    return MeasuredLines(
        order=lines.order[k],
        wavelength_nm=lines.wavelength_nm[k],
        slit_arcsec=choice.slit_arcsec,
        line=k,
        listed=lines.listed[k],
        position=position,
        error=fits.error[:, 1:3] * inflation,
        width=sigma,
        width_error=fits.error[:, 3:5] * inflation,
        fwhm=sampled_fwhm(sigma, spots.pixel),
        flux=fits.flux,
        signal_to_noise=fits.signal_to_noise,
        chi2=fits.chi2,
        usable=fits.usable & near & (fits.signal_to_noise > settings.min_signal_to_noise),
        blended=choice.blended,
        saturated=is_marred,
    )


def _choose(order_solution, spots, lines, slit_arcsec, order, settings):
    """Fields of Choice of one order: the listed lines and the strongest unblended ones of the atlas."""
    k = lines.of(order)
    shape = typical_shape(order_solution, spots, lines, order, settings)
    place, _, s = predicted(order_solution, lines.wavelength_nm[k], slit_arcsec)
    n = len(slit_arcsec)
    strength = np.median(arclines.light_around(spots.image, spots.to_frame(place)).reshape(-1, n), axis=1)
    known = np.isfinite(lines.intensity[k])
    # the atlas's intensities tell close neighbours apart, which the image cannot; without any the image must do
    both = known & (strength > 0)
    scale = np.median(lines.intensity[k][both] / strength[both]) if both.any() else 1.0
    relative = np.where(known, lines.intensity[k], strength * scale)
    width = max(shape[0], 0.5 * spots.binning[1])
    along = order_solution.position(lines.wavelength_nm[k], 0.0)[0]
    blended = arclines.blend_shift(along, relative, width=width) > settings.blend_px
    free = np.flatnonzero(~blended & ~lines.listed[k])
    best = free[
        strongest_of_parts(lines.wavelength_nm[k][free], strength[free], order_solution.wavelength_nm, settings)
    ]
    chosen = lines.listed[k].copy()
    chosen[best] = True
    chosen, on = np.repeat(chosen, n), spots.hold(place)
    mine, other = chosen & on, ~chosen & on
    shapes = np.broadcast_to(shape, (len(place), 3))
    return (
        np.repeat(k, n)[mine],
        slit_arcsec[s][mine],
        place[mine],
        np.repeat(blended, n)[mine],
        shapes[mine],
        place[other],
        shapes[other],
    )


def typical_shape(order_solution, spots, lines, order, settings):
    """Median widths (sigma along, across) [unbinned px] and tilt of an order's strongest listed lines."""
    w = np.mean(order_solution.wavelength_nm)
    (a, b), (c, d) = (order_solution.position(w, s) for s in (-1.0, 1.0))
    start = np.array([settings.start_width_px, settings.start_width_px, float((c - a) / (d - b))])
    place = predicted(order_solution, lines.wavelength_nm[lines.of(order, listed=True)], np.zeros(1))[0]
    place = place[spots.hold(place)]
    strength = arclines.light_around(spots.image, spots.to_frame(place))
    place = place[np.argsort(-strength, kind="stable")[: min(max(len(place) // 2, 3), 25)]]
    if len(place) < 3:
        return start
    stamps = _cut(place, spots)
    fits = _fit(_core(stamps), _centred(place, spots), start, 0.5, spots, 7)
    good = stamps.good.all(axis=(1, 2)) & (fits.signal_to_noise > 20)
    if good.sum() < 3:
        return start
    b = spots.pixel
    measured = [np.median(v[good]) for v in (fits.width_along, fits.width_across, fits.tilt)]
    return np.array(measured) * np.array([b[0], b[1], b[0] / b[1]])


def _half(spots):
    """Half sizes (across, along) of the stamps: 5 x 7 unbinned pixels, never less than 3."""
    return max(2 // spots.binning[0], 1), max(3 // spots.binning[1], 1)


def _cut(place, spots):
    """Stamps around places [unbinned px]."""
    at, half = spots.to_frame(place), _half(spots)
    image, inside, corner = arclines.cut_stamps(spots.image, at, half)
    floor = arclines.cut_stamps(spots.floor, at, half)[0]
    return Stamps(image, floor, inside & ~arclines.cut_stamps(spots.bad, at, half)[0], corner)


def _core(stamps):
    """Stamps without their rim, where neighbouring pinholes and lines shine, as long as three pixels are left."""
    good = stamps.good.copy()
    if good.shape[1] > 3:
        good[:, [0, -1]] = False
    if good.shape[2] > 3:
        good[:, :, [0, -1]] = False
    return replace(stamps, good=good)


def _in_frame_pixels(shape, n, spots):
    """Widths and tilt [n, 3] in pixels of the frame."""
    b = spots.pixel
    return np.broadcast_to(shape, (n, 3)) / np.array([b[0], b[1], b[0] / b[1]])


def _fit(stamps, centre, shape, freedom, spots, steps, start=None):
    """SpotFits of stamps, in pixels of the frame, begun at centres [unbinned px] or at earlier fits.

    shape: widths along and across [unbinned px] and tilt expected, [3] or [spot, 3]; freedom: relative scatter of the
    widths and absolute scatter of the tilt about them.
    """
    expected = _in_frame_pixels(shape, len(centre), spots)
    flat = np.where(stamps.good, stamps.image, 0.0).reshape(len(centre), -1)
    background = np.quantile(flat, 0.2, axis=1)
    flux = np.maximum((flat - background[:, None]).sum(axis=1), 1.0)
    begin = np.column_stack([flux, spots.to_frame(centre) - stamps.corner, expected, background])
    if start is not None:
        begin[:, 0], begin[:, 6] = start.flux, start.background
        begin[:, 1:3] = np.stack([start.along, start.across], axis=1) - stamps.corner
    sd = np.column_stack([expected[:, :2] * freedom, np.full(len(centre), freedom)])
    photons = 1.0 / spots.ndit
    fits = arclines.fit_spots(stamps.image, stamps.floor, stamps.good, begin, sd, photon_scale=photons, steps=steps)
    return replace(fits, along=fits.along + stamps.corner[:, 0], across=fits.across + stamps.corner[:, 1])


def _centred(place, spots):
    """Places moved to the centroid of the light around their pixel."""
    stamps, inside, corner = arclines.cut_stamps(np.where(spots.bad, 0, spots.image), spots.to_frame(place), (1, 1))
    w = np.where(inside, stamps, 0).reshape(len(place), -1)
    w = np.maximum(w - w.min(axis=1, keepdims=True), 0.0)
    w = w / np.maximum(w.sum(axis=1, keepdims=True), 1e-9)
    step = np.array([-1.0, 0.0, 1.0])
    return spots.to_unbinned(corner + 1 + w @ np.stack([np.tile(step, 3), np.repeat(step, 3)], axis=1))


def _fit_spots(choice, spots, settings):
    """(SpotFits, whether a bad pixel is near) of all spots, the second time without their neighbours' light."""
    stamps = _cut(choice.place, spots)
    fits = _fit(_core(stamps), _centred(choice.place, spots), choice.shape, settings.width_freedom, spots, 5)
    own = fits.table
    own[~(fits.signal_to_noise > 5), 0] = 0.0
    half = _half(spots)
    scene = arclines.paint_spots(spots.image.shape, own, (half[0] + 3, half[1] + 2))
    scene += _faint_light(scene, choice, spots)
    own[:, 1:3] -= stamps.corner
    own[:, 6] = 0.0
    at = spots.to_frame(choice.place)
    others = arclines.cut_stamps(scene, at, half)[0] - arclines.spot_model(stamps.image.shape[1:], own)
    floor = stamps.floor + np.maximum(others, 0.0) / spots.ndit
    clean = replace(stamps, image=stamps.image - others, floor=floor)
    fits = _fit(clean, choice.place, choice.shape, settings.width_freedom, spots, 3, start=fits)
    return fits, ~stamps.good.all(axis=(1, 2))


def _faint_light(scene, choice, spots):
    """Image of the lines that are not measured one by one, of the expected shape where they are expected."""
    half = _half(spots)
    at = spots.to_frame(choice.other_place)
    left, inside, corner = arclines.cut_stamps(np.where(spots.bad, 0.0, spots.image - scene), at, half)
    n = len(at)
    unit = np.column_stack([np.ones(n), at - corner, _in_frame_pixels(choice.other_shape, n, spots), np.zeros(n)])
    profile = np.where(inside, arclines.spot_model(left.shape[1:], unit), 0.0).reshape(n, -1)
    pixel = arclines.pixels_of(corner, left.shape[1:], scene.shape).reshape(n, -1)
    norm = np.maximum((profile**2).sum(axis=1), 1e-9)
    left, flux, light = left.reshape(n, -1), np.zeros(n), np.zeros(scene.size)
    for _ in range(FAINT_ROUNDS):
        # overlapping lines see each other's light: about half a step at a time
        flux = np.maximum(flux + 0.6 * (profile * (left - light[pixel])).sum(axis=1) / norm, 0.0)
        light = np.bincount(pixel.ravel(), (flux[:, None] * profile).ravel(), minlength=scene.size)
    return light.reshape(scene.shape)
