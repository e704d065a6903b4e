"""The plan of made-up nights; what is right follows from how a night is observed."""

import random
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from stubs import ARC_LAMPS, Stub, make_night

from soxslib.catalogue.plan import make_plan
from soxslib.catalogue.scan import BAD, OK, Entry
from soxslib.catalogue.tasks import Wishes
from soxslib.instruments import load_instrument
from soxslib.io.keywords import exposure_of

SOXS = load_instrument("SOXS")
EVENING = datetime(2026, 1, 27)


@dataclass(frozen=True)
class PinFor:
    calibration: str
    use: tuple
    arm: str | None = None
    target: str = "*"


def entries_of(stubs):
    return [Entry(f"raw/{s.name}", 1, 0.0, OK, exposure=exposure_of(s.header(), s.name)) for s in stubs]


def plan_of(stubs, **wishes):
    return make_plan(entries_of(stubs), SOXS, Wishes(**wishes))


def tasks_of(plan, step, arm=None):
    return [t for t in plan.tasks if t.step == step and arm in (None, t.arm)]


def names(paths):
    return [Path(path).name for path in paths]


def without(stubs, *, kind=None, technique=None, arm=None):
    return [
        s
        for s in stubs
        if not (
            (kind is None or s.kind == kind)
            and (technique is None or s.technique == technique)
            and (arm is None or s.arm == arm)
        )
    ]


def at(hours):
    return EVENING + timedelta(hours=hours)


def test_a_whole_night_is_planned_without_problems():
    plan = plan_of(make_night())
    assert not plan.problems and not plan.notes
    counts = {step: len(tasks_of(plan, step)) for step in ("master_bias", "master_dark", "master_flat", "nod", "stare")}
    assert counts == {"master_bias": 1, "master_dark": 3, "master_flat": 2, "nod": 4, "stare": 2}
    assert len(tasks_of(plan, "response")) == 2  # one standard in each arm
    assert len(tasks_of(plan, "flux_calibration")) == 6  # science and the standards themselves


def test_names_and_paths_follow_the_file_naming_scheme():
    plan = plan_of(make_night())
    paths = [task.product for task in plan.tasks]
    assert "reduced/2026-01-27/master_bias/20260127T160000_VIS_1X1_1_MBIAS.fits" in paths
    assert "reduced/2026-01-27/master_dark/20260127T160800_NIR_3_MDARK_100_0S.fits" in paths
    assert "reduced/2026-01-27/master_flat/20260127T163400_VIS_1X1_1_MFLAT_QTH_SLIT1_0_20_0S.fits" in paths
    science = tasks_of(plan, "flux_calibration", "NIR")[-1]
    assert science.product == "reduced/2026-01-27/nod/20260128T004000_NIR_3_NOD_OBJ_SLIT1_0_600_0S_SN1_FLUXCAL.fits"
    assert science.outputs["metrics"].endswith("_SN1_FLUXCAL.qc.json")


def test_the_order_of_the_files_does_not_matter():
    stubs = make_night()
    shuffled = list(stubs)
    random.Random(5).shuffle(shuffled)
    assert plan_of(stubs) == plan_of(shuffled)


def test_a_night_runs_from_15_to_15_utc():
    frames = [Stub("VIS", "BIAS", at(h), 0.0, "BLANK") for h in (14.9, 15.1, 38.9)]
    assert [t.night for t in plan_of(frames).tasks] == ["2026-01-26", "2026-01-27", "2026-01-27"]


def test_flats_of_all_lamps_of_a_slit_make_one_master():
    flats = [
        Stub("VIS", "LAMP,FLAT", at(16 + i / 60), 10.0 + i, "SLIT1.0", (lamp,), "ECHELLE,SLIT")
        for i, lamp in enumerate(("QTH", "DEUT", "QTH"))
    ]
    (task,) = tasks_of(plan_of([*make_night(("VIS",)), *flats]), "master_flat")
    assert len(task.inputs["raw"]) == 5


