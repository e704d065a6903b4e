"""The workflow from end to end with stub scripts: what runs, what runs again, and what the end of a run says.

One night is reduced once; each test then changes it, looks, and puts it back. What is right follows from who reads what.
"""

import os
import shutil
import signal
import subprocess
import time
from datetime import datetime

import pytest
from stub_workflow import StubNight
from stubs import Stub, make_night

NEW_SCIENCE = Stub("VIS", "OBJECT", datetime(2026, 1, 28, 3), 300.0, "SLIT1.0", (), "ECHELLE,SLIT,STARE", "SN9")
NEW_BIAS = Stub("VIS", "BIAS", datetime(2026, 1, 27, 16, 10), 0.0, "BLANK")
WHOLE = {
    "master_bias": 1, "dispersion_solution": 1, "order_trace": 1, "master_flat": 1, "spatial_solution": 1,
    "nod": 2, "stare": 1, "response": 1, "flux_calibration": 3, "summary": 1,
}  # fmt: skip


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    night = StubNight(tmp_path_factory.mktemp("night"), make_night(("VIS",)))
    night.first_plan = night.planned()
    night.first_run = night.run("--cores", "2")
    return night


def test_a_night_never_seen_before_shows_every_job(night):
    plots = {rule for rule in night.first_plan if rule.startswith(("plot", "report"))}
    assert {rule: n for rule, n in night.first_plan.items() if rule not in plots} == WHOLE


def test_everything_is_made_and_the_end_is_good(night):
    assert night.first_run.returncode == 0, night.first_run.stdout
    assert "12 of 12 tasks made, 3 spectra flux-calibrated" in (night.path / "summary.txt").read_text()


def test_a_second_run_has_nothing_to_do(night):
    done = night.run("--cores", "1")
    assert done.returncode == 0 and "Nothing to be done" in done.stdout


def test_a_changed_setting_runs_its_step_and_what_follows(night):
    config = night.path / "config.yaml"
    try:
        config.write_text(f"settings: {{stare: {{NIR: {{{_a_setting('stare')}}}}}}}\n")
        assert "stare" not in night.planned()  # of the other arm
        config.write_text(f"settings: {{stare: {{VIS: {{{_a_setting('stare')}}}}}}}\n")
        planned = night.planned()
        assert {rule: n for rule, n in planned.items() if rule in WHOLE and rule != "summary"} == {
            "stare": 1,
            "flux_calibration": 1,
        }
    finally:
        config.unlink()


def _a_setting(step):
    """`key: value` of a setting of a step that differs from its default."""
    from soxslib.config.settings import model_of

    for name, field in model_of(step).model_fields.items():
        if isinstance(field.default, float):
            for factor in (1.01, 0.99):
                try:
                    model_of(step)(**{name: field.default * factor})
                except ValueError:
                    continue
                return f"{name}: {field.default * factor}"
    raise AssertionError(f"{step} has no setting to change")


def test_a_new_science_frame_runs_its_own_jobs(night):
    path = NEW_SCIENCE.write(night.path / "raw")
    try:
        planned = night.planned()
    finally:
        path.unlink()
    assert {r: n for r, n in planned.items() if r in WHOLE} == {"stare": 1, "flux_calibration": 1, "summary": 1}


@pytest.mark.parametrize("older_s", [0, 86400])
def test_a_raw_file_replaced_by_an_older_one_runs_what_read_it(night, older_s):
    path = night.path / "raw" / next(s for s in make_night(("VIS",)) if s.target == "SN2").name
    stat, content = path.stat(), path.read_bytes()
    path.unlink()
    path.write_bytes(content + b" " * (0 if older_s else 2880))
    os.utime(path, (stat.st_atime, stat.st_mtime - older_s))
    try:
        planned = night.planned()
    finally:
        path.write_bytes(content)
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert {r: n for r, n in planned.items() if r in WHOLE} == {"stare": 1, "flux_calibration": 1, "summary": 1}
    assert not night.planned()  # the same file again


def test_a_new_bias_makes_its_master_anew_and_what_used_it(night):
    path = NEW_BIAS.write(night.path / "raw")
    try:
        planned = night.planned()
    finally:
        path.unlink()
    assert planned["master_bias"] == 1 and planned["nod"] == 2 and planned["flux_calibration"] == 3


def test_a_single_target_runs_only_its_ancestors(night, tmp_path):
    target = night.target("_STARE_OBJ_SLIT1_0_300_0S_SN2_EXTRACTED_MERGED.fits")
    fresh = StubNight(tmp_path, make_night(("VIS",)))
    planned = fresh.planned(target)
    assert planned == {
        "master_bias": 1, "dispersion_solution": 1, "order_trace": 1, "master_flat": 1, "spatial_solution": 1, "stare": 1,
    }  # fmt: skip


def test_a_target_that_is_not_in_the_plan_says_so(night):
    done = night.run("-n", "reduced/2026-01-27/stare/20260101T000000_VIS_1X1_1_STARE_OBJ_EXTRACTED_MERGED.fits")
    assert done.returncode != 0 and "is not in the plan; `soxs plan` shows what is" in done.stdout


