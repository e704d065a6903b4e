"""A failed task is left alone by the release that failed, and tried again by the next one."""

import json

import pytest
from stub_workflow import StubNight
from stubs import make_night


@pytest.fixture
def night(tmp_path):
    night = StubNight(tmp_path, make_night(("VIS",)))
    (night.path / "config.yaml").write_text("plots: false\n")
    return night


def another_release(night):
    """As if all so far had been done by an older release."""
    path = night.path / ".soxs" / "retries.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "release": "0.0"}))
    for note in (night.path / ".soxs").glob("planned-*.json"):
        note.unlink()


def test_a_failed_task_is_tried_again_by_another_release_only(night):
    done = night.run("--cores", "2", STUB_FAIL="stare")
    assert done.returncode != 0 and "the lamp was off" in done.stdout
    assert "stare" not in night.planned()
    another_release(night)
    done = night.run("--cores", "2")
    assert done.returncode == 0, done.stdout
    assert "rule stare:" in done.stdout and "rule nod:" not in done.stdout
    another_release(night)
    assert night.planned() == {}  # what was made stays