def test_stare_exposures_of_a_template_are_one_task_and_of_another_are_another():
    first, second = at(25), at(26)
    stares = [
        Stub("VIS", "OBJECT", start + timedelta(minutes=10 * i), 500.0, "SLIT1.0", (), "ECHELLE,SLIT,STARE", "SN3",
             template_start=start)
        for start in (first, second)
        for i in range(3)
    ]  # fmt: skip
    tasks = [t for t in tasks_of(plan_of([*make_night(("VIS",)), *stares]), "stare") if t.target == "SN3"]
    assert [len(t.inputs["raw"]) for t in tasks] == [3, 3]


@pytest.mark.parametrize("slit", ["SLIT1,0", "SLIT_1.0", "SLIT1_0", "slit 1.0"])
def test_a_slit_written_otherwise_is_the_same_slit(slit):
    night = make_night(("VIS",))
    flats = [s for s in night if (s.kind, s.slit) == ("LAMP,FLAT", "SLIT1.0")]
    flats[0].slit = slit
    (task,) = tasks_of(plan_of(night), "master_flat")
    assert len(task.inputs["raw"]) == len(flats) and "_SLIT1_0_" in task.stem


@pytest.mark.parametrize("slit", ["SLIT", "SLITnan", "SLIT-1.0", "SLIT1.0.0", "SLIT0.0"])
def test_a_slit_without_a_width_is_told_and_the_night_goes_on(slit):
    night = make_night(("VIS",))
    night[-1].slit = slit
    night[0].slit = slit  # a bias has no use for one
    whole, plan = plan_of(make_night(("VIS",))), plan_of(night)
    (problem,) = plan.problems
    assert problem.what == night[-1].name and problem.is_lost
    for words in (night[-1].name, "ESO INS VISE NAME", repr(slit)):
        assert words in problem.reason
    assert plan.tasks == [t for t in whole.tasks if t.target != "SN2"]


def test_light_takes_time():
    night = make_night(("VIS",))
    for stub in night:
        stub.exposure_s = 0.0
    plan = plan_of(night)
    assert [t.step for t in plan.tasks] == ["master_bias"]  # that alone may take none
    sky, lamps = [s for s in night if s.kind in ("OBJECT", "STD,FLUX")], [s for s in night if "LAMP" in s.kind]
    assert {p.what for p in plan.problems} == {s.name for s in sky}
    assert {n.split(": ")[0] for n in plan.notes} == {s.name for s in lamps}
    for text in (*(p.reason for p in plan.problems), *plan.notes):
        assert "header card EXPTIME holds 0; exclude the frame or restore the card" in text


def copy_of(entry, path, **facts):
    return replace(entry, path=path, exposure=replace(entry.exposure, file=Path(path).name, **facts))


@pytest.mark.parametrize("archive_file", ["", "SOXS.X.fits"])
def test_an_exposure_under_two_names_counts_once(archive_file):
    entries = entries_of(make_night())  # with frames of both arms that begin together
    sn2 = [i for i, e in enumerate(entries) if e.exposure.target_name == "SN2"]
    for i in sn2:
        entries[i] = copy_of(entries[i], entries[i].path, archive_file=archive_file, mjd=entries[sn2[0]].exposure.mjd)
    whole = make_plan(entries, SOXS)
    copies = [copy_of(e, f"{e.path}.fz") for e in entries] + [copy_of(e, f"raw2/{Path(e.path).name}") for e in entries]
    for shuffled in (entries + copies, copies[::-1] + entries):
        plan = make_plan(shuffled, SOXS)
        assert plan.tasks == whole.tasks and not plan.problems
        assert len(plan.notes) == len(copies)
    first = entries[0].path
    assert f"{Path(first).name}.fz: the same exposure as {Path(first).name}, which is used" in plan.notes
    assert f"raw2/{Path(first).name}: the same exposure as {first}, which is used" in plan.notes


def test_an_excluded_file_leaves_its_copy_in_use():
    entries = entries_of(make_night(("VIS",)))
    copy = copy_of(entries[-1], "raw/copy.fits")
    plan = make_plan([*entries, copy], SOXS, Wishes(exclude=(Path(entries[-1].path).name,)))
    assert [t.inputs["raw"] for t in tasks_of(plan, "stare")] == [["raw/copy.fits"]]


