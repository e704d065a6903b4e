"""A limit that is changed runs no recipe, but consumers of a calibration that fails now, and only those.

Stub scripts choose and judge as jobs do; the saturation of the flats is made up.
"""

import copy
import json
import shutil
import sqlite3
from datetime import datetime, timedelta

import pytest
from stub_workflow import StubNight
from stubs import Stub, make_night

from soxslib.io.headers import read_header

SCRIPT = """
import json
from pathlib import Path
from soxslib.job import unusable
from soxslib.qc.verdicts import verdict_word
stem, used, passed_over = snakemake.params.stem, [], []
for name, paths in snakemake.input.items():
    if name in ("raw", "verdicts"):
        continue
    for path in [paths] if isinstance(paths, str) else paths:
        if (reason := unusable(path)) is None:
            used.append(path)
            break
        passed_over.append({"path": path, "reason": reason})
value = 0.015 if "SLIT1_0" in stem else 0.0
metrics = [{"name": "SATURATED FRAC", "value": value, "order": None, "unit": "", "meaning": ""}]
sidecar = {"step": snakemake.rule, "arm": snakemake.params.arm, "stem": stem, "status": "ok", "used": used,
           "passed_over": passed_over, "metrics": metrics if snakemake.rule == "master_flat" else [],
           "raw": [Path(p).name for p in snakemake.input.raw]}
def product():
    from soxslib.io.provenance import product_header
    from soxslib.io.cards import Header
    from soxslib.io.headers import read_header
    header = Header(read_header(snakemake.input.raw[0])[0].items())
    return product_header(header, step=snakemake.rule, category="X", raws=[], calibrations=[], parameters={"a": 1})
for name, path in snakemake.output.items():
    if name == "product" and snakemake.rule == "master_flat":  # other nights know it by its header
        from soxslib.io.products import write_images
        import numpy as np
        write_images(path, [("FLUX", np.zeros((2, 2), np.float32), "")], product())
        continue
    text = json.dumps(sidecar) if name == "metrics" else verdict_word(sidecar) if name == "verdict" else repr(used)
    Path(path).write_text(text)
"""


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    """A reduced night with flats of two slits; those of the narrow one, the best for science, are near saturation."""
    begin = datetime(2026, 1, 27, 16, 36)
    wide = [
        Stub("VIS", "LAMP,FLAT", begin + timedelta(minutes=i), 4.0, "SLIT5.0", ("QTH",), "ECHELLE,SLIT") for i in (0, 1)
    ]
    night = StubNight(tmp_path_factory.mktemp("guardrails"), make_night(("VIS",)) + wide)
    for script in (night.folder / "workflow" / "scripts").glob("*.py"):
        if (night.folder / "workflow" / "rules").exists() and "STUB_FAIL" in script.read_text():
            script.write_text(SCRIPT)
    (night.path / "config.yaml").write_text("plots: false\n")
    done = night.run("--cores", "2")
    assert done.returncode == 0, done.stdout
    return night


def sidecar(night, ending):
    return json.loads((night.path / night.target(ending)).read_text())


def test_a_limit_passes_a_flat_over_and_another_takes_it_back(night):
    config = night.path / "config.yaml"
    assert "SLIT1_0" in sidecar(night, "STARE_OBJ_SLIT1_0_300_0S_SN2.qc.json")["used"][1]

    config.write_text("plots: false\nlimits: {master_flat: {SATURATED FRAC: {fail: [0, 0.01]}}}\n")
    planned = night.planned()
    assert {"stare", "nod", "flux_calibration"} <= planned.keys()
    assert not {"master_bias", "order_trace", "master_flat", "spatial_solution"} & planned.keys()

    done = night.run("--cores", "2")
    assert done.returncode == 0, done.stdout
    told = sidecar(night, "STARE_OBJ_SLIT1_0_300_0S_SN2.qc.json")
    assert "SLIT5_0" in told["used"][1]
    assert told["passed_over"][0]["reason"] == "SATURATED FRAC is 0.015, 0 to 0.01 is needed"
    with sqlite3.connect(night.path / "index.db") as db:
        rows = db.execute(
            "select reason from task_inputs where name = 'master_flat' and used = 0 and reason != ''"
        ).fetchall()
        states = db.execute("select verdict from tasks where step = 'master_flat' order by stem").fetchall()
    assert rows and all(r == "SATURATED FRAC is 0.015, 0 to 0.01 is needed" for (r,) in rows)
    assert sorted(s for (s,) in states) == ["fail", "pass"]
    assert night.planned() == {}

    config.write_text("plots: false\nlimits: {master_flat: {SATURATED FRAC: {fail: [0, 0.012]}}}\n")
    assert set(night.planned()) <= {"summary", "report"}  # it fails as before: nobody runs again
    config.write_text("plots: false\n")
    assert {"stare", "nod"} <= night.planned().keys()


def test_a_limit_reaches_calibrations_of_another_night(night):
    """Night B has no flats of its own; those of the other night keep their verdicts, its consumers run again."""
    verdicts = {p: p.read_text() for p in night.path.glob("reduced/*/master_flat/*.verdict")}
    other = without_flats(night, "night_b")
    config = "plots: false\ncalibrations: [../night/reduced]\n"
    (other.path / "config.yaml").write_text(config)
    done = other.run("--cores", "2")
    assert done.returncode == 0, done.stdout
    flat_of = lambda: [p for p in sidecar(other, "STARE_OBJ_SLIT1_0_300_0S_SN2.qc.json")["used"] if "master_flat" in p]
    assert "../night/reduced" in flat_of()[0] and "SLIT1_0" in flat_of()[0]

    (other.path / "config.yaml").write_text(config + "limits: {master_flat: {SATURATED FRAC: {fail: [0, 0.01]}}}\n")
    done = other.run("--cores", "2")
    assert done.returncode == 0, done.stdout
    assert "rule stare:" in done.stdout and "rule order_trace:" not in done.stdout
    assert "SLIT5_0" in flat_of()[0]
    told = sidecar(other, "STARE_OBJ_SLIT1_0_300_0S_SN2.qc.json")["passed_over"]
    assert "SATURATED FRAC is 0.015, 0 to 0.01 is needed" in [p["reason"] for p in told]
    assert other.planned() == {}
    assert {p: p.read_text() for p in verdicts} == verdicts


def without_flats(night, name):
    """Another night of the same workflow: the frames of the first one but its flats."""
    other = copy.copy(night)
    other.path = night.folder / name
    shutil.copytree(night.path / "profiles", other.path / "profiles")
    shutil.copy(night.path / "Snakefile", other.path)
    (other.path / "raw").mkdir()
    for path in (night.path / "raw").iterdir():
        header = read_header(str(path))[0]
        if (header.get("ESO DPR TYPE"), header.get("ESO DPR TECH")) != ("LAMP,FLAT", "ECHELLE,SLIT"):
            shutil.copy2(path, other.path / "raw")
    return other
