"""What both arc steps share: spots found, pattern aligned, lines matched and measured, the solution fitted.

In order: `find_spots`, `line_list`, `nominal_solution`, `align`, `refine`, `measure_lines`, `solve`.
"""

import logging
from dataclasses import dataclass, field, replace

import numpy as np

from soxslib.datamodel import DispersionSolution
from soxslib.errors import ReductionError
from soxslib.numerics import alignment, arclines, arcsolution
from soxslib.numerics.dispersion import pixel_width_nm
from soxslib.numerics.lsf import FWHM, fit_widths, sampled_fwhm
from soxslib.numerics.peaks import find_peaks, smooth_background
from soxslib.numerics.polynomials import falling_prior

log = logging.getLogger("soxslib")

MARGIN = 0.02  # of an order's range at both ends: the domain of its polynomials, so that drifts do not leave it


@dataclass(frozen=True)
class Spots:
    """An arc frame made ready: image without smooth background, its noise, and its peaks in unbinned pixels."""

    image: np.ndarray
    floor: np.ndarray  # variance without the spots' own photons
    bad: np.ndarray
    peaks: np.ndarray  # [peak, (along, across)], brightest first
    binning: tuple
    ndit: int
    file: str
    slit: str
    lamps: tuple

    def to_frame(self, along, across):
        """Positions in pixels of the frame as binned."""
        return (along + 0.5) / self.binning[1] - 0.5, (across + 0.5) / self.binning[0] - 0.5

    def to_unbinned(self, along, across):
        return (along + 0.5) * self.binning[1] - 0.5, (across + 0.5) * self.binning[0] - 0.5


@dataclass(frozen=True)
class LineList:
    """Arc lines by order: `listed` ones are known to be good, the others come from the lamp's atlas. Arrays of one length."""

    order: np.ndarray
    wavelength_nm: np.ndarray
    listed: np.ndarray
    intensity: np.ndarray  # of the atlas, NaN where unknown

    def of(self, order):
        """Indices of an order's lines."""
        return np.flatnonzero(self.order == order)


@dataclass(frozen=True)
class MeasuredLines:
    """Measured spots of all orders, arrays of one length; positions [spot, (along, across)] in unbinned pixels."""

    order: np.ndarray
    wavelength_nm: np.ndarray
    slit_arcsec: np.ndarray
    line: np.ndarray  # number of the line within the list
    listed: np.ndarray
    position: np.ndarray
    error: np.ndarray
    width: np.ndarray  # sigma [spot, (along, across)], unbinned px, before the pixels
    width_error: np.ndarray
    fwhm: np.ndarray  # as sampled by the pixels
    flux: np.ndarray
    signal_to_noise: np.ndarray
    chi2: np.ndarray
    usable: np.ndarray
    blended: np.ndarray
    saturated: np.ndarray
    fitted: np.ndarray = field(default=None)  # position by the solution
    held_out: np.ndarray = field(default=None)  # residual about a fit without the line
    weight: np.ndarray = field(default=None)  # in the fit, 0 for outliers

    def where(self, keep):
        """Some of the spots."""
        take = lambda a: None if a is None else a[keep]
        return MeasuredLines(*(take(getattr(self, name)) for name in self.__dataclass_fields__))


