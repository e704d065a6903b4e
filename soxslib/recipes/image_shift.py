"""How far the image of an exposure has moved across the dispersion since the arc, where that would part a source's light."""

from dataclasses import replace

import numpy as np

from soxslib.datamodel import DispersionSolution
from soxslib.numerics import locate
from soxslib.numerics.dispersion import jacobian

FARTHEST = 12  # unbinned px
SURE = 10.0  # significance of a source that tells it ...
GAIN = 1.15  # ... and the factor by which its light must gather; what parts it less is left to the orders' own traces
SHARED = 0.1  # of a source's light, that where another stands is no chance


def is_told(solution):
    """Whether a shift of the image parts the light of a source: the slit stands upside down in some of the orders."""
    return len({np.sign(scale) for scale in _arcsec_per_px(solution).values()}) > 1


def image_shift(solution, blocks, seeing_arcsec, settings):
    """Whole unbinned pixels by which all orders have moved; 0 where the light along the slit does not tell.

    blocks: {order: BlockProfiles}. A shift of the detector moves a source up the slit in some orders and down in the others: only
    the right one gathers its light at one place.
    """
    per_px, grid = _arcsec_per_px(solution), np.arange(-settings.half_slit_arcsec, settings.half_slit_arcsec, 0.1)
    told = lambda px: _sources({o: _moved(b, px * per_px[o]) for o, b in blocks.items()}, grid, seeing_arcsec, settings)
    gathered = {px: max((s.significance for s in told(px)), default=0.0) for px in range(-FARTHEST, FARTHEST + 1)}
    best = max(gathered, key=lambda px: (gathered[px], -abs(px)))
    if not gathered[best] > max(SURE, GAIN * gathered[0]):
        return 0
    up, down = ({o: b for o, b in blocks.items() if sign * per_px[o] > 0} for sign in (1.0, -1.0))
    return 0 if _share_sources(up, down, grid, seeing_arcsec, settings) else best


def _moved(blocks, arcsec):
    return replace(blocks, slit_arcsec=blocks.slit_arcsec - arcsec)


def _sources(blocks, grid, seeing_arcsec, settings):
    """Sources that the light of all blocks together shows, the most significant first."""
    return locate.find_sources(
        grid, *locate.collapse(blocks.values(), grid), seeing_arcsec=seeing_arcsec, least_significance=settings.detection_sigma,
        least_fraction=settings.detection_fraction, most=settings.most_sources,
    )  # fmt: skip


def _share_sources(up, down, grid, seeing_arcsec, settings):
    """Whether orders of one kind show light where the brightest source of the others stands, or the others none: stars of unlike
    colour, no light that is parted."""
    found = [_sources(blocks, grid, seeing_arcsec, settings) for blocks in (up, down)]
    if not all(found):
        return True
    (here, *_), (there, *_) = found
    return _light_beside(up, grid, here, there) > SHARED or _light_beside(down, grid, there, here) > SHARED


def _light_beside(blocks, grid, source, place):
    """Light where another stands over that of the source, less what its own wings bring as far on its other side."""
    light, _ = locate.collapse(blocks.values(), grid)
    x, y = source.slit_arcsec, place.slit_arcsec
    peak, beside, mirrored = np.interp([x, y, 2.0 * x - y], grid, light - np.median(light), right=0.0, left=0.0)
    return (beside - mirrored) / max(peak, 1e-12)


def _arcsec_per_px(solution):
    """{order: slit position per unbinned pixel across the dispersion}; its sign says which end is up."""
    middle = lambda o: 0.5 * sum(solution[o].wavelength_nm)
    return {o: 1.0 / float(jacobian(solution[o], middle(o), 0.0).across_by_slit) for o in solution}


def moved_solution(solution, px):
    """The DispersionSolution with all orders so many unbinned pixels farther across the dispersion."""
    return DispersionSolution(
        solution.arm, {o: solution[o].shifted(across_px=px) for o in solution}, solution.across_px + px
    )
