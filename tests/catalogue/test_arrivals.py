"""Files that grow while one looks: the clock is the test's own."""

import os

import pytest
from stubs import make_night

from soxslib.catalogue.arrivals import Arrivals
from soxslib.catalogue.scan import WHOLE, find_files, scan


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(WHOLE, "")  # put back afterwards, whatever the test leaves
    monkeypatch.delenv(WHOLE)
    make_night(("VIS",))[0].write("raw")
    return tmp_path


def grow(stub, part):
    """Writes the first part of a frame's file."""
    path = stub.write("raw")
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    return f"raw/{path.name}", content


def test_a_growing_file_is_not_seen_until_it_is_whole(folder):
    arrivals = Arrivals(["raw"], settle_s=2.0)
    arrivals.take_all()
    path, content = grow(make_night(("VIS",))[1], 0.5)  # its name has colons
    seen = [(arrivals.look(t), path in find_files(["raw"])) for t in range(6)]
    assert seen == [([], False)] * 6
    (folder / path).write_bytes(content)
    os.utime(folder / path, (1, 1))
    assert arrivals.look(6.0) == []  # it has just changed
    assert arrivals.look(7.0) == []
    assert arrivals.look(8.0) == [path]
    assert path in find_files(["raw"])


def test_a_file_nobody_has_looked_at_is_not_scanned(folder):
    arrivals = Arrivals(["raw"], settle_s=2.0)
    arrivals.take_all()
    grow(make_night(("VIS",))[1], 1.0)
    entries = scan(["raw"])
    assert len(entries) == 1


def test_a_file_that_grows_again_is_put_out_of_sight(folder):
    arrivals = Arrivals(["raw"], settle_s=1.0)
    arrivals.take_all()
    path = next(iter(arrivals.whole))
    with open(path, "ab") as fh:
        fh.write(b" ")
    assert arrivals.look(0.0) == [] and find_files(["raw"]) == {}
    assert arrivals.look(1.0) == [path]
