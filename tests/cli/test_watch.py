"""`soxs watch` on stub scripts: a frame that comes in while all is watched is reduced, and a growing one is left alone."""

import subprocess
import sys
import time
from datetime import datetime

import pytest
from stub_workflow import StubNight
from stubs import Stub, make_night

from soxslib.catalogue.tasks import Task
from soxslib.cli.watch import NEWEST, most_urgent

NEW = Stub("VIS", "OBJECT", datetime(2026, 1, 28, 3), 300.0, "SLIT1.0", (), "ECHELLE,SLIT,STARE", "SN9")
PATIENCE_S = 240


@pytest.fixture
def night(tmp_path):
    night = StubNight(tmp_path, make_night(("VIS",)))
    (night.path / "config.yaml").write_text("plots: false\n")
    return night


def wait_for(what, process):
    end = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < end and process.poll() is None, (
            process.stdout.read() if process.poll() else "too long"
        )
        time.sleep(0.2)


def test_frames_are_reduced_as_they_come_and_the_rest_in_a_pause(night):
    options = ["--cores", "2", "--poll", "0.2", "--settle", "0.5", "--rest", "3", "--stop-after", "1"]
    command = [sys.executable, "-m", "soxslib", "watch", ".", *options]
    process = subprocess.Popen(
        command, cwd=night.path, env=night.environment(), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        made = lambda name: list(night.path.glob(f"reduced/*/*/*{name}*_FLUXCAL.fits"))
        wait_for(lambda: made("SN2"), process)
        path = NEW.write(night.path / "raw")
        content = path.read_bytes()
        path.write_bytes(content[:100])
        time.sleep(1.5)
        assert path.name not in (night.path / ".soxs" / "whole.txt").read_text()
        path.write_bytes(content)
        wait_for(lambda: made("SN9"), process)
        out, _ = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
    assert process.returncode == 0, out
    assert f"new: {path.name}" in out and "everything else: done" in out
    assert (night.path / "report" / "index.html").exists() and "SN9" in (night.path / "summary.txt").read_text()


def test_spectra_of_new_frames_come_first_then_spectra_then_calibrations():
    task = lambda step, raw: Task(step, "VIS", "2026-01-27", raw, "", "", 0.0, {"raw": [raw]}, {})
    bias, old, new, flux = task("master_bias", "a"), task("stare", "b"), task("nod", "c"), task("flux_calibration", "c")
    assert most_urgent([bias, old, new, flux], {"c"}) == (NEWEST, [new, flux])
    assert most_urgent([bias, old], {"a", "c"}) == ("spectra", [old])
    assert most_urgent([bias], {"a"}) == ("calibrations", [bias])
    assert most_urgent([], {"a"}) == ("", [])
