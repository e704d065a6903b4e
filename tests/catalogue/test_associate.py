"""Ranking: the quick search against looking at everything."""

from datetime import datetime, timedelta

import numpy as np
import pytest

from soxslib.catalogue import associate
from soxslib.catalogue.associate import Offer, Shelf, angle_between, choose
from soxslib.catalogue.classify import Frame
from soxslib.catalogue.plan import load_rules
from soxslib.catalogue.scan import OK, Entry
from soxslib.catalogue.sets import FrameSet, night_of
from soxslib.datamodel import Exposure
from soxslib.instruments import load_instrument

SOXS = load_instrument("SOXS")
RULES = load_rules(SOXS)["association"]


def make_set(mjd, step, role, **facts):
    base = dict(file="x", instrument="SOXS", arm="NIR", category="", type="", technique="", exposure_s=10.0)
    exposure = Exposure(**base | facts, mjd=mjd)
    frame = Frame(Entry(f"{step}{mjd}", 0, 0.0, OK, exposure=exposure), role)
    return FrameSet(step, role, "NIR", night_of(mjd, 15.0), (frame,), stem=f"{mjd}")


@pytest.mark.parametrize(
    ("a", "b", "angle"), [(10, 350, 20), (None, 30, 30), (-204.7, 186.9, 31.6), (None, None, 0), (180, 0, 180)]
)
def test_angles_are_compared_around_the_circle(a, b, angle):
    assert angle_between(a, b) == pytest.approx(angle)


@pytest.mark.parametrize("name", ["spatial_solution", "master_flat", "response", "master_bias"])
def test_the_quick_search_finds_what_looking_at_everything_finds(name):
    rng = np.random.default_rng(7)
    rule = RULES[name]
    offers = []
    for mjd in np.sort(61000 + rng.uniform(0, 90, 120)):
        facts = dict(slit=rng.choice(["SLIT1.0", "SLIT5.0"]), rotator_deg=float(rng.uniform(-180, 180)))
        offers.append(Offer(make_set(float(mjd), name, "x", **facts), f"p{mjd}"))
    shelf = Shelf(offers, rule)
    for mjd in 61000 + rng.uniform(0, 90, 40):
        group = make_set(float(mjd), "nod", "science", slit="SLIT1.0", rotator_deg=20.0)
        near = [o for o in offers if abs(o.set.mjd - group.mjd) <= rule["window_d"]]
        best = min(near, key=lambda o: (associate._cost(group, o, rule["cost"]), o.path))
        assert choose(group, shelf, rule, count=3).offers[0] == best


def test_sets_are_offered_in_time_order_from_the_nearest():
    start = datetime(2026, 1, 1)
    offers = [Offer(make_set(61000.0 + i, "a", "x"), f"{start + timedelta(days=i)}") for i in range(5)]
    ages = [age for age, _ in associate._outwards(offers, 61002.3)]
    assert ages == sorted(ages) and len(ages) == 5
