"""Scan and index: a bad file is told, never raised, and only what changed is read again."""

import os
import sqlite3
from datetime import datetime, timedelta

import pytest
from stubs import Stub, fits_bytes, make_night

from soxslib.catalogue.database import load_entries, load_identities, load_objections, update_index
from soxslib.catalogue.scan import BAD, IGNORED, OK, scan

START = datetime(2026, 1, 27, 16)


def bias(**cards):
    return Stub("VIS", "BIAS", START, 0.0, "BLANK", cards=cards)


def only_entry(folder):
    (entry,) = scan([str(folder)])
    return entry


def test_a_good_frame_has_its_exposure(tmp_path):
    bias().write(tmp_path)
    entry = only_entry(tmp_path)
    assert (entry.status, entry.exposure.type, entry.exposure.arm, entry.exposure.exposure_s) == (
        OK,
        "BIAS",
        "VIS",
        0.0,
    )


@pytest.mark.parametrize(
    ("cards", "status", "words"),
    [
        ({"EXPTIME": None}, BAD, "EXPTIME is missing"),
        ({"EXPTIME": "long"}, BAD, "EXPTIME holds 'long' where a number belongs"),
        ({"EXPTIME": -30.0}, BAD, "EXPTIME holds -30.0"),
        ({"MJD-OBS": None}, BAD, "MJD-OBS is missing"),
        ({"MJD-OBS": 1e9}, BAD, "MJD-OBS holds 1e+09, no day of this century"),
        ({"MJD-OBS": -1e6}, BAD, "MJD-OBS holds -1e+06, no day of this century"),
        ({"INSTRUME": "XSHOOTER"}, IGNORED, "unknown instrument 'XSHOOTER'"),
        ({"ESO SEQ ARM": "ACQ"}, IGNORED, "arm 'ACQ' is not reduced"),
        ({"ESO INS VISE SWSIM": True}, IGNORED, "simulation mode"),
    ],
)
def test_a_bad_header_is_told_in_one_line(tmp_path, cards, status, words):
    frame = bias(**cards)
    frame.write(tmp_path)
    entry = only_entry(tmp_path)
    assert entry.status == status and words in entry.reason and frame.name in entry.reason
    assert "\n" not in entry.reason


@pytest.mark.parametrize(("ndit", "words"), [(0, "NDIT holds 0"), (-2, "NDIT holds -2"), ("n/a", "NDIT holds 'n/a'")])
def test_no_integration_at_all_is_told(tmp_path, ndit, words):
    frame = Stub("NIR", "DARK", START, 20.0, "BLANK", cards={"ESO DET NDIT": ndit})
    frame.write(tmp_path)
    entry = only_entry(tmp_path)
    assert entry.status == BAD and words in entry.reason and frame.name in entry.reason


@pytest.mark.parametrize("content", [b"", b"text", fits_bytes({})[:500]])
def test_a_broken_file_is_told_and_others_are_read(tmp_path, content):
    bias().write(tmp_path)
    (tmp_path / "broken.fits").write_bytes(content)
    entries = scan([str(tmp_path)])
    assert sorted(e.status for e in entries) == [BAD, OK]


@pytest.mark.parametrize("name", ["SOXS{1}.fits", "SOXS{name}.fits", "SOXS}.fits"])
def test_braces_in_a_name_are_told(tmp_path, name):
    bias().write(tmp_path).rename(tmp_path / name)
    entry = only_entry(tmp_path)
    assert entry.status == BAD and entry.reason.startswith(f"{name}: ") and "rename it" in entry.reason
    assert entry.type == "BIAS"


def test_sources_are_directories_and_globs_without_repetition(tmp_path):
    for name in ("a", "b"):
        bias().write(tmp_path / name)
    (tmp_path / "a" / "notes.txt").write_text("x")
    found = scan([str(tmp_path / "a"), str(tmp_path / "*"), str(tmp_path / "b" / "*.fits")])
    assert len(found) == 2


def test_only_new_and_changed_files_are_read_again(tmp_path):
    night = make_night(arms=("VIS",))
    for stub in night:
        stub.write(tmp_path / "raw")
    sources, index = [str(tmp_path / "raw")], tmp_path / "index.db"
    assert update_index(index, sources) == len(night)
    assert load_entries(index) == scan(sources)  # everything survives the database
    assert update_index(index, sources) == 0
    os.utime(tmp_path / "raw" / night[0].name, (1, 1))
    (tmp_path / "raw" / night[1].name).unlink()
    night[0].start += timedelta(days=1)
    night[0].write(tmp_path / "raw")
    assert update_index(index, sources) == 2
    assert load_entries(index) == scan(sources) and len(scan(sources)) == len(night)


def test_what_is_no_good_frame_stays_told(tmp_path):
    bias().write(tmp_path)
    (tmp_path / "broken.fits").write_bytes(b"text")
    for _ in range(2):
        update_index(tmp_path / "index.db", [str(tmp_path)])
        ((status, reason),) = load_objections(tmp_path / "index.db")
        assert status == BAD and "broken.fits" in reason


def test_a_damaged_or_foreign_index_is_made_anew(tmp_path):
    path = tmp_path / "index.db"
    path.write_bytes(b"this is not a database, whatever its name says" * 100)
    assert load_entries(path) == [] and load_identities(path) is None
    assert update_index(path, [str(tmp_path)]) == 0
    assert load_identities(path) == {}
    bias().write(tmp_path)
    update_index(path, [str(tmp_path)])
    with sqlite3.connect(path) as connection:
        connection.execute("update meta set value = 'of another release'")
    assert load_entries(path) == [] and update_index(path, [str(tmp_path)]) == 1