def test_exposures_that_the_archive_tells_apart_are_two():
    entries = entries_of(make_night(("VIS",)))
    two = [copy_of(entries[-1], f"raw/{name}", archive_file=name) for name in ("A.fits", "B.fits")]
    plan = make_plan(entries[:-1] + two, SOXS)
    assert [t.inputs["raw"] for t in tasks_of(plan, "stare")] == [["raw/A.fits", "raw/B.fits"]] and not plan.notes


def test_a_nod_template_stopped_after_one_position_is_reduced_as_stare():
    lone = Stub(
        "VIS", "OBJECT", at(25), 500.0, "SLIT1.0", (), "ECHELLE,SLIT,NODDING", "SN3", cards={"ESO SEQ CUMOFF Y": 2.5}
    )
    (task,) = [
        t for t in plan_of([*make_night(("VIS",)), lone]).tasks if t.target == "SN3" and t.step in ("nod", "stare")
    ]
    assert task.step == "stare"


def test_two_sets_begun_in_one_second_have_names_of_their_own():
    twins = [
        Stub("VIS", "OBJECT", at(25) + timedelta(milliseconds=100 * i), 50.0, "SLIT1.0", (), "ECHELLE,SLIT,STARE", "SN3",
             cards={"ESO OBS ID": i})
        for i in range(2)
    ]  # fmt: skip
    stems = [t.stem for t in tasks_of(plan_of([*make_night(("VIS",)), *twins]), "stare") if t.target == "SN3"]
    assert len(set(stems)) == 2


@pytest.mark.parametrize("name", ["../../etc/passwd", "α Cen {x}", "SN 2026 (host), B.1", "", "*?'\"; rm -rf"])
def test_names_of_objects_are_safe_in_paths_and_wildcards(name):
    star = Stub("VIS", "OBJECT", at(25), 50.0, "SLIT1.0", (), "ECHELLE,SLIT,STARE", name)
    task = next(t for t in tasks_of(plan_of([*make_night(("VIS",)), star]), "stare") if "T010000_" in t.stem)
    assert set(task.stem) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-")


def test_darks_of_the_same_time_come_first_then_those_that_bracket_it():
    night = [s for s in make_night(("NIR",)) if s.kind != "DARK"]
    darks = [Stub("NIR", "DARK", at(16 + i / 60), t, "BLANK") for i, t in enumerate((10.0, 40.0, 60.0, 100.0, 900.0))]
    plan = plan_of([*night, *darks])
    exact = next(t for t in tasks_of(plan, "nod") if t.role == "flux_standard")  # 60 s
    assert [n.split("MDARK_")[1] for n in names(exact.inputs["master_dark"])] == [
        "60_0S.fits",
        "40_0S.fits",
        "100_0S.fits",
    ]
    between = tasks_of(plan, "stare")[0]  # 300 s
    assert [n.split("MDARK_")[1] for n in names(between.inputs["master_dark"])][:2] == ["100_0S.fits", "900_0S.fits"]


def test_an_arc_attached_at_night_wins_over_the_one_of_the_afternoon():
    arc = Stub("VIS", "LAMP,WAVE", at(25.5), 20.0, "MULTPIN", ARC_LAMPS["VIS"], "ECHELLE,MULTI-PINHOLE",
               cards={"ESO ADA ABSROT END": 14.0, "ESO TEL PARANG START": 5.0})  # fmt: skip
    task = tasks_of(plan_of([*make_night(("VIS",)), arc]), "stare")[0]
    assert names(task.inputs["spatial_solution"])[0].startswith("20260128T013000")
    assert len(task.inputs["spatial_solution"]) == 2


def test_geometry_serves_every_binning_and_detector_calibrations_only_their_own():
    binned = Stub("VIS", "OBJECT", at(25), 50.0, "SLIT1.0", (), "ECHELLE,SLIT,STARE", "SN3",
                  cards={"ESO DET BINX": 2, "ESO DET BINY": 2})  # fmt: skip
    task = next(t for t in tasks_of(plan_of([*make_night(("VIS",)), binned]), "stare") if t.target == "SN3")
    assert "_2X2_" in task.stem
    assert task.inputs["spatial_solution"] and not task.inputs["master_bias"] and not task.inputs["master_flat"]
    assert "no match on binning (2x2 is needed, there is 1x1)" in task.missing["master_bias"]


