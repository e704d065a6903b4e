"""Groups of jobs for a cluster: what is right follows from who reads what; that groups never wait for each other in a
circle is checked by the standard library's sorter."""

from collections import Counter
from datetime import datetime
from graphlib import TopologicalSorter

import pytest
from stubs import make_night

from soxslib.catalogue.groups import groups_of
from soxslib.catalogue.plan import load_rules, make_plan
from soxslib.catalogue.scan import scan
from soxslib.catalogue.tasks import Task
from soxslib.instruments import load_instrument

SOXS = load_instrument("SOXS")
CALIBRATIONS = set(load_rules(SOXS)["association"])


def planned(folder, *evenings, arms=("VIS", "NIR")):
    for evening in evenings:
        for stub in make_night(arms, evening=evening):
            stub.write(folder)
    return make_plan(scan([str(folder)]), SOXS).tasks


def in_order(tasks, groups):
    """Units of work in an order in which each finds what it needs; a CycleError when there is none."""
    maker = {path: task.key for task in tasks for path in task.outputs.values()}
    graph = {}
    for task in tasks:
        unit = groups.get(task.key, task.key)
        needs = {maker[p] for paths in task.inputs.values() for p in paths if p in maker}
        graph.setdefault(unit, set()).update({groups.get(key, key) for key in needs} - {unit})
    return list(TopologicalSorter(graph).static_order())


def test_an_arm_of_a_night_is_one_group_of_calibrations_and_one_for_each_spectrum(tmp_path):
    tasks = planned(tmp_path, datetime(2026, 1, 27))
    groups = groups_of(tasks, CALIBRATIONS)
    assert set(groups) == {task.key for task in tasks}
    units = in_order(tasks, groups)
    assert Counter(unit.split("_")[0] for unit in units) == {"calibrations": 2, "spectra": 6}


def test_nights_that_follow_each_other_never_wait_in_a_circle(tmp_path):
    tasks = planned(tmp_path, *(datetime(2026, 1, day) for day in (25, 26, 27)))
    assert in_order(tasks, groups_of(tasks, CALIBRATIONS))


def task(step, stem, needs=()):
    return Task(
        step, "VIS", "2026-01-27", stem, "", "", 0.0, {"raw": [], "any": list(needs)}, {"product": f"{step}/{stem}"}
    )


@pytest.fixture
def mutual():
    """Two standards, each calibrated with the other's response too."""
    out = []
    for stem in "AB":
        out += [task("nod", stem), task("response", stem, [f"nod/{stem}"])]
        out.append(task("flux_calibration", stem, [f"nod/{stem}", "response/A", "response/B"]))
    return out


def test_standards_that_calibrate_each_other_are_parted_from_their_calibration(mutual):
    groups = groups_of(mutual, CALIBRATIONS)
    assert in_order(mutual, groups)
    assert groups["nod", "2026-01-27", "A"] == groups["response", "2026-01-27", "A"]
    assert ("flux_calibration", "2026-01-27", "A") not in groups


def test_groups_do_not_depend_on_the_order_of_tasks(mutual):
    assert groups_of(mutual, CALIBRATIONS) == groups_of(mutual[::-1], CALIBRATIONS)
