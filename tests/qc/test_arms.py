"""The ratio of two arms of a target: found among the results, kept until a spectrum changes."""

from dataclasses import replace

import pytest
from made_up_report import MadeUpNight, spectrum

from soxslib.catalogue.summary import database_rows, read_plan, result_of
from soxslib.io.spectra import write_merged
from soxslib.qc import arms
from soxslib.qc.verdicts import WARN
from soxslib.report.gather import tell


@pytest.fixture
def night(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return MadeUpNight(stride=20)


def results_of(night):
    return [result_of(task) for task in read_plan(night.plan)[0]]


def ratios(results):
    return {r.task.stem: m["value"] for r in results for m in r.sidecar.get("metrics", []) if m["name"] == "ARM RATIO"}


def test_it_is_told_once_a_target_by_the_redder_arm(night):
    found = ratios(arms.with_arms(results_of(night)))
    assert found and all("_NIR_" in stem for stem in found)
    assert list(found.values()) == pytest.approx([1.0] * len(found), abs=0.05)  # one power law in both


def test_it_stands_in_the_database_judged_and_in_the_report(night):
    limits = {"flux_calibration": {"NIR": {"ARM RATIO": {"warn": [2, 3]}}}}
    rows = database_rows(arms.with_arms(results_of(night)), limits)["qc"]
    told = [row for row in rows if row["name"] == "ARM RATIO"]
    assert told and {row["state"] for row in told} == {WARN}
    story = tell(*read_plan(night.plan), limits, "SOXS")
    assert any(i.metric("ARM RATIO") for i in story.items)


def test_spectra_are_read_again_only_when_one_has_changed(night, monkeypatch, rng):
    before = ratios(arms.with_arms(results_of(night)))
    reads = []
    monkeypatch.setattr(arms, "read_merged", lambda path, read=arms.read_merged: (reads.append(path), read(path))[1])
    assert ratios(arms.with_arms(results_of(night))) == before and reads == []
    red = next(r for r in results_of(night) if r.task.step == "flux_calibration" and r.task.arm == "NIR")
    found, header = arms.read_merged(red.task.outputs["fluxcal"])
    write_merged(red.task.outputs["fluxcal"], replace(found, flux=1.3 * found.flux, error=1.3 * found.error), header)
    reads.clear()
    after = ratios(arms.with_arms(results_of(night)))
    assert len(reads) == 2 and after[red.task.stem] == pytest.approx(1.3 * before[red.task.stem], rel=1e-3)


def test_orders_of_one_arm_alone_have_no_ratio(rng):
    blue, far = spectrum("VIS", rng, True), spectrum("NIR", rng, True)
    assert arms.arms_ratio(blue, replace(far, wavelength_nm=far.wavelength_nm + 100)) is None
