"""The index before the plan: what is new is taken in and told in the log, in this process; what goes wrong is one line."""

import subprocess
from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest
from stubs import Stub

from soxslib.catalogue.database import load_entries
from soxslib.catalogue.refresh import INDEX, LOG, index_is_stale, refresh_index
from soxslib.errors import ReductionError

START = datetime(2026, 1, 27, 16)


@pytest.fixture
def night(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Stub("VIS", "BIAS", START, 0.0, "BLANK").write(tmp_path / "raw")
    (tmp_path / "raw" / "broken.fits").write_bytes(b"text")
    return SimpleNamespace(path=tmp_path, config=SimpleNamespace(raw=["raw"]))


def test_new_frames_are_taken_in_without_another_process(night, monkeypatch):
    monkeypatch.setattr(subprocess, "Popen", lambda *a, **k: pytest.fail("another process was started"))
    assert index_is_stale(night.config)
    refresh_index(night.config)
    assert not index_is_stale(night.config) and len(load_entries(INDEX)) == 2
    headline, objection = (night.path / LOG).read_text().splitlines()
    assert headline == "2 headers read" and "broken.fits" in objection
    Stub("VIS", "BIAS", START + timedelta(minutes=1), 0.0, "BLANK").write(night.path / "raw")
    assert index_is_stale(night.config)
    refresh_index(night.config)
    assert (night.path / LOG).read_text().splitlines()[0] == "1 headers read"


def test_an_index_that_cannot_be_written_is_one_line(night):
    (night.path / INDEX).mkdir()
    with pytest.raises(ReductionError, match="index refresh failed") as caught:
        refresh_index(night.config)
    assert "\n" not in str(caught.value) and "delete index.db" in str(caught.value)