def find_spots(frame, settings):
    """Spots of a Frame: peaks above settings.peak_sigma times the noise of the local background."""
    bad = frame.quality != 0
    box = tuple(max(n // b, 4) for n, b in zip(settings.background_box_px, frame.exposure.binning, strict=True))
    background = smooth_background(frame.flux, bad, box=box, quantile=0.3)
    image = frame.flux - background
    floor = (frame.variance if frame.floor is None else frame.floor) + np.maximum(background, 0) / frame.exposure.ndit
    rows, columns, _ = find_peaks(image, np.sqrt(floor), bad, threshold=settings.peak_sigma)
    e = frame.exposure
    spots = Spots(image, floor, bad, np.empty((0, 2)), e.binning, e.ndit, e.file, e.slit, e.lamps)
    return replace(spots, peaks=np.stack(spots.to_unbinned(columns, rows), axis=1))


def line_list(table, atlas, limits_nm):
    """LineList of the orders in limits_nm {order: (first, last)}: the pinhole table's lines and all others of the atlas."""
    parts = []
    atlas_wave, atlas_strength = atlas["wave"], 10.0 ** atlas.get("amplitude", np.full(len(atlas["wave"]), np.nan))
    ranked = np.argsort(atlas_wave)
    atlas_wave, atlas_strength = atlas_wave[ranked], atlas_strength[ranked]
    for order, (low, high) in limits_nm.items():
        known = np.unique(table["wavelength_nm"][table["order"] == order])
        nearest = np.abs(known[:, None] - atlas_wave).argmin(axis=1)
        same = np.abs(known - atlas_wave[nearest]) < 5e-5 * known  # the table's wavelengths are rounded
        intensity = np.where(same, atlas_strength[nearest], np.nan)
        extra = (atlas_wave > low) & (atlas_wave < high)
        extra[nearest[same]] = False
        n = known.size, int(extra.sum())
        parts.append(
            LineList(
                np.full(sum(n), order),
                np.r_[known, atlas_wave[extra]],
                np.repeat([True, False], n),
                np.r_[intensity, atlas_strength[extra]],
            )
        )
    return LineList(*(np.concatenate([getattr(p, f) for p in parts]) for f in LineList.__dataclass_fields__))


def order_limits(arm, margin):
    """{order: (first, last) wavelength [nm]} of an arm, with a fraction of the range as margin at both ends."""
    out = {}
    for order, facts in arm["orders"].items():
        low, high = facts["wavelength_nm"]
        out[order] = low - margin * (high - low), high + margin * (high - low)
    return out


def nominal_solution(name, arm, table, limits_nm):
    """The DispersionSolution of the published pinhole table of an arm of this name."""
    return arcsolution.solution_of_table(
        name,
        table["order"],
        table["wavelength_nm"],
        table["slit_arcsec"],
        table["along_px"],
        table["across_px"],
        limits_nm,
        degrees=tuple(arm["nominal_fit"]["degrees"]),
        order_degree=arm["nominal_fit"]["order_degree"],
        cut=7.0,
    )


def predicted(solution, order, wavelength_nm, slit_arcsec):
    """Positions [line x slit, (along, across)] of lines at slit positions, with the line's and the slit's index."""
    i, k = (a.ravel() for a in np.indices((len(wavelength_nm), len(slit_arcsec))))
    return np.stack(solution[order].position(wavelength_nm[i], slit_arcsec[k]), axis=1), i, k


def align(solution, spots, lines, slit_arcsec, settings):
    """The solution moved to where the peaks are: one shift for all orders, then shift and stretch of each.

    An order whose lines find no peaks takes the median shift of the others. Raises ReductionError when fewer than half of
    the orders find theirs.
    """
    orders = list(solution)
    pattern = {o: predicted(solution, o, lines.wavelength_nm[lines.of(o)][lines.listed[lines.of(o)]], slit_arcsec)[0] for o in orders}
    everything = np.concatenate(list(pattern.values()))
    peaks = spots.peaks[: int(2.5 * len(everything))]
    if len(peaks) < settings.min_lines:
        raise ReductionError(
            f"{spots.file}: holds no pinhole spots: found {len(peaks)} peaks above {settings.peak_sigma:g} sigma, needs "
            f"{settings.min_lines}; slit wheel at {spots.slit or 'unknown'}, lamps {', '.join(spots.lamps) or 'none'}; exclude the frame"
        )
    reach = settings.drift_px, settings.drift_px
    common = alignment.vote_shift(everything, peaks, reach=reach, bin_px=1.0, blur_px=1.5)
    log.info("pattern found at %+.1f px along, %+.1f px across: %.0f spots, by chance %.1f", common.along, common.across, common.hits, common.by_chance)
    votes, moved = {}, {}
    for o in orders:
        votes[o] = _order_votes(pattern[o] + (common.along, common.across), spots.peaks, solution[o], settings)
        moved[o] = common.along + votes[o].along, common.across + votes[o].across
    found = [o for o in orders if votes[o].hits > max(settings.min_hits * len(pattern[o]), 4 * votes[o].by_chance, 5)]
    if 2 * len(found) < len(orders):
        hits = sum(votes[o].hits for o in orders)
        raise ReductionError(
            f"{spots.file}: holds no pinhole spots of its lamp: found {hits:.0f} lines above {settings.peak_sigma:g} sigma, needs "
            f"{settings.min_hits * len(everything):.0f} of {len(everything)}, and the pattern in {len(found)} of {len(orders)} orders; "
            f"slit wheel at {spots.slit or 'unknown'}, lamps {', '.join(spots.lamps) or 'none'}; exclude the frame"
        )
    typical = np.median([moved[o] for o in found], axis=0)
    out = {}
    for o in orders:
        shift = moved[o] if o in found else typical
        stretch = votes[o].stretch if o in found else 0.0
        out[o] = arcsolution.corrected(solution[o], np.array([[shift[0]], [stretch]]), np.array([[shift[1]]]))
    return DispersionSolution(solution.arm, out)


def _order_votes(pattern, peaks, order_solution, settings):
    middle = order_solution.position(np.array(order_solution.wavelength_nm), np.mean(order_solution.slit_arcsec))[0]
    u = 2 * (pattern[:, 0] - middle.mean()) / np.ptp(middle) * np.sign(middle[1] - middle[0])
    reach = settings.order_drift_px, settings.order_drift_px
    stretches = np.arange(-settings.stretch_px, settings.stretch_px + 0.5)
    return alignment.vote_shift(pattern, peaks, reach=reach, bin_px=0.5, blur_px=1.0, u=u, stretches=stretches)


def refine(solution, spots, lines, slit_arcsec, settings):
    """The solution after smooth corrections of rising degree from the nearest peaks of its strong lines."""
    spacing = np.min(np.diff(slit_arcsec)) if len(slit_arcsec) > 1 else np.inf
    out = {}
    for o in solution:
        order_solution = solution[o]
        for degree, tolerance in ((1, 3.0), (2, 2.5), (4, 2.0), (5, 1.5)):
            k = _strong_lines(order_solution, spots, lines, lines.of(o), settings)
            w = lines.wavelength_nm[k]
            one = DispersionSolution(solution.arm, {o: order_solution})
            place, i, s = predicted(one, o, w, slit_arcsec)
            across = min(tolerance, 0.4 * spacing * _px_per_arcsec(order_solution))
            peak = alignment.nearest_peaks(place, spots.peaks, (tolerance, across))
            hit = peak >= 0
            if hit.sum() < 6 + degree:
                break
            slit_degree = min(1, len(slit_arcsec) - 1) if degree < 4 else min(2, len(slit_arcsec) - 1)
            order_solution, _ = arcsolution.adjust(
                order_solution, w[i][hit], slit_arcsec[s][hit], spots.peaks[peak[hit]],
                degrees=(degree, slit_degree), prior_px=10.0, decay=0.6, decay_slit=0.3, cut=5.0,
            )  # fmt: skip
        out[o] = order_solution
    return DispersionSolution(solution.arm, out)


def _px_per_arcsec(order_solution):
    w = np.mean(order_solution.wavelength_nm)
    (_, low), (_, high) = (order_solution.position(w, s) for s in (-1.0, 1.0))
    return abs(float(high - low)) / 2


def _strong_lines(order_solution, spots, lines, of_order, settings):
    """Indices of the listed lines and of the atlas's strongest, spread over the order."""
    listed = of_order[lines.listed[of_order]]
    others = of_order[~lines.listed[of_order]]
    strength = np.nan_to_num(lines.intensity[others], nan=0.0)
    if not strength.any():
        return listed
    part = np.digitize(lines.wavelength_nm[others], np.linspace(*order_solution.wavelength_nm, settings.parts + 1)[1:-1])
    chosen = [others[part == p][np.argsort(-strength[part == p], kind="stable")[: settings.lines_per_part]] for p in range(settings.parts)]
    return np.unique(np.concatenate([listed, *chosen]))


def measure_lines(solution, spots, lines, slit_arcsec, settings):
    """MeasuredLines of all orders' usable lines: first widths from the strongest, then blends, then all fits, twice.

    The second time each spot is fitted on the image without all its neighbours.
    """
    shapes = {o: _typical_shape(solution, spots, lines, o, settings) for o in solution}
    chosen = [_choose(solution, spots, lines, slit_arcsec, o, shapes[o], settings) for o in solution]
    line = np.concatenate([c[0] for c in chosen])
    blended = np.concatenate([c[1] for c in chosen])
    n = len(slit_arcsec)
    place = np.concatenate([predicted(solution, o, lines.wavelength_nm[c[0]], slit_arcsec)[0] for o, c in zip(solution, chosen, strict=True)])
    line, blended = np.repeat(line, n), np.repeat(blended, n)
    slit = np.tile(slit_arcsec, len(line) // n)
    seen = _on_frame(place, spots)
    line, blended, slit, place = line[seen], blended[seen], slit[seen], place[seen]
    shape = np.array([shapes[o] for o in solution])[np.searchsorted(list(solution), lines.order[line])]
    fits, saturated = _fit_twice(place, shape, spots, settings)
    b = np.array([spots.binning[1], spots.binning[0]])
    position = np.stack(spots.to_unbinned(fits.along, fits.across), axis=1)
    scale = np.sqrt(np.maximum(fits.chi2, 1.0))[:, None]
    moved = np.abs(position - place)
    usable = fits.usable & (fits.signal_to_noise > settings.min_signal_to_noise) & (moved < settings.match_px).all(axis=1)
    sigma = np.stack([fits.width_along, fits.width_across], axis=1) * b
    return MeasuredLines(
        lines.order[line], lines.wavelength_nm[line], slit, line, lines.listed[line], position,
        fits.error[:, 1:3] * b * scale, sigma, fits.error[:, 3:5] * b * scale, sampled_fwhm(sigma, b),
        fits.flux, fits.signal_to_noise, fits.chi2, usable, blended, saturated,
    )  # fmt: skip


def _on_frame(place, spots):
    along, across = spots.to_frame(*place.T)
    ny, nx = spots.image.shape
    return (along > 2) & (along < nx - 3) & (across > 1) & (across < ny - 2)


def _half(spots):
    """Half sizes (across, along) of the stamps: 5 x 7 unbinned pixels, never less than 3."""
    return max(2 // spots.binning[0], 1), max(3 // spots.binning[1], 1)


@dataclass(frozen=True)
class Stamps:
    """Pixels around spots, [spot, y, x], in pixels of the frame."""

    image: np.ndarray
    floor: np.ndarray
    good: np.ndarray
    corner: np.ndarray  # [spot, (first column, first row)]
    is_marred: np.ndarray  # [spot] a bad pixel is among them


def _cut(place, spots):
    """Stamps around places [unbinned px]."""
    along, across = spots.to_frame(*place.T)
    half = _half(spots)
    image, inside, top, left = arclines.cut_stamps(spots.image, along, across, half)
    floor = arclines.cut_stamps(spots.floor, along, across, half)[0]
    bad = arclines.cut_stamps(spots.bad, along, across, half)[0]
    return Stamps(image, floor, inside & ~bad, np.stack([left, top], axis=1), bad.any(axis=(1, 2)))


def _core(stamps):
    """Stamps without their outer rows, where neighbouring pinholes shine, as long as three rows are left."""
    good = stamps.good.copy()
    if good.shape[1] > 3:
        good[:, [0, -1]] = False
    return replace(stamps, good=good)


def _fit(stamps, centre, shape, freedom, spots, steps, start=None):
    """SpotFits of stamps, in pixels of the frame, begun at centres [unbinned px] or at earlier fits.

    shape: widths along and across [unbinned px] and tilt expected, [3] or [spot, 3]; freedom: relative scatter of the
    widths and absolute scatter of the tilt about them.
    """
    b = spots.binning
    expected = np.broadcast_to(shape, (len(centre), 3)) / np.array([b[1], b[0], b[1] / b[0]])
    flat = np.where(stamps.good, stamps.image, 0.0).reshape(len(centre), -1)
    background = np.quantile(flat, 0.2, axis=1)
    flux = np.maximum((flat - background[:, None]).sum(axis=1), 1.0)
    at = np.stack(spots.to_frame(*centre.T), axis=1) - stamps.corner
    begin = np.column_stack([flux, at, expected, background])
    if start is not None:
        begin[:, 0], begin[:, 6] = start.flux, start.background
        begin[:, 1:3] = np.stack([start.along, start.across], axis=1) - stamps.corner
    sd = np.column_stack([expected[:, :2] * freedom, np.full(len(centre), freedom)])
    fits = arclines.fit_spots(
        stamps.image, stamps.floor, stamps.good, begin, sd, photon_scale=1.0 / spots.ndit, steps=steps
    )
    return replace(fits, along=fits.along + stamps.corner[:, 0], across=fits.across + stamps.corner[:, 1])


def _centred(place, spots):
    """Places moved to the centroid of the light around their pixel."""
    stamps, inside, top, left = arclines.cut_stamps(np.where(spots.bad, 0, spots.image), *spots.to_frame(*place.T), (1, 1))
    w = np.where(inside, stamps, 0).reshape(len(place), -1)
    w = np.maximum(w - w.min(axis=1, keepdims=True), 0.0)
    w = w / np.maximum(w.sum(axis=1, keepdims=True), 1e-9)
    step = np.array([-1.0, 0.0, 1.0])
    return np.stack(spots.to_unbinned(left + 1 + w @ np.tile(step, 3), top + 1 + w @ np.repeat(step, 3)), axis=1)


def _fit_twice(place, shape, spots, settings):
    """(SpotFits, whether a bad pixel is near) of spots, the second time without their neighbours' light."""
    stamps = _cut(place, spots)
    fits = _fit(_core(stamps), _centred(place, spots), shape, settings.width_freedom, spots, 6)
    own = fits.table
    own[~(fits.signal_to_noise > 5), 0] = 0.0
    half = _half(spots)
    scene = arclines.paint_spots(spots.image.shape, own, (half[0] + 4, half[1] + 2))
    own[:, 1:3] -= stamps.corner
    own[:, 6] = 0.0
    others = arclines.cut_stamps(scene, *spots.to_frame(*place.T), half)[0] - arclines.spot_model(stamps.image.shape[1:], own)
    clean = replace(stamps, image=stamps.image - others, floor=stamps.floor + np.maximum(others, 0.0) / spots.ndit)
    return _fit(clean, place, shape, settings.width_freedom, spots, 4, start=fits), stamps.is_marred


def _typical_shape(solution, spots, lines, order, settings):
    """Median widths (sigma along, across) [unbinned px] and tilt of an order's strongest listed lines."""
    k = lines.of(order)
    k = k[lines.listed[k]]
    w = np.mean(solution[order].wavelength_nm)
    (a, b), (c, d) = (solution[order].position(w, s) for s in (-1.0, 1.0))
    start = np.array([settings.start_width_px, settings.start_width_px, float((c - a) / (d - b))])
    place = np.stack(solution[order].position(lines.wavelength_nm[k], np.zeros(k.size)), axis=1)
    place = place[_on_frame(place, spots)]
    if len(place) < 3:
        return start
    strength = _strength(place, spots)
    place = place[np.argsort(-strength, kind="stable")[: max(len(place) // 2, 3)]]
    stamps = _cut(place, spots)
    fits = _fit(_core(stamps), _centred(place, spots), start, 0.5, spots, 8)
    good = ~stamps.is_marred & (fits.signal_to_noise > 20)
    if good.sum() < 3:
        return start
    b = spots.binning
    measured = [np.median(v[good]) for v in (fits.width_along, fits.width_across, fits.tilt)]
    return np.array(measured) * np.array([b[1], b[0], b[1] / b[0]])


def _strength(place, spots):
    """Light in the 3 x 3 pixels around places, never negative."""
    along, across = spots.to_frame(*place.T)
    stamps, _, _, _ = arclines.cut_stamps(spots.image, along, across, (1, 1))
    return np.maximum(stamps.sum(axis=(1, 2)), 0.0)


def _choose(solution, spots, lines, slit_arcsec, order, shape, settings):
    """(indices of an order's lines to measure, which of them are blended): the listed ones and the best of the atlas."""
    k = lines.of(order)
    place, i, s = predicted(solution, order, lines.wavelength_nm[k], slit_arcsec)
    strength = np.median(_strength(place, spots).reshape(k.size, -1), axis=1)
    intensity = lines.intensity[k]
    # the atlas's intensities tell close neighbours apart, which the image cannot; without any the image must do
    relative = np.where(np.isfinite(intensity), intensity, _scaled(strength, intensity))
    along = solution[order].position(lines.wavelength_nm[k], 0.0)[0]
    shift = arclines.blend_shift(along, relative, width=max(shape[0], 0.5 * spots.binning[1]))
    blended = shift > settings.blend_px
    candidates = np.flatnonzero(~blended & ~lines.listed[k])
    part = np.digitize(lines.wavelength_nm[k], np.linspace(*solution[order].wavelength_nm, settings.parts + 1)[1:-1])
    best = [
        candidates[part[candidates] == p][np.argsort(-strength[candidates][part[candidates] == p], kind="stable")]
        for p in range(settings.parts)
    ]
    chosen = np.unique(np.concatenate([np.flatnonzero(lines.listed[k]), *(b[: settings.lines_per_part] for b in best)]))
    return k[chosen], blended[chosen]


def _scaled(strength, intensity):
    """Measured strengths on the atlas's scale, by the lines that have both."""
    both = np.isfinite(intensity) & (strength > 0)
    return strength * (np.median(intensity[both] / strength[both]) if both.any() else 1.0)


def solve(reference, measured, spots, settings, *, slit_degree):
    """(DispersionSolution, MeasuredLines with fitted positions, residuals and weights) of an arc.

    slit_degree: highest power of the slit position that the frame can tell (0 for a single pinhole).
    """
    degrees = settings.degree, slit_degree
    prior = falling_prior(degrees, scale=settings.prior_px, decay=settings.prior_decay, decay_second=settings.prior_decay_slit)
    good = measured.usable & ~measured.blended & ~measured.saturated
    fitted, held = np.full((2, *measured.position.shape), np.nan)
    weight = np.zeros(len(measured.order))
    out, counts = {}, {}
    for o in reference:
        k = np.flatnonzero(good & (measured.order == o))
        counts[o] = np.unique(measured.line[k]).size
        m = measured.where(k)
        line = np.unique(m.line, return_inverse=True)[1]
        data = (reference[o], m.wavelength_nm, m.slit_arcsec, m.position, m.error, line)
        c = arcsolution.fit_correction(*data, degrees=degrees, prior=prior, cut=settings.clip_sigma, floor_px=settings.floor_px)
        held[k] = arcsolution.held_out_residual(*data, c.weights, degrees=degrees, prior=prior, folds=settings.folds)
        weight[k] = c.weights
        all_of = measured.order == o
        fitted[all_of] = np.stack(c.solution.position(measured.wavelength_nm[all_of], measured.slit_arcsec[all_of]), axis=1)
        out[o] = _with_errors(c, m, degrees)
    _check_lines(counts, spots, settings)
    return DispersionSolution(reference.arm, out), replace(measured, fitted=fitted, held_out=held, weight=weight)


def _with_errors(correction, m, degrees):
    """The order's solution with the range of its lines and its typical error."""
    s = correction.solution
    used = correction.weights > 0
    calibrated = (float(m.wavelength_nm[used].min()), float(m.wavelength_nm[used].max())) if used.any() else None
    w = np.linspace(*(calibrated or s.wavelength_nm), 101)
    sd = np.sqrt(np.mean(arcsolution.position_variance(correction, w, np.zeros(w.size), degrees)))
    along = s.position(w, 0.0)[0]
    nm_per_px = abs((w[-1] - w[0]) / (along[-1] - along[0]))
    return replace(s, calibrated_nm=calibrated, wavelength_error_nm=float(sd * nm_per_px))


def _check_lines(counts, spots, settings):
    """Warns of orders with few lines; a ReductionError when half of the orders have too few."""
    poor = {o: n for o, n in counts.items() if n < settings.min_lines_per_order}
    for o, n in poor.items():
        log.warning("%s: order %d has only %d usable lines", spots.file, o, n)
    if 2 * len(poor) >= len(counts):
        raise ReductionError(
            f"{spots.file}: {len(poor)} of {len(counts)} orders have fewer than {settings.min_lines_per_order} usable lines "
            f"(order {min(poor, key=poor.get)}: {min(poor.values())}); lamps {', '.join(spots.lamps) or 'none'}, "
            f"slit {spots.slit or 'unknown'}; exclude the frame"
        )


def listed_lines(lines):
    """{order: number of listed lines}."""
    return {int(o): int(lines.listed[lines.of(o)].sum()) for o in np.unique(lines.order)}


def shifts(reference, solution):
    """{order: (along, across)} by which the middle of each order has moved [px]."""
    out = {}
    for o in solution:
        w = np.mean(solution[o].calibrated_nm or solution[o].wavelength_nm)
        (a, b), (c, d) = solution[o].position(w, 0.0), reference[o].position(w, 0.0)
        out[o] = float(a - c), float(b - d)
    return out


def line_widths(solution, measured, binning, settings):
    """{column: array} of the line-spread function: FWHM [px, nm] and resolution by order, wavelength and slit position."""
    rows = []
    for o in solution:
        m = measured.where((measured.weight > 0) & (measured.order == o))
        if len(m.order) < 4:
            continue
        slit_limits = solution[o].slit_arcsec
        several = np.ptp(m.slit_arcsec) > 0
        limits = solution[o].calibrated_nm
        model = fit_widths(
            m.wavelength_nm, m.slit_arcsec, m.width[:, 0], m.width_error[:, 0], limits, slit_limits,
            degrees=(2, 1 if several else 0), cut=settings.clip_sigma,
        )  # fmt: skip
        w, s = (a.ravel() for a in np.meshgrid(np.linspace(*limits, 9), [-4.0, 0.0, 4.0] if several else [0.0], indexing="ij"))
        width, error = model.at(w, s)
        fwhm = sampled_fwhm(width, binning[1])
        nm = fwhm * pixel_width_nm(solution[o], w, s)
        rows.append((np.full(w.size, o, np.int32), w, s, fwhm, error * FWHM, nm, w / nm))
    names = ("order", "wavelength", "slit", "fwhm_px", "fwhm_error_px", "fwhm_nm", "resolution")
    return dict(zip(names, map(np.concatenate, zip(*rows, strict=True)), strict=True))


def centre_pattern(solution, spots, lines, slit_arcsec, settings):
    """(solution whose pinhole pattern is not off by a whole spacing, {order: number of pinholes seen}).

    An order that shows all pinholes tells which is which. One that lacks an end pinhole fits its pattern in two ways: it
    takes the one nearest to the orders that show all, or else to where it was.
    """
    spacing = float(np.median(np.diff(slit_arcsec)))
    seen = {o: _seen_pinholes(solution, spots, lines, o, slit_arcsec, spacing, settings) for o in solution}
    offsets = {o: _offsets(seen[o], len(slit_arcsec)) for o in solution}
    sure = [offsets[o][0] for o in solution if len(offsets[o]) == 1 and seen[o].sum() >= len(slit_arcsec)]
    typical = float(np.median(sure)) if sure else 0.0
    out = {}
    for o in solution:
        k = min(offsets[o], key=lambda n: abs(n - typical)) if offsets[o] else 0
        w = np.mean(solution[o].wavelength_nm)
        (a, b), (c, d) = solution[o].position(w, 0.0), solution[o].position(w, k * spacing)
        out[o] = solution[o].shifted(float(c - a), float(d - b))
        if k:
            log.info("order %d: the pattern was %+d pinholes off", o, k)
        if seen[o].sum() < settings.min_pinholes:
            log.warning("%s: order %d shows only %d of %d pinholes", spots.file, o, seen[o].sum(), len(slit_arcsec))
    return DispersionSolution(solution.arm, out), {o: int(seen[o].sum()) for o in solution}


EXTRA = 2  # pinhole places looked at beyond both ends of the pattern


def _seen_pinholes(solution, spots, lines, order, slit_arcsec, spacing, settings):
    """Which places of the pattern hold light [place], from EXTRA places below it to EXTRA above."""
    k = lines.of(order)
    k = k[lines.listed[k]]
    place = np.r_[slit_arcsec[0] - spacing * np.arange(EXTRA, 0, -1), slit_arcsec, slit_arcsec[-1] + spacing * np.arange(1, EXTRA + 1)]
    where, i, s = predicted(solution, order, lines.wavelength_nm[k], place)
    strength = np.where(_on_frame(where, spots), _strength(where, spots), 0.0).reshape(len(k), len(place))
    strength = strength[np.argsort(-strength.max(axis=1), kind="stable")[: max(len(k) // 2, 3)]]
    relative = np.median(strength / np.maximum(np.median(strength[:, EXTRA:-EXTRA], axis=1, keepdims=True), 1e-9), axis=0)
    return relative > settings.visible_fraction


def _offsets(seen, n_pinholes):
    """Shifts, in pinholes, that bring all seen places into the pattern of n_pinholes; [] when none does."""
    places = np.flatnonzero(seen) - EXTRA
    if places.size == 0:
        return []
    return [k for k in range(-EXTRA, EXTRA + 1) if places.min() - k >= 0 and places.max() - k < n_pinholes]
