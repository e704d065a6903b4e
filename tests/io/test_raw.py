"""Raw frames whose headers say how they are to be cut."""

from datetime import datetime

import numpy as np
import pytest
from stubs import Stub

from soxslib.errors import ReductionError
from soxslib.io.raw import read_raw
from soxslib.io.raw_writing import write_raw

SHAPE = (4096, 908)  # of the detector, with 50 columns of prescan
PRESCAN, WIDTH = "ESO DET OUT1 PRSCX", "ESO DET CHIP NX"


def written(folder, **cards):
    stub = Stub("VIS", "BIAS", datetime(2026, 1, 27, 16), 0.0, "BLANK", cards=cards)
    path = folder / stub.name
    write_raw(path, np.broadcast_to(np.arange(SHAPE[1], dtype=np.uint16), SHAPE), list(stub.header().items()))
    return path


def test_the_header_says_where_the_light_begins(tmp_path):
    raw = read_raw(written(tmp_path, **{PRESCAN: 40, WIDTH: 800}))
    assert raw.adu.shape == (800, SHAPE[0]) and raw.prescan.shape == (40, SHAPE[0])
    assert np.all(raw.adu[0] == 40)  # each pixel holds its column's number


@pytest.mark.parametrize(
    ("prescan", "width", "words"),
    [
        ("n/a", 808, f"{PRESCAN} holds 'n/a' where a number belongs"),
        (50, "wide", f"{WIDTH} holds 'wide' where a number belongs"),
        (-50, 808, f"{PRESCAN} and {WIDTH} hold -50 and 808"),
        (50, 0, f"{PRESCAN} and {WIDTH} hold 50 and 0"),
        (500, 808, "does not hold the science area"),
    ],
)
def test_a_header_that_cuts_nothing_out_is_told_with_its_card(tmp_path, prescan, width, words):
    path = written(tmp_path, **{PRESCAN: prescan, WIDTH: width})
    with pytest.raises(ReductionError) as caught:
        read_raw(path)
    assert words in str(caught.value) and str(caught.value).startswith(path.name)
