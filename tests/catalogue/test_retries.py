"""Failed tasks and releases: the right answers follow from what a retry is."""

import json
from pathlib import Path

import pytest

from soxslib.catalogue import retries
from soxslib.catalogue.tasks import Task


@pytest.fixture
def tasks(tmp_path, monkeypatch):
    """Two tasks, the second failed with release 1."""
    monkeypatch.chdir(tmp_path)
    tasks = [
        Task("stare", "VIS", "2026-01-27", stem, "", "science", 61068.0, {}, {"metrics": f"{stem}.qc.json"})
        for stem in ("A", "B")
    ]
    for task, status in zip(tasks, ("ok", "failed"), strict=True):
        Path(task.outputs["metrics"]).write_text(json.dumps({"status": status, "version": "1"}))
    return tasks


def with_release(monkeypatch, tasks, release):
    monkeypatch.setattr(retries, "__version__", release)
    return retries.retries_of(tasks)


def test_the_release_that_failed_leaves_it_alone(tasks, monkeypatch):
    assert with_release(monkeypatch, tasks, "1") == {}


def test_the_next_release_tries_again_and_says_so_from_then_on(tasks, monkeypatch):
    with_release(monkeypatch, tasks, "1")
    wanted = {"stare/2026-01-27/B": "2"}
    assert with_release(monkeypatch, tasks, "2") == wanted
    Path("B.qc.json").write_text(json.dumps({"status": "ok", "version": "2"}))
    assert with_release(monkeypatch, tasks, "2") == wanted  # what Snakemake remembers of the run stays true
    assert with_release(monkeypatch, tasks, "3") == wanted


def test_what_fails_again_waits_for_a_further_release(tasks, monkeypatch):
    with_release(monkeypatch, tasks, "2")
    Path("B.qc.json").write_text(json.dumps({"status": "failed", "version": "2"}))
    assert with_release(monkeypatch, tasks, "2") == {"stare/2026-01-27/B": "2"}
    assert with_release(monkeypatch, tasks, "3") == {"stare/2026-01-27/B": "3"}
