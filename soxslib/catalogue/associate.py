"""Which calibrations serve a set: hard keys, validity window, costs, ranking. Pure."""

import math
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from fnmatch import fnmatchcase

from soxslib.catalogue.sets import FrameSet, fact

EXACT_EXPOSURE = 0.01  # relative; times come from clocks and are rounded in headers


@dataclass(frozen=True)
class Offer:
    """A calibration that could serve: the set it is made of (a product of another night: its first frame), its path."""

    set: FrameSet
    path: str
    external: bool = False

    @property
    def stem(self):
        return self.set.stem


@dataclass(frozen=True)
class Choice:
    """Ranked candidates for one calibration of a set, or why there are none."""

    offers: tuple[Offer, ...] = ()
    reason: str = ""


class Shelf:
    """Offers of one calibration and arm, sorted by time, so that a window is found without looking at all of them."""

    def __init__(self, offers):
        self.offers = sorted(offers, key=lambda o: (o.set.mjd, o.path))
        self.times = [o.set.mjd for o in self.offers]

    def within(self, mjd, days):
        return self.offers[bisect_left(self.times, mjd - days) : bisect_right(self.times, mjd + days)]


def choose(group, shelf, rule, *, count, pins=()):
    """The Choice for a set from a Shelf. `pins`: patterns of stems or paths that alone are allowed, in their order."""
    if pins:
        return _pinned(shelf, pins)
    fitting = [
        o
        for o in shelf.within(group.mjd, rule["window_d"])
        if not _mismatch(group, o, rule) and _serves(group, o, rule)
    ]
    if not fitting:
        return Choice(reason=_why_none(group, shelf, rule))
    cost = {o.path: _cost(group, o, rule["cost"]) for o in fitting}
    ranked = sorted(fitting, key=lambda o: (cost[o.path], o.path))
    if rule.get("exposure") == "exact":
        ranked = _by_exposure(group.first.exposure_s, ranked)
    else:
        ranked = [o for o in ranked if cost[o.path] <= cost[ranked[0].path] + rule["reach"]]
    return Choice(tuple(ranked[:count]))


def _pinned(shelf, pins):
    hits = {o.path: o for pin in pins for o in shelf.offers if _is_named(o, pin)}
    if hits:
        return Choice(tuple(hits.values()))
    return Choice(reason=f"no match on the pin {', '.join(pins)} of the config")


def _is_named(offer, pattern):
    name = offer.path.rsplit("/", 1)[-1]
    return any(fnmatchcase(text, pattern) for text in (offer.stem, offer.path, name))


def _serves(group, offer, rule):
    steps = rule.get("for", {}).get(offer.set.role)
    return steps is None or group.step in steps


def _mismatch(group, offer, rule):
    """The hard keys in which a set and an offer differ."""
    mine, other = group.frames[0], offer.set.frames[0]
    return [key for key in rule["same"] if fact(mine, key) != fact(other, key)]


def _cost(group, offer, cost):
    mine, other = group.frames[0], offer.set.frames[0]
    total = abs(offer.set.mjd - group.mjd) / cost["time_d"]
    if "rotator_deg" in cost:
        total += angle_between(mine.exposure.rotator_deg, other.exposure.rotator_deg) / cost["rotator_deg"]
    total += sum(penalty for key, penalty in cost.get("other", {}).items() if fact(mine, key) != fact(other, key))
    widths = mine.exposure.slit_width_arcsec, other.exposure.slit_width_arcsec
    if "octave" in cost and all(widths):
        total += cost["octave"] * abs(math.log2(widths[0] / widths[1]))
    if "narrow" in cost and (widths[1] or 0.0) < cost["narrow"]["below_arcsec"]:
        total += cost["narrow"]["cost"]
    if "own" in cost and offer.set.paths == group.paths:
        total += cost["own"]
    return total + cost.get("roles", {}).get(offer.set.role, 0.0)


def angle_between(a_deg, b_deg):
    """Smallest angle between two rotator angles; None is the parked position, 0."""
    difference = abs((a_deg or 0.0) - (b_deg or 0.0)) % 360.0
    return min(difference, 360.0 - difference)


def _by_exposure(exposure_s, ranked):
    """Offers with this exposure time first, then the two that bracket it, then the rest; each part by its rank."""
    ratio = {o.path: o.set.first.exposure_s - exposure_s for o in ranked}
    tolerance = EXACT_EXPOSURE * max(exposure_s, 1.0)
    exact = [o for o in ranked if abs(ratio[o.path]) <= tolerance]
    below = sorted((o for o in ranked if ratio[o.path] < -tolerance), key=lambda o: -ratio[o.path])
    above = sorted((o for o in ranked if ratio[o.path] > tolerance), key=lambda o: ratio[o.path])
    bracket = sorted(below[:1] + above[:1], key=lambda o: abs(ratio[o.path]))
    taken = {o.path for o in exact + bracket}
    rest = [o for o in ranked if o.path not in taken]
    return exact + bracket + sorted(rest, key=lambda o: abs(ratio[o.path]))


def _why_none(group, shelf, rule):
    serving = [o for o in shelf.offers if _serves(group, o, rule)]
    if not serving:
        return ""
    matching = [o for o in serving if not _mismatch(group, o, rule)]
    if matching:
        age = min(abs(o.set.mjd - group.mjd) for o in matching)
        return f"none within {rule['window_d']} days (the nearest is {age:.0f} days away)"
    key = _mismatch(
        group, min(serving, key=lambda o: (len(_mismatch(group, o, rule)), abs(o.set.mjd - group.mjd))), rule
    )[0]
    there = sorted({str(fact(o.set.frames[0], key)) for o in serving})
    return f"no match on {key} ({fact(group.frames[0], key)} is needed, there is {', '.join(there[:4])})"
