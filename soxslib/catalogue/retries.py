"""Which failed tasks are tried again: those that failed with another release than this one, which may have mended them."""

import json
from pathlib import Path

from soxslib import __version__
from soxslib.catalogue.summary import FAILED, result_of
from soxslib.io.atomic import write_word

RETRIES = Path(".soxs/retries.json")


def retries_of(tasks):
    """{name of a task: release it is tried again with}.

    It is part of what Snakemake compares with the last run, so an entry stays: without it the task would run once more.
    Sidecars are looked at once after a release has changed.
    """
    known = _read()
    if known["release"] == __version__:
        return known["tasks"]
    found = {**known["tasks"], **{name_of(t): __version__ for t in tasks if _failed_elsewhere(t)}}
    write_word(RETRIES, json.dumps({"release": __version__, "tasks": found}, sort_keys=True))
    return found


def name_of(task):
    """A task's key as text."""
    return "/".join(task.key)


def _failed_elsewhere(task):
    result = result_of(task)
    return result.status == FAILED and result.sidecar.get("version") != __version__


def _read():
    try:
        return json.loads(RETRIES.read_text(encoding="utf8"))
    except (FileNotFoundError, ValueError):
        return {"release": None, "tasks": {}}
