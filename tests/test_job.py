"""What a job does with raw frames that cannot be read: told one by one, and only when none is left in the way."""

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
