"""Raw frames as they come from the disk: how their headers say they are to be cut, and pixels that are no numbers."""

from datetime import datetime

import numpy as np
import pytest
from astropy.io import fits
from stubs import Stub

from soxslib.errors import ReductionError
from soxslib.io.raw import read_raw
from soxslib.io.raw_writing import write_raw
from soxslib.recipes.prepare import prepare

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


CARDS = {
    "INSTRUME": "SOXS", "MJD-OBS": 61067.6, "ESO SEQ ARM": "NIR", "ESO DPR CATG": "CALIB", "ESO DPR TYPE": "DARK",
    "ESO DPR TECH": "IMAGE", "EXPTIME": 10.0, "ESO DET SEQ1 DIT": 10.0, "ESO DET NDIT": 1,
}  # fmt: skip


def of_image(path, image):
    header = fits.Header()
    for card, value in CARDS.items():
        header[card if len(card) < 9 else f"HIERARCH {card}"] = value
    fits.writeto(path, image.astype(np.float32), header)
    return path


def test_no_step_meets_a_pixel_without_a_number(tmp_path, rng, caplog):
    """NaN and infinity are where they were put, in the raw frame's own columns and rows, and read as a typical value."""
    image = rng.normal(100.0, 5.0, (2048, 2048))
    whole = read_raw(of_image(tmp_path / "whole.fits", image))
    image[700, 900], image[701, 901] = np.nan, np.inf
    raw = read_raw(of_image(tmp_path / "a.fits", image))
    assert "a.fits: 2 pixels hold no number" in caplog.text
    assert whole.is_bad is None and np.count_nonzero(raw.is_bad) == 2
    np.testing.assert_array_equal(raw.is_bad, raw.adu != whole.adu)
    np.testing.assert_allclose(raw.adu[raw.is_bad], 100.0, atol=0.1)
    frame = prepare(raw)
    assert np.isfinite(frame.flux).all() and np.isfinite(frame.variance).all()
    np.testing.assert_array_equal(frame.quality > 0, raw.is_bad)


def test_a_frame_without_any_number_is_told(tmp_path):
    with pytest.raises(ReductionError, match="^a.fits: no pixel holds a number; exclude it"):
        read_raw(of_image(tmp_path / "a.fits", np.full((2048, 2048), np.nan)))
