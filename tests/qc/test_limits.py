"""Limits as data: the user's lie over the instrument's, mistakes are told in a line."""

import ast
from pathlib import Path

import pytest

import soxslib.qc
from soxslib.errors import ReductionError
from soxslib.instruments import load_instrument
from soxslib.qc.limits import EVERY, limits_table

SOXS = load_instrument("SOXS")


def test_the_users_limit_lies_over_the_instruments_and_that_of_an_arm_over_both():
    user = {"master_bias": {"RON RAW": {"fail": [0, 9]}, "VIS": {"RON RAW": {"warn": [1, 4]}}}}
    table = limits_table(SOXS, user)["master_bias"]
    default = limits_table(SOXS)["master_bias"]["NIR"]["RON RAW"]
    assert table["VIS"]["RON RAW"]["fail"] == [0, 9] and table["VIS"]["RON RAW"]["warn"] == [1, 4]
    assert table["NIR"]["RON RAW"] == {**default, "fail": [0, 9]}


def test_limits_of_orders_are_laid_over_level_by_level():
    table = limits_table(SOXS, {"stare": {"FLEXURE": {"each": {"fail": [-3, 3]}}}})
    default = limits_table(SOXS)["stare"]["VIS"]["FLEXURE"]["each"]["warn"]
    assert table["stare"]["VIS"]["FLEXURE"]["each"] == {"warn": default, "fail": [-3, 3]}


@pytest.mark.parametrize(
    ("user", "text"),
    [
        ({"mastr_bias": {}}, "did you mean 'master_bias'"),
        ({"master_bias": {"RON RA": {}}}, "'RON RA' is no metric with limits; did you mean 'RON RAW'"),
        ({"master_bias": {"RON RAW": {"fial": [0, 1]}}}, "fial is not one of warn, fail, each"),
        ({"master_bias": {"RON RAW": {"fail": [3]}}}, r"a range is \[low, high\]"),
        ({"master_bias": {"RON RAW": {"fail": [3, 1]}}}, r"a range is \[low, high\]"),
        ({"master_bias": {"RON RAW": 3}}, "it holds keys with values"),
    ],
)
def test_mistakes_are_told_with_the_nearest_that_exists(user, text):
    with pytest.raises(ReductionError, match=text):
        limits_table(SOXS, user)


def test_every_limit_is_of_a_metric_that_some_step_measures():
    """Names in the instrument's file against those in the code: none may be misspelt."""
    measured = set()
    for path in [*Path(soxslib.qc.__file__).parent.glob("*.py"), Path(soxslib.__file__).parent / "job.py"]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Metric" and node.args:
                measured.add(_pattern(node.args[0]))
    content = SOXS.yaml("qc_limits.yaml")
    for step, metrics in content.items():
        for name in metrics:
            assert any(_fits(name, pattern) for pattern in measured), f"{step}: nobody measures {name}"
    assert EVERY in content


def _pattern(node):
    if isinstance(node, ast.Constant):
        return (node.value,)
    return tuple(part.value if isinstance(part, ast.Constant) else None for part in getattr(node, "values", [None]))


def _fits(name, pattern):
    if None not in pattern:
        return name == pattern[0]
    fixed = [part for part in pattern if part]
    return bool(fixed) and all(part.strip() in name for part in fixed)