def test_flats_of_the_same_slit_come_first_and_others_serve():
    wide = [Stub("VIS", "LAMP,FLAT", at(16.9), 4.0, "SLIT5.0", ("QTH",), "ECHELLE,SLIT")]
    plan = plan_of([*make_night(("VIS",)), *wide])
    standard = next(t for t in tasks_of(plan, "nod") if t.role == "flux_standard")
    assert ["SLIT5_0" in n for n in names(standard.inputs["master_flat"])] == [True, False]


def test_science_is_reduced_without_bias_flat_or_standard():
    night = without(
        without(without(make_night(("VIS",)), kind="BIAS"), kind="LAMP,FLAT", technique="ECHELLE,SLIT"), kind="STD,FLUX"
    )
    plan = plan_of(night)
    (nod,) = tasks_of(plan, "nod")
    told = "of VIS not observed; add raw frames, or another night's products with calibrations: in config.yaml"
    assert nod.missing == {"master_bias": f"bias {told}", "master_flat": f"flat {told}"}
    assert not tasks_of(plan, "flux_calibration")
    assert {p.reason for p in plan.problems} == {f"no response: flux standard {told}"}


def test_without_any_arc_the_science_cannot_be_reduced_and_says_why():
    plan = plan_of(without(make_night(("VIS",)), technique="ECHELLE,MULTI-PINHOLE"))
    assert not tasks_of(plan, "nod")
    lost = [p for p in plan.problems if p.step == "nod" and p.target == "SN1"]
    assert lost[0].reason.startswith("no spatial solution: multi pinhole arc of VIS not observed;") and lost[0].is_lost


def test_a_missing_calibration_of_a_calibration_is_the_reason_further_down():
    plan = plan_of(without(make_night(("VIS",)), technique="ECHELLE,SLIT,NODDING", kind="STD,FLUX"))
    lost = {p.step: p.reason for p in plan.problems}
    assert lost["flux_calibration"].startswith("no response")


def test_without_the_arc_of_one_pinhole_the_published_positions_serve():
    plan = plan_of(without(make_night(("VIS",)), kind="LAMP,WAVE", technique="ECHELLE,PINHOLE"))
    assert not plan.problems
    (spatial,) = tasks_of(plan, "spatial_solution")
    assert spatial.inputs["dispersion_solution"] == []


def test_an_arc_with_the_slit_wheel_at_blank_serves_nothing():
    blank = Stub("VIS", "LAMP,WAVE", at(24.7), 20.0, "BLANK", ARC_LAMPS["VIS"], "ECHELLE,MULTI-PINHOLE")
    plan = plan_of([*make_night(("VIS",)), blank])
    assert len(tasks_of(plan, "spatial_solution")) == 1 and "BLANK" in plan.notes[0] and not plan.problems


def test_lamp_off_frames_serve_lamps_only():
    night = [s for s in make_night(("NIR",)) if s.kind != "DARK"]
    off = Stub("NIR", "LAMP,FLAT", at(16.6), 20.0, "SLIT1.0", (), "IMAGE")
    plan = plan_of([*night, off])
    assert tasks_of(plan, "master_flat")[0].inputs["master_dark"] and not tasks_of(plan, "nod")[0].inputs["master_dark"]


def test_calibrations_out_of_their_window_do_not_serve():
    old = [
        replace(s, start=s.start - timedelta(days=200), template_start=None)
        for s in make_night(("VIS",), sky=False, standard=False)
    ]
    sky = [s for s in make_night(("VIS",)) if s.kind.startswith(("OBJECT", "STD"))]
    reasons = {p.reason for p in plan_of([*old, *sky]).problems}
    assert any("none within 60 days (the nearest is 200 days away)" in reason for reason in reasons)


