"""Which calibrations serve a set: hard keys, validity window, costs, ranking. Pure."""

import math
from bisect import bisect_left
from collections import defaultdict
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
    """Offers of one calibration and arm: by what must match, then by time, so that few of thousands are looked at."""

    def __init__(self, offers, rule):
        self.offers = sorted(offers, key=lambda o: (o.set.mjd, o.path))
        self.racks = defaultdict(lambda: defaultdict(list))
        for offer in self.offers:
            exposure = fact(offer.set.frames[0], "exposure_s") if rule.get("exposure") else None
            self.racks[hard_key(offer.set, rule)][offer.set.role, exposure].append(offer)


def hard_key(group, rule):
    """The facts of a set that a calibration must share."""
    return tuple(fact(group.frames[0], name) for name in rule["same"])


def choose(group, shelf, rule, *, count, pins=(), failed=frozenset()):
    """The Choice for a set from a Shelf.

    pins: patterns of stems or paths that alone are allowed, in their order. failed: paths of products known to be
    unusable; they stay candidates (so that a set's inputs do not change with the fate of others), but when all of them
    are such, the next best are added.
    """
    if pins:
        return _pinned(shelf, pins)
    ranked = _ranked(group, shelf, rule, count, exclude=frozenset())
    if not ranked:
        return Choice(reason=_why_none(group, shelf, rule))
    if failed.issuperset(o.path for o in ranked):
        ranked = ranked + _ranked(group, shelf, rule, count, exclude=failed)
    return Choice(tuple(ranked))


def _ranked(group, shelf, rule, count, exclude):
    """The best offers of a shelf, at most `count`."""
    ranked = []
    for (role, _), offers in shelf.racks.get(hard_key(group, rule), {}).items():
        if _serves(group, role, rule):
            ranked += _cheapest(group, [o for o in offers if o.path not in exclude] if exclude else offers, rule, count)
    ranked.sort(key=lambda pair: (pair[0], pair[1].path))
    if rule.get("exposure"):
        offers = _by_exposure(group.first.exposure_s, ranked, rule["reach"])
    else:
        offers = _within_reach(ranked, rule["reach"])
    return _staying_in_night(group.night, offers)[:count]


def _staying_in_night(night, ranked):
    """Ranked offers without those of other nights that come after one of this night."""
    first = next((i for i, offer in enumerate(ranked) if offer.set.night == night), len(ranked))
    return ranked[:first] + [offer for offer in ranked[first:] if offer.set.night == night]


def _within_reach(ranked, reach):
    """Offers of [(cost, offer)], sorted by cost, that cost little more than the best."""
    return [offer for cost, offer in ranked if cost <= ranked[0][0] + reach]


def _cheapest(group, offers, rule, count):
    """[(cost, offer)] of the few that can be among the best, out of offers sorted by time.

    The age alone costs more and more from the set's own time on, and more than a day away it is another night: the
    search ends where these alone cost more than what is already found allows.
    """
    cost, found, limit = rule["cost"], [], math.inf
    for age, offer in _outwards(offers, group.mjd):
        at_least = age / cost["time_d"] + (cost.get("other_night", 0.0) if age > 1.0 else 0.0)
        if age > rule["window_d"] or at_least > limit:
            break
        found.append((_cost(group, offer, cost), offer))
        if len(found) >= count:
            costs = sorted(c for c, _ in found)
            limit = min(costs[count - 1], costs[0] + rule["reach"])
        else:
            limit = min(limit, found[-1][0] + rule["reach"])
    return found


def _outwards(offers, mjd):
    """(age, offer) from the nearest in time to the farthest, out of offers sorted by time."""
    right = bisect_left(offers, mjd, key=lambda o: o.set.mjd)
    left = right - 1
    while left >= 0 or right < len(offers):
        before = mjd - offers[left].set.mjd if left >= 0 else math.inf
        after = offers[right].set.mjd - mjd if right < len(offers) else math.inf
        if before < after:
            yield before, offers[left]
            left -= 1
        else:
            yield after, offers[right]
            right += 1


def _pinned(shelf, pins):
    hits = {o.path: o for pin in pins for o in shelf.offers if _is_named(o, pin)}
    if hits:
        return Choice(tuple(hits.values()))
    return Choice(reason=f"no match on the pin {', '.join(pins)} of the config")


def _is_named(offer, pattern):
    name = offer.path.rsplit("/", 1)[-1]
    return any(fnmatchcase(text, pattern) for text in (offer.stem, offer.path, name))


def _serves(group, role, rule):
    steps = rule.get("for", {}).get(role)
    return steps is None or group.step in steps


def _cost(group, offer, cost):
    mine, other = group.frames[0], offer.set.frames[0]
    total = abs(offer.set.mjd - group.mjd) / cost["time_d"]
    if "rotator_deg" in cost:
        total += angle_between(mine.exposure.rotator_deg, other.exposure.rotator_deg) / cost["rotator_deg"]
    total += sum(penalty for key, penalty in cost.get("other", {}).items() if fact(mine, key) != fact(other, key))
    widths = mine.exposure.slit_width_arcsec, other.exposure.slit_width_arcsec
    if group.night != offer.set.night:
        total += cost.get("other_night", 0.0)
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


def _by_exposure(exposure_s, ranked, reach):
    """Offers with this exposure time first, then the two that bracket it, then the rest; each part by its rank."""
    tolerance = EXACT_EXPOSURE * max(exposure_s, 1.0)
    excess = {offer.path: offer.set.first.exposure_s - exposure_s for _, offer in ranked}
    exact = _within_reach([pair for pair in ranked if abs(excess[pair[1].path]) <= tolerance], reach)
    others = _within_reach([pair for pair in ranked if abs(excess[pair[1].path]) > tolerance], reach)
    others.sort(key=lambda o: abs(excess[o.path]))
    below = next((o for o in others if excess[o.path] < 0), None)
    above = next((o for o in others if excess[o.path] > 0), None)
    bracket = [o for o in others if o is below or o is above]
    return exact + bracket + [o for o in others if o is not below and o is not above]


def _why_none(group, shelf, rule):
    """Why none of a shelf serves a set; '' when the shelf is empty."""
    serving = [o for o in shelf.offers if _serves(group, o.set.role, rule)]
    if not serving:
        return ""
    wanted = hard_key(group, rule)
    matching = [o for o in serving if hard_key(o.set, rule) == wanted]
    if matching:
        age = min(abs(o.set.mjd - group.mjd) for o in matching)
        return f"none within {rule['window_d']} days (the nearest is {age:.0f} days away)"
    there = {hard_key(o.set, rule) for o in serving}
    nearest = max(there, key=lambda key: sum(a == b for a, b in zip(key, wanted, strict=True)))
    i = next(i for i, (a, b) in enumerate(zip(nearest, wanted, strict=True)) if a != b)
    values = ", ".join(sorted({str(key[i]) for key in there})[:4])
    return f"no match on {rule['same'][i]} ({wanted[i]} is needed, there is {values})"
