"""Spectra of both arms in the workflow. What is right follows from which targets both arms observed."""

import pytest
from stub_workflow import StubNight
from stubs import make_night


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    return StubNight(tmp_path_factory.mktemp("pairs"), make_night())


def test_each_science_target_of_both_arms_is_one_job(night):
    planned = night.planned()
    assert planned["both_arms"] == 2 and planned["flux_calibration"] == 6


def test_a_spectrum_of_both_arms_can_be_asked_for_by_name(night):
    target = "reduced/2026-01-27/both_arms/20260128T004000_BOTH_SN1_SPECTRUM.fits"
    planned = night.planned(target)
    assert (planned["both_arms"], planned["flux_calibration"], planned["nod"]) == (1, 2, 4)
    done = night.run("-n", target.replace("SN1", "SN9"))
    assert done.returncode != 0 and "is not in the plan; `soxs plan` shows what is" in done.stdout


@pytest.mark.parametrize("select", ["arms: [VIS]", "targets: [EG274]"])
def test_arms_that_are_not_both_asked_for_make_none(night, select):
    config = night.path / "config.yaml"
    config.write_text(f"select: {{{select}}}\n")
    try:
        assert "both_arms" not in night.planned()
    finally:
        config.unlink()


def test_settings_of_both_arms_are_not_an_arms(night):
    config = night.path / "config.yaml"
    config.write_text("settings: {both_arms: {NIR: {scale_arms: nir}}}\n")
    try:
        done = night.run("-n")
    finally:
        config.unlink()
    assert done.returncode == 1 and "settings.both_arms.NIR: both_arms is not of one arm" in done.stdout
