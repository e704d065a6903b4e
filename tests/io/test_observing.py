"""How a target was observed, by headers that tell it and by others."""

from datetime import datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pytest
from stubs import Stub

from soxslib.io.observing import typical_exposure
from soxslib.io.raw_writing import write_raw

START, END, ALTITUDE = "ESO TEL AIRM START", "ESO TEL AIRM END", "ESO TEL ALT"
START_TIME = datetime(2026, 1, 28, 0, 43, 7)  # the middle of 10 s is at MJD 61068.03
PLACE = {"RA": 88.1, "DEC": -32.94}  # at an altitude of 71.7 deg that evening, by astropy: 1 / sin is 1.053
IMAGE = np.zeros((4, 4), np.uint16)
NO_AIRMASS = {START: None, END: None}


def observed(folder, *headers):
    """(airmass, warnings) of frames with these cards."""
    paths, warnings = [], []
    for i, cards in enumerate(headers):
        stub = Stub(
            "VIS",
            "OBJECT",
            START_TIME + timedelta(seconds=20 * i),
            10.0,
            "SLIT1.0",
            (),
            "ECHELLE,SLIT,STARE",
            "SN",
            cards=cards,
        )
        paths.append(folder / stub.name)
        cards = [(k, v) for k, v in stub.header().items() if v is not None]
        write_raw(paths[-1], IMAGE, cards)
    return typical_exposure(SimpleNamespace(raw_paths=paths, warn=warnings.append)).airmass, warnings


def test_a_header_that_tells_it_is_believed(tmp_path):
    # its own altitude agrees; the place on the sky of a simulated night need not
    airmass, warnings = observed(tmp_path, {START: 1.2, END: 1.22, ALTITUDE: 56.44, "RA": 200.0, "DEC": 20.0})
    assert airmass == pytest.approx(1.21) and not warnings


def test_frames_that_tell_it_speak_for_the_others(tmp_path):
    airmass, warnings = observed(
        tmp_path, {START: 1.2, END: 1.22}, {START: -99.99, END: -99.99}, {START: 11.5, END: 11.5}
    )
    assert airmass == pytest.approx(1.21) and not warnings


@pytest.mark.parametrize(
    "cards", [NO_AIRMASS, {START: 11.5, END: 11.6}, {START: 0.3, END: 0.3}, {START: "n/a", END: None}]
)
@pytest.mark.parametrize(
    ("place", "expected"), [({ALTITUDE: 30.0} | PLACE, 1.99), (PLACE, 1.053), ({"RA": 0.0, "DEC": 0.0}, None)]
)
def test_one_that_does_not_is_told_with_what_is_used(tmp_path, cards, place, expected):
    airmass, (warning,) = observed(tmp_path, cards | place)
    assert airmass == (None if expected is None else pytest.approx(expected, abs=0.01))
    held = "nothing" if cards[START] is None else str(cards[START])
    used = "1 is used" if expected is None else f"{expected:.2f} is used"
    for words in (START_TIME.isoformat(), f"hold {held} and", f"airmass {used}"):
        assert words in warning
    assert "\n" not in warning


def test_one_against_the_telescopes_altitude_is_told(tmp_path):
    airmass, (warning,) = observed(tmp_path, {START: 4.2, END: 4.3, ALTITUDE: 65.38})
    assert airmass == pytest.approx(1.1, abs=0.001) and "hold 4.2 and 4.3; airmass 1.10 is used" in warning
