"""First half of both arc steps: spots found and their pattern aligned with the lamp's lines.

In order: `find_spots`, `nominal_solution`, `line_list`, `align`, `centre_pattern`, `refine`.
"""

import logging

import numpy as np

from soxslib.datamodel import DispersionSolution, Quality
from soxslib.datamodel.arcs import LineList, Spots
from soxslib.errors import ReductionError
from soxslib.numerics import alignment, arcsolution
from soxslib.numerics.arclines import light_around
from soxslib.numerics.peaks import find_peaks, smooth_background
from soxslib.numerics.polynomials import fit_with_prior

log = logging.getLogger("soxslib")

MARGIN = 0.02  # of an order's range at both ends: the domain of its polynomials, so that drifts do not leave it
EXTRA = 2  # pinhole places looked at beyond both ends of the pattern
ENOUGH = 1500  # spots that tell the common shift of all orders
TELLING = 100  # brightest peaks that tell whether an arc is saturated
BRIGHTEST = 2  # peaks looked at for each spot expected
EXPECTED_DRIFT_PX = 30.0  # of the detector against the published format
SAME_LINE = 5e-5  # relative difference of wavelengths that mean one line: the pinhole tables round them


def find_spots(frame, settings):
    """Spots of a Frame: peaks above settings.peak_sigma times the noise of the local background."""
    bad = frame.quality != 0
    e = frame.exposure
    box = tuple(max(n // b, 4) for n, b in zip(settings.background_box_px, e.binning, strict=True))
    background = smooth_background(frame.flux, bad, box=box, quantile=0.3)
    image = frame.flux - background
    floor = (frame.variance if frame.floor is None else frame.floor) + np.maximum(background, 0) / e.ndit
    # a saturated spot is no good for measuring, but it tells where the pattern is
    dark = (frame.quality & ~np.uint16(Quality.SATURATED | Quality.NONLINEAR)) != 0
    rows, columns, _ = find_peaks(image, np.sqrt(floor), dark, threshold=settings.peak_sigma)
    peaks = (np.stack([columns, rows], axis=1) + 0.5) * (e.binning[1], e.binning[0]) - 0.5
    brightest = tuple(np.rint([rows[:TELLING], columns[:TELLING]]).astype(int))
    full = (frame.quality[brightest] & np.uint16(Quality.SATURATED)) != 0
    return Spots(image, floor, bad, peaks, e.binning, e.ndit, e.file, e.slit, e.lamps, 2 * full.sum() > full.size)


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


def line_list(table, atlas, limits_nm):
    """LineList of the orders in limits_nm {order: (first, last)}: the pinhole table's lines, others of the atlas."""
    ranked = np.argsort(atlas["wave"], kind="stable")
    wave = atlas["wave"][ranked]
    intensity = 10.0 ** atlas["amplitude"][ranked] if "amplitude" in atlas else np.full(wave.size, np.nan)
    parts = [_lines_of_order(table, o, wave, intensity, limits) for o, limits in limits_nm.items()]
    return LineList(*map(np.concatenate, zip(*parts, strict=True)))


def _lines_of_order(table, order, wave, intensity, limits):
    """(order, wavelength, listed, intensity) of one order's lines, the listed ones first."""
    known = np.unique(table["wavelength_nm"][table["order"] == order])
    nearest = np.abs(known[:, None] - wave).argmin(axis=1)
    same = np.abs(known - wave[nearest]) < SAME_LINE * known
    extra = (wave > limits[0]) & (wave < limits[1])
    extra[nearest[same]] = False
    n = known.size, int(extra.sum())
    strength = np.r_[np.where(same, intensity[nearest], np.nan), intensity[extra]]
    return np.full(sum(n), order), np.r_[known, wave[extra]], np.repeat([True, False], n), strength


def predicted(order_solution, wavelength_nm, slit_arcsec):
    """Places [line x slit, (along, across)] of lines at slit positions, with the indices of line and slit position."""
    i, k = (a.ravel() for a in np.indices((len(wavelength_nm), len(slit_arcsec))))
    return np.stack(order_solution.position(wavelength_nm[i], slit_arcsec[k]), axis=1), i, k


def align(solution, spots, lines, slit_arcsec, settings):
    """The solution moved to where the peaks are: one shift for all orders, then shift and stretch of each.

    An order whose lines find no peaks takes the median shift of the others. Raises ReductionError when there are next
    to no peaks, or when fewer than half of the orders find theirs.
    """
    orders = list(solution)
    pattern = {o: predicted(solution[o], lines.wavelength_nm[lines.of(o, listed=True)], slit_arcsec)[0] for o in orders}
    everything = np.concatenate(list(pattern.values()))
    if len(spots.peaks) < settings.min_lines:
        raise ReductionError(
            f"{spots.file}: holds no pinhole spots: found {len(spots.peaks)} peaks above "
            f"{settings.peak_sigma:g} sigma, needs {settings.min_lines}; {spots.told}; {spots.remedy}"
        )
    brightest = spots.peaks[: BRIGHTEST * len(everything)]
    some = everything[:: 1 + len(everything) // ENOUGH]
    common = alignment.vote_shift(some, brightest, reach=(settings.drift_px,) * 2, bin_px=1.0, blur_px=1.5)
    votes = {
        o: _order_votes(pattern[o] + (common.along, common.across), spots.peaks, solution[o], settings) for o in orders
    }
    found = [o for o in orders if votes[o].hits > max(settings.min_hits * len(pattern[o]), 4 * votes[o].by_chance, 5)]
    if 2 * len(found) < len(orders):
        hits = sum(v.hits for v in votes.values())
        fault = "is saturated" if spots.is_saturated else "holds no pinhole spots of its lamp"
        raise ReductionError(
            f"{spots.file}: {fault}: found {hits:.0f} lines above "
            f"{settings.peak_sigma:g} sigma, needs {settings.min_hits * len(everything):.0f} of {len(everything)}, "
            f"and the pattern in {len(found)} of {len(orders)} orders; {spots.told}; {spots.remedy}"
        )
    log.info("%s: pattern %+.1f px along, %+.1f px across", spots.file, common.along, common.across)
    moved = {o: (common.along + votes[o].along, common.across + votes[o].across) for o in orders}
    # what an order does: halfway between two that are a pinhole spacing apart there is no pinhole
    typical = np.quantile([moved[o] for o in found], 0.5, axis=0, method="lower")
    out = {}
    for o in orders:
        along, across = moved[o] if o in found else typical
        stretch = votes[o].stretch if o in found else 0.0
        out[o] = arcsolution.corrected(solution[o], np.array([[along], [stretch]]), np.array([[across]]))
    return DispersionSolution(solution.arm, out)


def _order_votes(pattern, peaks, order_solution, settings):
    """Votes for the shift and stretch of one order's pattern."""
    ends = order_solution.position(np.array(order_solution.wavelength_nm), np.mean(order_solution.slit_arcsec))[0]
    u = (2 * pattern[:, 0] - ends.sum()) / (ends[1] - ends[0])
    low, high = pattern[:, 1].min() - settings.order_drift_px, pattern[:, 1].max() + settings.order_drift_px
    near = peaks[(peaks[:, 1] > low) & (peaks[:, 1] < high)][: BRIGHTEST * len(pattern)]
    stretches = np.arange(-settings.stretch_px, settings.stretch_px + 0.5)
    reach = (settings.order_drift_px,) * 2
    return alignment.vote_shift(pattern, near, reach=reach, bin_px=0.5, blur_px=1.0, u=u, stretches=stretches)


def centre_pattern(solution, start, spots, lines, slit_arcsec, settings):
    """(solution whose pinhole pattern is not off by a whole spacing, {order: number of pinholes seen}).

    An order that shows all pinholes tells which is which. One that lacks an end pinhole fits its pattern in two ways:
    it takes the one that moves it from `start`, the solution before alignment, as the others are moved.
    """
    spacing = float(np.median(np.diff(slit_arcsec)))
    n, orders = len(slit_arcsec), list(solution)
    seen = {o: seen_pinholes(solution[o], spots, lines, o, slit_arcsec, spacing, settings) for o in orders}
    offsets = {o: _offsets(seen[o], n) or [0] for o in orders}
    place = lambda one, s: np.array(one.position(np.mean(one.wavelength_nm), s))
    step = np.array([(place(solution[o], spacing) - place(solution[o], 0.0))[1] for o in orders])
    moved = np.array([(place(solution[o], 0.0) - place(start[o], 0.0))[1] for o in orders])
    sure = np.array([seen[o].sum() >= n for o in orders])
    sure = sure if sure.any() else np.ones(len(orders), bool)
    moved_sure = moved + step * [offsets[o][0] for o in orders]
    expected = _common_motion(moved_sure[sure], step[sure], step)
    out = {}
    for i, o in enumerate(orders):
        k = min(offsets[o], key=lambda k, i=i: abs(moved[i] + k * step[i] - expected[i]))
        along, across = place(solution[o], k * spacing) - place(solution[o], 0.0)
        out[o] = solution[o].shifted(float(along), float(across))
        if k:
            log.info("%s: order %d: the pattern was %+d pinholes off", spots.file, o, k)
        if seen[o].sum() < settings.min_pinholes:
            log.warning("%s: order %d shows only %d of %d pinholes", spots.file, o, seen[o].sum(), n)
    return DispersionSolution(solution.arm, out), {o: int(seen[o].sum()) for o in orders}


def _common_motion(moved_px, step_px, at_step_px):
    """Motion [px] of orders from that of others: a shift of the detector, and one along the slit.

    step_px: pinhole spacing, signed: some orders show the slit upside down, and move the other way with it.
    """
    columns = lambda step: np.stack([np.ones(len(step)), step], axis=1)
    prior = np.array([EXPECTED_DRIFT_PX, 1.0])  # px, pinhole spacings
    both, _ = fit_with_prior(columns(step_px), moved_px, np.ones(len(moved_px)), prior)
    return columns(at_step_px) @ both


def seen_pinholes(order_solution, spots, lines, order, slit_arcsec, spacing, settings):
    """Which places of the pattern hold light [place], from EXTRA places below it to EXTRA above."""
    beyond = spacing * np.arange(1, EXTRA + 1)
    place = np.r_[slit_arcsec[0] - beyond[::-1], slit_arcsec, slit_arcsec[-1] + beyond]
    where, _, _ = predicted(order_solution, lines.wavelength_nm[lines.of(order, listed=True)], place)
    strength = np.where(spots.hold(where), light_around(spots.image, spots.to_frame(where)), 0.0).reshape(
        -1, len(place)
    )
    strength = strength[np.argsort(-strength.max(axis=1), kind="stable")[: max(len(strength) // 2, 3)]]
    typical = np.median(strength[:, EXTRA:-EXTRA], axis=1, keepdims=True)
    if len(slit_arcsec) == 1:
        typical = strength[:, EXTRA : EXTRA + 1]
    return np.median(strength / np.maximum(typical, 1e-9), axis=0) > settings.visible_fraction


def _offsets(seen, n_pinholes):
    """Shifts, in pinholes, that bring all seen places into the pattern of n_pinholes; [] when none does."""
    places = np.flatnonzero(seen) - EXTRA
    if places.size == 0:
        return []
    return [k for k in range(-EXTRA, EXTRA + 1) if places.min() - k >= 0 and places.max() - k < n_pinholes]


def refine(solution, spots, lines, slit_arcsec, settings):
    """The solution after smooth corrections of rising degree from the peaks nearest to its strong lines."""
    spacing = np.min(np.diff(slit_arcsec)) if len(slit_arcsec) > 1 else np.inf
    out = {o: _refine_order(solution[o], spots, lines, o, slit_arcsec, spacing, settings) for o in solution}
    return DispersionSolution(solution.arm, out)


def _refine_order(order_solution, spots, lines, order, slit_arcsec, spacing, settings):
    k = strong_lines(order_solution, lines, order, settings)
    w = lines.wavelength_nm[k]
    place, i, s = predicted(order_solution, w, slit_arcsec)
    near = (spots.peaks[:, 1] > place[:, 1].min() - 5) & (spots.peaks[:, 1] < place[:, 1].max() + 5)
    peaks = spots.peaks[near]
    for degree, tolerance in ((1, 3.0), (3, 2.5), (5, 1.5)):
        place = np.stack(order_solution.position(w[i], slit_arcsec[s]), axis=1)
        across = min(tolerance, 0.4 * spacing * px_per_arcsec(order_solution))  # not the neighbouring pinhole
        peak = alignment.nearest_peaks(place, peaks, (tolerance, across))
        hit = peak >= 0
        if hit.sum() < 6 + degree:
            break
        degrees = degree, min(1 if degree < 4 else 2, len(slit_arcsec) - 1)
        order_solution, _ = arcsolution.adjust(
            order_solution, w[i][hit], slit_arcsec[s][hit], peaks[peak[hit]],
            degrees=degrees, prior_px=10.0, decay=0.6, decay_slit=0.3, cut=5.0,
        )  # fmt: skip
    return order_solution


def px_per_arcsec(order_solution):
    """Scale along the slit in the middle of an order [unbinned px/arcsec]."""
    w = np.mean(order_solution.wavelength_nm)
    (_, low), (_, high) = (order_solution.position(w, s) for s in (-1.0, 1.0))
    return abs(float(high - low)) / 2


def strong_lines(order_solution, lines, order, settings):
    """Indices of an order's listed lines and of the atlas's strongest, spread over the order."""
    listed, others = lines.of(order, listed=True), lines.of(order)
    others = np.setdiff1d(others, listed)
    strength = np.nan_to_num(lines.intensity[others])
    if not strength.any():
        return listed
    best = strongest_of_parts(lines.wavelength_nm[others], strength, order_solution.wavelength_nm, settings)
    return np.union1d(listed, others[best])


def strongest_of_parts(wavelength_nm, strength, limits_nm, settings):
    """Indices of the strongest lines of each of settings.parts equal parts of an order."""
    part = np.digitize(wavelength_nm, np.linspace(*limits_nm, settings.parts + 1)[1:-1])
    chosen = []
    for p in range(settings.parts):
        k = np.flatnonzero(part == p)
        chosen.append(k[np.argsort(-strength[k], kind="stable")[: settings.lines_per_part]])
    return np.sort(np.concatenate(chosen))