def test_another_nights_calibrations_serve_where_the_night_has_none():
    night = without(make_night(("VIS",)), kind="LAMP,FLAT", technique="ECHELLE,SLIT")
    other = make_night(("VIS",), evening=EVENING - timedelta(days=2))
    plan = plan_of([*night, *other])
    task = next(t for t in tasks_of(plan, "stare") if t.night == "2026-01-27")
    assert names(task.inputs["master_flat"])[0].startswith("20260125")
    assert len(task.inputs["master_bias"]) == 1  # where it has its own, no other night's is made for it


def test_exclude_takes_frames_and_sets_away():
    stubs = make_night(("VIS",))
    bias = [s for s in stubs if s.kind == "BIAS"]
    (task,) = tasks_of(plan_of(stubs, exclude=(bias[0].name.removesuffix(".fits"),)), "master_bias")
    assert len(task.inputs["raw"]) == 2
    plan = plan_of(stubs, exclude=("*_MBIAS",))
    assert not tasks_of(plan, "master_bias")
    plan = plan_of(stubs, exclude=("SOXS.2026-01-27T16:*",))
    assert "excluded by the config" in next(p.reason for p in plan.problems if p.step == "stare")


def test_a_pin_is_the_only_candidate():
    stubs = [*make_night(("VIS",)), Stub("VIS", "LAMP,FLAT", at(16.9), 4.0, "SLIT5.0", ("QTH",), "ECHELLE,SLIT")]
    pin = PinFor("master_flat", ("*_SLIT5_0_*",), target="*_SN2")
    plan = plan_of(stubs, pins=(pin,))
    pinned = next(t for t in tasks_of(plan, "stare") if t.target == "SN2")
    assert len(pinned.inputs["master_flat"]) == 1 and "SLIT5_0" in pinned.inputs["master_flat"][0]
    other = next(t for t in tasks_of(plan, "nod") if t.target == "SN1")
    assert len(other.inputs["master_flat"]) == 2
    missing = plan_of(stubs, pins=(PinFor("master_flat", ("nothing",)),))
    assert "no match on the pin nothing" in tasks_of(missing, "stare")[0].missing["master_flat"]


def test_when_all_candidates_have_failed_the_next_best_are_added():
    night, other = make_night(("VIS",)), make_night(("VIS",), evening=EVENING - timedelta(days=2))
    plan = plan_of([*night, *other])
    task = next(t for t in tasks_of(plan, "stare") if t.night == "2026-01-27")
    (own,) = task.inputs["spatial_solution"]
    again = plan_of([*night, *other], failed=frozenset([own]))
    task = next(t for t in tasks_of(again, "stare") if t.night == "2026-01-27")
    assert task.inputs["spatial_solution"][0] == own and "2026-01-25" in task.inputs["spatial_solution"][1]


@pytest.mark.parametrize(("kind", "is_lost"), [("OBJECT", True), ("", True), ("BIAS", False)])
def test_a_bad_file_is_a_loss_when_it_may_have_been_science(kind, is_lost):
    bad = Entry("raw/x.fits", 1, 0.0, BAD, "x.fits: is truncated", type=kind, arm="VIS")
    problem = make_plan([bad], SOXS).problems[0]
    assert (problem.is_lost, str(problem)) == (is_lost, "x.fits: is truncated")
    (left,) = make_plan([bad], SOXS, Wishes(exclude=("x",))).problems
    assert "nothing to reduce" in left.reason


def test_a_new_frame_changes_no_task_but_its_own():
    stubs = make_night()
    new = Stub("VIS", "OBJECT", at(27), 500.0, "SLIT1.0", (), "ECHELLE,SLIT,STARE", "SN9")
    before, after = plan_of(stubs), plan_of([*stubs, new])
    known = {t.key for t in before.tasks}
    assert [t for t in after.tasks if t.key in known] == before.tasks
    assert {t.step for t in after.tasks if t.key not in known} == {"stare", "flux_calibration"}


def test_ten_thousand_frames_would_be_planned_in_seconds():
    """500 frames in well under a second: time grows with the number of frames, since each set looks at few offers."""
    import time

    stubs = [s for day in range(16) for s in make_night(evening=EVENING + timedelta(days=day))]
    entries = entries_of(stubs)
    start = time.process_time()
    make_plan(entries, SOXS)
    assert time.process_time() - start < len(entries) * 3e-3  # 30 s for 10 000
