"""The light header reader against astropy's reader and against files broken on purpose."""

import gzip

import numpy as np
import pytest
from astropy.io import fits
from stubs import fits_bytes

from soxslib.errors import ReductionError
from soxslib.io.headers import read_header

CARDS = {
    "INSTRUME": "SOXS",
    "OBJECT": "O'Neill's / star",
    "EXPTIME": 30.5,
    "ESO DET NDIT": 4,
    "ESO INS VISE SWSIM": True,
    "MJD-OBS": 61067.67945659,
}


def image(path, *, compressed=False):
    data = np.arange(200 * 300, dtype=np.int16).reshape(200, 300)
    header = fits.Header()
    for key, value in CARDS.items():
        header[f"HIERARCH {key}" if " " in key else key] = value
    if compressed:
        hdus = [fits.PrimaryHDU(header=header), fits.CompImageHDU(data)]
    else:
        hdus = [fits.PrimaryHDU(data, header)]
    fits.HDUList(hdus).writeto(path)
    return path


@pytest.mark.parametrize("suffix", [".fits", ".fits.gz", ".fits.fz"])
def test_reads_the_cards_that_were_written(tmp_path, suffix):
    path = image(tmp_path / f"a{suffix}", compressed=suffix.endswith("fz"))
    cards, defect = read_header(str(path))
    assert defect is None
    assert {key: cards[key] for key in CARDS} == CARDS
    assert (cards["NAXIS1"], cards["NAXIS2"]) == (300, 200)


@pytest.mark.parametrize("suffix", [".fits", ".fits.gz", ".fits.fz"])
@pytest.mark.parametrize("part", [0.4, 0.8])
def test_tells_a_truncated_file_but_gives_its_cards(tmp_path, suffix, part):
    whole = image(tmp_path / f"a{suffix}", compressed=suffix.endswith("fz")).read_bytes()
    (tmp_path / f"b{suffix}").write_bytes(whole[: int(len(whole) * part)])
    try:
        cards, defect = read_header(str(tmp_path / f"b{suffix}"))
    except ReductionError as error:
        assert "truncated" in str(error) or "cannot be read" in str(error)  # cut within the header itself
    else:
        assert "is truncated" in defect and f"b{suffix}" in defect
        assert cards["INSTRUME"] == "SOXS"


def test_gzip_of_a_file_followed_by_other_extensions_is_whole(tmp_path):
    hdus = fits.HDUList([fits.PrimaryHDU(np.zeros((50, 50))), fits.ImageHDU(np.zeros((50, 50)))])
    hdus.writeto(tmp_path / "a.fits")
    (tmp_path / "a.fits.gz").write_bytes(gzip.compress((tmp_path / "a.fits").read_bytes()))
    assert read_header(str(tmp_path / "a.fits.gz"))[1] is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty (0 bytes)"),
        (b"just a note, called .fits\n", "is not a FITS file"),
        (fits_bytes(CARDS)[:1000], "truncated within its header"),
        (fits_bytes(CARDS).replace(b"END ", b"FIN ", 1), "truncated within its header"),
    ],
)
def test_says_in_one_line_what_is_wrong(tmp_path, content, message):
    path = tmp_path / "bad.fits"
    path.write_bytes(content)
    with pytest.raises(ReductionError) as caught:
        read_header(str(path))
    assert message in str(caught.value) and "bad.fits" in str(caught.value) and "\n" not in str(caught.value)


def test_value_that_is_no_number_stays_a_text(tmp_path):
    path = tmp_path / "a.fits"
    path.write_bytes(fits_bytes({"EXPTIME": "long"}).replace(b"'long'", b"NAN   "))
    value = read_header(str(path))[0]["EXPTIME"]
    assert isinstance(value, str) or value != value
