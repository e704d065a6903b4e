"""Limits as data: the user's lie over the instrument's, mistakes are told in a line."""

import pytest
from metric_names import is_measured

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


def test_every_limit_is_of_a_metric_that_the_step_measures():
    """Names in the instrument's file against those in the code: none may be misspelt."""
    for step, metrics in SOXS.yaml("qc_limits.yaml").items():
        for name in metrics:
            assert is_measured("job" if step == EVERY else step, name), f"{step}: nobody measures {name}"
