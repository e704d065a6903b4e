"""What runs, and what runs again: only what was asked for, and only what a change reaches.

What is right follows from who reads what; that products stay as they are, from their checksums.
"""

import os
import signal
import subprocess
import time
from collections import Counter
from datetime import datetime

import pytest
from astropy.io import fits
from real_night import SNAKEMAKE, copy_of, jobs, names_of, new_night, planned, products, run, tasks_of
from stubs import make_night

pytestmark = pytest.mark.night


def task(night, step, word):
    """The task of a step whose stem holds a word."""
    return next(t for t in tasks_of(night) if t["step"] == step and word in t["stem"])


def steps(found):
    """{rule: number of jobs}."""
    return dict(Counter(rule for rule, _ in found))


@pytest.fixture
def copy(reduced, tmp_path):
    return copy_of(reduced[0], tmp_path / "copy")


@pytest.fixture(scope="module")
def single(reduced, tmp_path_factory):
    """(night, output of the run): a night of which one spectrum was asked for."""
    night = new_night(reduced[0] / "raw", tmp_path_factory.mktemp("single") / "night")
    target = task(reduced[0], "flux_calibration", "SIM-R16")["outputs"]["fluxcal"]
    return night, run([*SNAKEMAKE, target], night)


def test_a_single_target_runs_its_ancestors_and_nothing_else(single):
    night, text = single
    made_by = {path: t for t in tasks_of(night) for path in t["outputs"].values()}
    todo, wanted = [task(night, "flux_calibration", "SIM-R16")], set()
    while todo:
        one = todo.pop()
        wanted.add((one["step"], one["stem"]))
        todo += [made_by[path] for paths in one["inputs"].values() for path in paths if path in made_by]
    ran = jobs(text)
    assert set(ran) == wanted and set(ran.values()) == {1}
    assert steps(ran) == {
        "master_bias": 1, "dispersion_solution": 1, "order_trace": 1, "master_flat": 2, "spatial_solution": 2,
        "stare": 1, "nod": 1, "response": 1, "flux_calibration": 1,
    }  # fmt: skip
    assert not any("SNIIN" in path for path in products(night))
    assert not (night / "summary.txt").exists() and "Traceback" not in text


def test_a_run_killed_in_the_middle_of_a_write_goes_on_with_the_same_command(single, reduced):
    night, _ = single
    quiet = dict(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with subprocess.Popen(SNAKEMAKE, cwd=night, start_new_session=True, **quiet) as process:
        while not list(night.glob("reduced/*/nod/.*.partial.*SNIIN*")):
            assert process.poll() is None, "the run ended before it was seen writing"
            time.sleep(0.002)
        os.killpg(process.pid, signal.SIGKILL)
    assert list(night.glob("reduced/*/nod/.*.partial.*"))
    text = run(SNAKEMAKE, night)
    assert set(steps(jobs(text))) <= {"nod", "flux_calibration"}  # what was whole is kept
    assert not list(night.glob("reduced/**/.*partial*"))
    assert products(night) == products(reduced[0])


def test_a_setting_of_one_arm_runs_its_extractions_and_what_follows(copy):
    config, before = copy / "config.yaml", products(copy)
    assert not planned(copy)
    for stub in make_night(("NIR",)):
        stub.write(copy / "raw")
    other = planned(copy)  # headers only: to be planned, not to be reduced
    assert steps(other)["stare"] == 1 and all("_NIR_" in stem for _, stem in other)
    config.write_text("settings: {stare: {NIR: {sky_smooth_px: 7.0}}}\n")
    assert planned(copy) == other
    config.write_text("settings: {stare: {VIS: {sky_smooth_px: 7.0}}}\n")
    mine = planned(copy) - other
    assert steps(mine) == {"stare": 1, "flux_calibration": 1} and all("SIM-R16" in stem for _, stem in mine)
    config.write_text("select: {arms: [VIS]}\n" + config.read_text())
    assert jobs(run(SNAKEMAKE, copy, ok=True)) == mine
    after = products(copy)
    changed = {path for path in after if after[path] != before.get(path)}
    assert changed and all("/stare/" in path and "SIM-R16" in path for path in changed)


def add_frame(night, role, mjd_shift, **cards):
    """A copy of a role's last frame with another time and other cards."""
    name = names_of(role)[-1]
    path = next((night / "raw").glob(f"{name}*"))
    new = path.with_name(path.name.replace("SOXS.", "SOXS.new."))
    new.write_bytes(path.read_bytes())
    with fits.open(new, mode="update", do_not_scale_image_data=True, disable_image_compression=True) as hdus:
        header = next(hdu.header for hdu in hdus if "MJD-OBS" in hdu.header)
        header["MJD-OBS"] += mjd_shift
        header.update({card.replace("_", " "): value for card, value in cards.items()})
    return new


def test_a_new_science_frame_runs_only_its_own_jobs(copy):
    before = products(copy)
    told = {"HIERARCH ESO TPL START": datetime(2026, 1, 28, 2).isoformat(timespec="milliseconds")}
    add_frame(copy, "SIM-R16", 0.03, **told, HIERARCH_ESO_OBS_ID=4200999, HIERARCH_ESO_OBS_TARG_NAME="SIM-NEW")
    ran = jobs(run(SNAKEMAKE, copy))
    assert steps(ran) == {"stare": 1, "flux_calibration": 1} and all("SIM-NEW" in stem for _, stem in ran)
    after = products(copy)
    assert before.items() <= after.items() and len(after) > len(before)
    assert "4 spectra flux-calibrated" in (copy / "summary.txt").read_text()


def test_a_new_flat_runs_its_master_and_what_used_it(copy):
    tasks = tasks_of(copy)
    flat = task(copy, "master_flat", "SLIT5_0")
    add_frame(copy, "flat", 60 / 86400)  # the last ones are of that slit
    found = planned(copy)
    assert found.pop(("master_flat", flat["stem"])) == 1
    users = {(t["step"], t["stem"]) for t in tasks if t["step"] in ("stare", "nod", "response", "flux_calibration")}
    assert set(found) == users


def test_a_new_bias_runs_its_master_and_what_used_it(copy):
    before = {(t["step"], t["stem"]) for t in tasks_of(copy)}
    add_frame(copy, "bias", 30 / 86400)
    assert set(planned(copy)) == before  # all of an arm's steps use it
    master = task(copy, "master_bias", "")
    assert set(jobs(run([*SNAKEMAKE, master["outputs"]["product"]], copy))) == {("master_bias", master["stem"])}
    assert fits.getval(copy / master["outputs"]["product"], "ESO PRO DATANCOM") == 4
    assert set(planned(copy)) == before - {("master_bias", master["stem"])}
