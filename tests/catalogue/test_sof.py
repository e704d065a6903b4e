"""A set of files given back fixes the association it tells of. Right answers: what is in the file."""

from datetime import datetime, timedelta

import pytest
from stubs import Stub, make_night

from soxslib.catalogue.plan import make_plan
from soxslib.catalogue.scan import scan
from soxslib.catalogue.sof import SetOfFiles, read_sof
from soxslib.catalogue.tasks import Wishes
from soxslib.errors import ReductionError
from soxslib.instruments import load_instrument

SOXS = load_instrument("SOXS")
STEPS = ("master_bias", "master_flat", "spatial_solution", "response")


@pytest.fixture
def entries(tmp_path):
    wide = datetime(2026, 1, 27, 16, 36)
    lit = ("SLIT5.0", ("QTH",), "ECHELLE,SLIT")
    flats = [Stub("VIS", "LAMP,FLAT", wide + timedelta(minutes=i), 4.0, *lit) for i in (0, 1)]
    for stub in make_night(("VIS",)) + flats:
        stub.write(tmp_path)
    return scan([str(tmp_path)])


def task_of(plan, ending, step="nod"):
    return next(t for t in plan.tasks if t.stem.endswith(ending) and t.step == step)


def names(paths):
    return [p.rsplit("/", 1)[-1] for p in paths]


def test_what_it_names_is_used_and_nothing_else(entries):
    plan = make_plan(entries, SOXS)
    free = task_of(plan, "SN1")
    other = next(t.product for t in plan.tasks if t.step == "master_flat" and "SLIT5_0" in t.stem)
    assert free.inputs["master_flat"][0] != other
    calibrations = {"master_flat": [other], "spatial_solution": free.inputs["spatial_solution"]}
    sof = SetOfFiles("x.sof", tuple(names(free.inputs["raw"])), calibrations)
    fixed = task_of(make_plan(entries, SOXS, Wishes(sofs=(sof,))), "SN1")
    assert fixed.inputs["master_flat"] == [other]
    assert fixed.inputs["master_bias"] == [] and "x.sof" in fixed.missing["master_bias"]
    calibrated = task_of(make_plan(entries, SOXS, Wishes(sofs=(sof,))), "SN1", "flux_calibration")
    assert calibrated.inputs["response"]  # what a set cannot do without is found for it


def test_frames_it_does_not_name_are_left_out(entries):
    plan = make_plan(entries, SOXS)
    flat = next(t for t in plan.tasks if t.step == "master_flat" and "SLIT1_0" in t.stem)
    sof = SetOfFiles("x.sof", (names(flat.inputs["raw"])[0],), {})
    fixed = next(t for t in make_plan(entries, SOXS, Wishes(sofs=(sof,))).tasks if t.key == flat.key)
    assert fixed.inputs["raw"] == flat.inputs["raw"][:1]


def test_other_sets_stay_as_they_are(entries):
    free = {t.key: t.inputs for t in make_plan(entries, SOXS).tasks}
    raw = tuple(names(free["nod", "2026-01-27", task_of(make_plan(entries, SOXS), "SN1").stem]["raw"]))
    fixed = {t.key: t.inputs for t in make_plan(entries, SOXS, Wishes(sofs=(SetOfFiles("x.sof", raw, {}),))).tasks}
    assert {k for k in free if free[k] != fixed[k]} == {k for k in free if k[0] == "nod" and k[2].endswith("SN1")}


def test_of_two_copies_of_an_exposure_it_names_the_one(entries, tmp_path):
    last = next(e for e in entries if e.exposure.target_name == "SN2")
    (tmp_path / "copy.fits").write_bytes((tmp_path / last.name).read_bytes())
    sof = SetOfFiles("x.sof", ("copy.fits",), {})
    for wishes, name in ((Wishes(), last.name), (Wishes(sofs=(sof,)), "copy.fits")):
        task = task_of(make_plan(scan([str(tmp_path)]), SOXS, wishes), "SN2", "stare")
        assert names(task.inputs["raw"]) == [name]


def test_a_file_is_read_with_comments_and_images(tmp_path):
    path = tmp_path / "a.sof"
    path.write_text(
        "# a nod\nraw/A.fits OBJECT_VIS  # first\nreduced/n/spatial_solution/S.fits DISP_TAB_VIS\n"
        "reduced/n/spatial_solution/S_IMAGE.fits DISP_IMAGE_VIS\n"
    )
    sof = read_sof(path, STEPS)
    assert sof.raw == ("A.fits",) and sof.calibrations == {"spatial_solution": ["reduced/n/spatial_solution/S.fits"]}


@pytest.mark.parametrize(("text", "message"), [("a b c\n", "line 1: holds 3 words"), ("# no\n", "names no raw frame")])
def test_mistakes_are_told_with_the_line(tmp_path, text, message):
    (tmp_path / "a.sof").write_text(text)
    with pytest.raises(ReductionError, match=message):
        read_sof(tmp_path / "a.sof", STEPS)


def test_frames_that_are_not_here_are_told(entries):
    with pytest.raises(ReductionError, match="x.sof names no frames that belong together here: GONE.fits"):
        make_plan(entries, SOXS, Wishes(sofs=(SetOfFiles("x.sof", ("GONE.fits",), {}),)))
