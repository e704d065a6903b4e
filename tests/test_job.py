"""What a job does with raw frames that cannot be read (told one by one, and only when none is left in the way) and on a machine
that fails it."""

import subprocess
import sys

import pytest

from soxslib.errors import ReductionError
from soxslib.job import Job


def test_raw_frames_that_cannot_be_read_are_told(tmp_path):
    paths = [tmp_path / f"{name}.fits" for name in "ab"]
    for path in paths:
        path.write_bytes(b"no FITS")
    job = Job("nod", {"raw": [str(p) for p in paths]}, {}, {})
    with pytest.raises(ReductionError, match="nod: none of its 2 raw frames can be read"):
        list(job.each_raw())
    assert [p.name in warning for p, warning in zip(paths, job.warnings, strict=True)] == [True, True]
    with pytest.raises(ReductionError, match="nod: none of its 2 raw frames can be read"):
        _ = job.exposure


def test_raw_frames_that_are_not_wanted_are_not_read(tmp_path, monkeypatch):
    from soxslib import job as module

    monkeypatch.setattr(module, "open_raw_header", lambda path: path)
    monkeypatch.setattr(module, "exposure_of", lambda header, name: name)
    monkeypatch.setattr(module, "read_raw", lambda path: f"frame {path[-1]}")
    job = Job("offset", {"raw": ["a", "b", "c"]}, {}, {})
    assert list(job.each_raw(lambda exposure: exposure != "b")) == ["frame a", "frame c"]
    assert list(job.each_raw(lambda exposure: False)) == []


JOB_ON_A_FULL_DISK = """
import sys
from types import SimpleNamespace
from soxslib.io.atomic import atomic_path
from soxslib.job import run

def main(job):
    with atomic_path(job.outputs["image"]) as temporary:
        temporary.write_bytes(b"a half")
        with open("/dev/full", "wb") as full:
            full.write(b"the other half")

outputs = dict(image="product.fits", metrics="product.qc.json")
run(SimpleNamespace(rule="stare", input={}, output=outputs, params={}, log=["job.log"]), main)
"""


def test_a_full_disk_is_told_in_one_line_and_leaves_nothing_behind(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", JOB_ON_A_FULL_DISK], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1  # for Snakemake to try again: a tombstone would be the data's fault
    assert done.stderr.splitlines() == [
        "ERROR stare: No space left on device: product.fits; what is done stays: mend that and run snakemake again"
    ]
    assert [p.name for p in tmp_path.iterdir()] == ["job.log"]
    assert "Traceback" in (tmp_path / "job.log").read_text(encoding="utf8")
