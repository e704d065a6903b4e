"""Which spectra of two arms are of one observation. Right answers: the times that were put in."""

import pytest

from soxslib.catalogue.pairs import pairs_of
from soxslib.catalogue.tasks import Task


def task(arm, hour, target="SN 1", role="science", step="flux_calibration", night="2026-01-27"):
    minutes = round(hour * 60)
    stem = f"20260128T{minutes // 60:02d}{minutes % 60:02d}00_{arm}_NOD_OBJ_{target.upper().replace(' ', '-')}"
    folder = f"reduced/{night}/nod/{stem}_FLUXCAL"
    outputs = {"fluxcal": f"{folder}.fits", "metrics": f"{folder}.qc.json"}
    inputs = {"raw": [f"raw/{arm}_{hour}.fits"]}
    return Task(step, arm, night, stem, target, role, 61068 + hour / 24, inputs, outputs)


def told(pairs):
    return {tuple(path.split("/")[-1].split("_NOD")[0][8:] for path in p.inputs["spectra"]) for p in pairs}


def test_a_target_of_both_arms_is_one_pair():
    vis, nir = task("VIS", 1.0), task("NIR", 1.1, "sn 1")
    (pair,) = pairs_of([nir, vis])
    assert pairs_of([vis, nir]) == [pair]
    assert pair.outputs["fluxcal"] == "reduced/2026-01-27/both_arms/20260128T010000_BOTH_SN-1_SPECTRUM.fits"
    assert pair.outputs["metrics"] == "reduced/2026-01-27/both_arms/20260128T010000_BOTH_SN-1.qc.json"
    assert sorted(pair.inputs["spectra"]) == sorted([vis.outputs["fluxcal"], nir.outputs["fluxcal"]])
    assert sorted(pair.inputs["raw"]) == ["raw/NIR_1.1.fits", "raw/VIS_1.0.fits"]


@pytest.mark.parametrize(
    "others",
    [
        [],
        [task("VIS", 1.2)],  # the same arm
        [task("NIR", 1.0, "SN 2")],
        [task("NIR", 2.5)],  # long after
        [task("NIR", 1.0, role="flux_standard")],
        [task("NIR", 1.0, step="nod")],
        [task("NIR", 1.0, night="2026-01-28")],
    ],
)
def test_what_was_not_taken_together_is_no_pair(others):
    assert pairs_of([task("VIS", 1.0), *others]) == []


def test_each_spectrum_is_used_once_the_nearest_first():
    tasks = [task("VIS", 1.0), task("NIR", 1.0), task("VIS", 1.5), task("NIR", 1.55), task("NIR", 1.9)]
    assert told(pairs_of(tasks)) == {("T010000_NIR", "T010000_VIS"), ("T013300_NIR", "T013000_VIS")}
