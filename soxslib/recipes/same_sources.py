"""Sources that several exposures show, told by where they stand beside the target."""

from dataclasses import replace

import numpy as np

SAME = 0.5  # FWHM of the target: sources whose places beside it differ by less are one


def same_sources(exposures):
    """(the ReducedExposures with the sources that all of them show first, in the first one's order; how many these are)."""
    beside = [np.array([e.place(k) - e.place(0) for k in range(len(e.sources))]) for e in exposures]
    reach = SAME * exposures[0].sources[0].fwhm_arcsec
    chosen = [[0] for _ in exposures]
    for apart in beside[0][1:]:
        found = [_nearest(apart, places, taken) for places, taken in zip(beside, chosen, strict=True)]
        if all(k is not None and abs(places[k] - apart) < reach for k, places in zip(found, beside, strict=True)):
            for taken, k in zip(chosen, found, strict=True):
                taken.append(k)
    n = len(chosen[0])
    return [_in_order(e, k) for e, k in zip(exposures, chosen, strict=True)], n


def _nearest(apart, places, taken):
    """Index of the place nearest to one, of those not taken; None where all are."""
    left = [k for k in range(places.size) if k not in taken]
    return min(left, key=lambda k: abs(places[k] - apart), default=None)


def _in_order(exposure, first):
    """The ReducedExposure with some of its sources first, the others behind."""
    n = len(exposure.sources)
    order = [*first, *(k for k in range(n) if k not in first)]
    if order == list(range(n)):
        return exposure
    light = [*order, *range(n, n + bool(exposure.extended))]
    return replace(
        exposure,
        profiles={o: [p[k] for k in light] for o, p in exposure.profiles.items()},
        fits={o: replace(f, counts=f.counts[light], expected=f.expected[light]) for o, f in exposure.fits.items()},
        **{name: [getattr(exposure, name)[k] for k in order] for name in ("slit_profiles", "traces", "sources")},
    )
