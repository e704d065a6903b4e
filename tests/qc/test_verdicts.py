"""States of metrics and products; the right answers follow from the definition of a range."""

import json

import pytest

from soxslib.qc.metric import Metric
from soxslib.qc.verdicts import (
    FAIL,
    LIMITS_FILE,
    PASS,
    REJECTED,
    UNKNOWN,
    USABLE,
    WARN,
    judge,
    rejection,
    state_of,
    verdict_word,
)

LIMITS = {"warn": [0, 1], "fail": [None, 5], "each": {"warn": [0, 2]}}


@pytest.mark.parametrize(
    ("value", "order", "state"),
    [(0.5, None, PASS), (1, None, PASS), (1.5, None, WARN), (-3, None, WARN), (6, None, FAIL), (None, None, FAIL), (None, 3, WARN),
     ("fit", None, UNKNOWN), (1.5, 3, PASS), (6, 3, WARN)],
)  # fmt: skip
def test_ends_belong_to_a_range_and_orders_have_their_own(value, order, state):
    assert state_of({"name": "A", "value": value, "order": order}, LIMITS)[0] == state


def test_what_cannot_be_measured_only_warns_where_nothing_fails():
    assert state_of({"name": "A", "value": None, "order": None}, {"warn": [0, 1]})[0] == WARN


def test_the_worst_metric_decides_and_comes_first():
    metrics = [{"name": "A", "value": 2.0, "order": None}, {"name": "B", "value": 9.0, "order": None}]
    limits = {"stare": {"VIS": {"A": LIMITS, "B": LIMITS}}}
    verdict = judge({"step": "stare", "arm": "VIS", "metrics": metrics}, limits)
    assert verdict.state == FAIL
    assert verdict.reason == "B is 9, at most 5 is needed and 1 more"


def test_the_file_of_a_worst_exposure_is_told():
    metrics = [Metric("A", 9.0, order=3, file="B.fits").as_dict(), Metric("A", 1.0, order=2).as_dict()]
    assert "file" not in metrics[1]
    verdict = judge({"step": "nod", "arm": "VIS", "metrics": metrics}, {"nod": {"VIS": {"A": LIMITS}}})
    assert verdict.reasons == ("A of order 3 in B.fits is 9, 0 to 2 is needed",)


def test_a_failed_step_fails_whatever_its_limits():
    assert judge({"status": "failed", "reason": "the lamp was off"}, {}).reasons == ("the lamp was off",)


def test_only_calibrations_are_rejected_and_only_by_the_limits_in_force(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    bad = {"step": "master_flat", "arm": "VIS", "metrics": [{"name": "A", "value": 9.0, "order": None}]}
    assert rejection(bad) is None  # nothing is in force
    (tmp_path / ".soxs").mkdir()
    rules = {"guarded": ["master_flat"], "limits": {step: {"VIS": {"A": LIMITS}} for step in ("master_flat", "stare")}}
    (tmp_path / LIMITS_FILE).write_text(json.dumps(rules))
    assert rejection(bad) == "A is 9, at most 5 is needed"
    assert rejection({**bad, "step": "stare"}) is None  # a spectrum is marked, not withheld
    assert (verdict_word(bad), verdict_word({**bad, "metrics": []})) == (REJECTED, USABLE)
