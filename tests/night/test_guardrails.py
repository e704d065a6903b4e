"""A night with three things gone wrong, reduced as a user does it: the best flat is overexposed, the arc nearest to the target
was taken with a lamp that did not burn, light leaked into the evening's biases.

Each is passed over for the next best by what the recipes measure on the frames, and header, database and report tell so.
"""

import json
import sqlite3
from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits
from real_night import SNAKEMAKE, run, soxs

from soxslib.instruments import load_instrument
from soxslib.simulate.make import make_night
from soxslib.simulate.night import demonstration_night

pytestmark = pytest.mark.night
ROLES = {"bias", "single_pinhole_arc", "pinhole_flat", "flat", "multi_pinhole_arc", "science_stare"}
MORNING_D = 15.0 / 24  # after the evening's frames
DETECTOR = load_instrument("SOXS").arm("VIS")["detector"]


def frames():
    """A few frames of the small night; the flats of the narrow slit too long for the brightest order; biases in the morning too."""
    few = [f for f in demonstration_night(arms=["VIS"], small=True) if f.shot.role in ROLES]
    flats = lambda f: f.shot.role == "flat" and f.shot.slit == "SLIT1.0"
    few = [replace(f, shot=replace(f.shot, exposure_s=1.95 * f.shot.exposure_s)) if flats(f) else f for f in few]
    later = [
        replace(f, mjd=f.mjd + MORNING_D, template_mjd=f.template_mjd + MORNING_D) for f in few if f.shot.role == "bias"
    ]
    return few + later


def spoil(raw, frames):
    """Light in the evening's biases, and none in the arc of the night."""
    y, x = (slice(*DETECTOR[k]) for k in ("science_rows", "science_columns"))
    for frame in frames:
        path = raw / f"{frame.name}.fits"
        is_leaky = frame.shot.role == "bias" and frame.mjd < frames[0].mjd + 0.1
        is_dark = frame.shot.role == "multi_pinhole_arc" and frame.shot.rotator_deg is not None
        if not is_leaky and not is_dark:
            continue
        with fits.open(path, mode="update") as hdus:
            data = hdus[0].data.astype(float)
            science = data[y, x]
            if is_leaky:  # falls off from one corner
                science += (
                    80
                    * np.exp(-np.arange(science.shape[0]) / 1500.0)[:, None]
                    * np.exp(-np.arange(science.shape[1]) / 300.0)
                )
            else:
                noise = np.random.default_rng(3).normal(0, np.std(data[y, : x.start]), science.shape)
                science[:] = np.median(data[y, : x.start]) + noise
            hdus[0].data = np.clip(np.rint(data), 0, 65535).astype(np.uint16)


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stories") / "night"
    taken = frames()
    make_night(folder, taken, seed=11, pack="plain")
    spoil(folder / "raw", taken)
    soxs("init", str(folder), folder=folder.parent)
    run(SNAKEMAKE, folder, ok=False)  # what cannot be made is told
    return folder


@pytest.fixture(scope="module")
def stare(night):
    """(sidecar, header) of the target."""
    (path,) = night.glob("reduced/*/stare/*.qc.json")
    return json.loads(path.read_text()), fits.getheader(str(path).replace(".qc.json", "_EXTRACTED_ORDERS.fits"))


def used(sidecar, step):
    return [p for p in sidecar["used"] if f"/{step}/" in p]


def passed_over(sidecar, step):
    return [p["reason"] for p in sidecar["passed_over"] if f"/{step}/" in p["path"]]


def test_the_overexposed_flat_gives_way_to_that_of_the_wide_slit(stare):
    sidecar, header = stare
    assert "SLIT5_0" in used(sidecar, "master_flat")[0]
    (reason,) = passed_over(sidecar, "master_flat")
    assert reason.startswith("SATURATED FRAC is 0.") and "0 to 0.02 is needed" in reason
    assert any("SLIT1_0" in str(v) and "SATURATED FRAC" in str(v) for k, v in header.items() if "PASSED" in k)


def test_the_arc_without_light_gives_way_to_that_of_the_afternoon(stare):
    sidecar, _ = stare
    assert len(used(sidecar, "spatial_solution")) == 1
    (reason,) = passed_over(sidecar, "spatial_solution")
    assert "holds no pinhole spots" in reason


def test_the_biases_with_light_give_way_to_those_of_the_morning(stare, night):
    sidecar, _ = stare
    first, second = sorted(night.glob("reduced/*/master_bias/*.qc.json"))
    assert used(sidecar, "master_bias") == [str(second.relative_to(night)).replace(".qc.json", ".fits")]
    (reason,) = {
        r
        for path in night.glob("reduced/*/*/*.qc.json")
        for r in passed_over(json.loads(path.read_text()), "master_bias")
    }
    assert reason.startswith("STRUCT MAX is ") and "0 to 20 is needed" in reason
    assert first.with_name(first.name.replace(".qc.json", ".verdict")).read_text() == "rejected\n"
    assert first.with_name(first.name.replace(".qc.json", ".fits")).exists()  # nothing is deleted


def test_the_database_tells_all_three(night):
    with sqlite3.connect(night / "index.db") as db:
        rows = dict(
            db.execute(
                "select i.name, i.reason from task_inputs i join tasks t on t.id = i.task "
                "where t.step = 'stare' and i.used = 0 and i.reason != ''"
            ).fetchall()
        )
        failed = {s for (s,) in db.execute("select step from tasks where verdict = 'fail'").fetchall()}
    assert "SATURATED FRAC" in rows["master_flat"] and "no pinhole spots" in rows["spatial_solution"]
    assert {"master_bias", "master_flat", "spatial_solution"} <= failed


def test_the_report_tells_all_three(night):
    (page,) = night.glob("report/target/*SIM-R16.html")
    text = page.read_text()
    assert text.count("passed over:") >= 2 and "SATURATED FRAC is 0." in text and "no pinhole spots" in text
    index = (night / "report" / "index.html").read_text()
    assert index.count("✕") >= 3
    biases = [p.read_text() for p in night.glob("report/calibration/master_bias*.html")]
    assert sum("passed over: STRUCT MAX" in text for text in biases) == 1
    told = (night / "summary.txt").read_text()
    assert "calibrations passed over:" in told and "fails its checks:" in told
