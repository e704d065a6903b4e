"""Which plans of earlier runs go: those that neither a run on record nor anybody lately has used."""

import json
import os

import pytest

from soxslib.catalogue.oldplans import KEPT_S, remove_old_plans

NOW = 1.8e9
OLD, NEW = NOW - 2 * KEPT_S, NOW - 60


@pytest.fixture
def state(tmp_path):
    """A state directory; `state(name, time, plan)` writes a file that speaks of a plan."""

    def write(name, mtime, plan=""):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({"plan": f".soxs/{plan}"} if plan else {}))
        os.utime(path, (mtime, mtime))
        return path

    write.path = tmp_path
    return write


def left(state):
    remove_old_plans(state.path, state.path / "runs", now=NOW)
    return {path.name for path in state.path.glob("*.json")}


def test_a_plan_and_its_note_go_when_nobody_used_them_for_long(state):
    state("plan-a.json", OLD)
    state("planned-1.json", OLD, "plan-a.json")
    state("plan-new.json", NEW)
    assert left(state) == {"plan-new.json"}


def test_a_plan_that_was_used_lately_stays(state):
    state("plan-a.json", OLD)
    state("planned-1.json", NEW, "plan-a.json")
    assert left(state) == {"plan-a.json", "planned-1.json"}


def test_the_plan_of_a_run_on_record_stays_however_long_the_run_takes(state):
    state("plan-a.json", OLD)
    state("planned-1.json", OLD, "plan-a.json")
    state("runs/elsewhere-7.json", OLD, "plan-a.json")
    assert left(state) == {"plan-a.json", "planned-1.json"}


def test_a_record_or_note_that_cannot_be_read_is_no_obstacle(state):
    state("plan-a.json", OLD)
    for name in ("planned-1.json", "runs/here-7.json"):
        state(name, OLD).write_text("{")
        os.utime(state.path / name, (OLD, OLD))
    assert left(state) == set()