@pytest.mark.parametrize("option", [["--dag"], ["--summary"], ["--rulegraph"], ["--touch", "--cores", "1"]])
def test_snakemakes_own_views_work(night, option):
    assert night.run(*option).returncode == 0


def test_a_failure_is_told_again_and_again_until_it_is_gone(night):
    flat = night.target("_MFLAT_QTH_SLIT1_0_20_0S.fits")
    (night.path / flat).unlink()
    done = night.run("--cores", "2", STUB_FAIL="master_flat")
    words = "MFLAT_QTH_SLIT1_0_20_0S: the lamp was off"
    assert done.returncode == 1 and words in done.stdout and "could not be made; summary.txt tells why" in done.stdout
    again = night.run("--cores", "1")
    assert again.returncode == 1 and "Nothing to be done" in again.stdout and words in again.stdout
    single = night.run("--cores", "1", flat)
    assert single.returncode == 1 and words in single.stdout
    spectrum = night.target("SN2_FLUXCAL.fits")
    fine = night.run("--cores", "1", spectrum)  # reduced without it
    assert fine.returncode == 0 and words in fine.stdout
    (night.path / flat).unlink()
    assert night.run("--cores", "2").returncode == 0


def test_bad_files_are_told_and_the_rest_is_reduced(night):
    raw = night.path / "raw"
    frames = sorted(raw.glob("*.fits"))
    (raw / "empty.fits").write_bytes(b"")
    (raw / "text.fits").write_bytes(b"not a frame")
    (raw / "short.fits").write_bytes(frames[-1].read_bytes()[:2000])
    (raw / "brace{1}.fits").write_bytes(frames[-1].read_bytes())
    before = {p: p.read_bytes() for p in raw.iterdir()}
    try:
        done = night.run("--cores", "2")
        assert done.returncode == 1
        for words in ("empty.fits: is empty", "text.fits: is not a FITS file", "short.fits: is truncated"):
            assert words in done.stdout
        assert "brace{1}.fits: Snakemake takes braces" in done.stdout
        assert "12 of 12 tasks made" in done.stdout
        (night.path / "config.yaml").write_text("exclude: [empty, text, short, 'brace*']\n")
        assert night.run("--cores", "2").returncode == 0
        assert {p: p.read_bytes() for p in raw.iterdir()} == before
    finally:
        (night.path / "config.yaml").unlink(missing_ok=True)
        for name in ("empty", "text", "short", "brace{1}"):
            (raw / f"{name}.fits").unlink()
    assert night.run("--cores", "2").returncode == 0


def test_a_killed_run_goes_on_with_the_same_command(night):
    flux = [night.path / night.target(f"{name}_FLUXCAL.fits") for name in ("SN1", "SN2")]
    wanted = [path.read_text() for path in flux]
    for path in flux:
        path.unlink()
    run = subprocess.Popen(
        night.command("--cores", "2"), cwd=night.path, env=night.environment(STUB_WRITE="1.5"),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not list(night.path.glob("reduced/**/.*.partial.*")) and time.monotonic() < deadline:
        time.sleep(0.05)
    run.send_signal(signal.SIGKILL)
    run.wait()
    assert (night.path / ".snakemake" / "locks").exists()
    done = night.run("--cores", "2")
    assert done.returncode == 0, done.stdout
    assert "An earlier run was killed" in done.stdout
    assert [path.read_text() for path in flux] == wanted
    time.sleep(3)  # a job that outlived its run may still end
    assert not list(night.path.glob("reduced/**/.*.partial.*"))


def test_a_mistake_in_the_config_is_one_line(night):
    (night.path / "config.yaml").write_text("selekt: {}\n")
    try:
        done = night.run("-n")
    finally:
        (night.path / "config.yaml").unlink()
    assert done.returncode == 1 and "config: selekt is not a key; did you mean 'select'?" in done.stdout
    assert "Traceback" not in done.stdout


@pytest.mark.parametrize("content", ["nothing", "darks"])
def test_a_night_without_anything_to_reduce_says_so(tmp_path, content):
    night = StubNight(tmp_path, [] if content == "nothing" else [Stub("VIS", "DARK", datetime(2026, 1, 27, 16))])
    done = night.run("--cores", "1")
    assert done.returncode == 1 and "nothing to reduce" in done.stdout


def test_the_night_option_selects_a_night(night):
    other = list(make_night(("VIS",), evening=datetime(2026, 1, 29)))
    paths = [s.write(night.path / "raw") for s in other]
    try:
        planned = night.planned("--config", "night=2026-01-29")
        assert {r: n for r, n in planned.items() if r in WHOLE} == WHOLE
        assert "nod" not in night.planned("--config", "night=2026-01-27")
    finally:
        for path in paths:
            path.unlink()
    shutil.rmtree(night.path / ".soxs")
    assert night.run("--cores", "1").returncode == 0
