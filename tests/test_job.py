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
