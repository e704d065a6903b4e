"""Files written without astropy, against astropy: it must read the same numbers and find every checksum right."""

import numpy as np
import pytest
from astropy.io import fits

from soxslib.errors import ReductionError
from soxslib.io import packed
from soxslib.io.cards import Header
from soxslib.io.hdus import Hdu, Opened, encoded, turn, write

pytestmark = pytest.mark.filterwarnings("error")  # astropy tells a wrong checksum by a warning

LONG = "a text that is longer than one card can hold, with an apostrophe's worth of trouble in it, " * 3


def cards():
    return Header(
        [
            ("OBJECT", "O'Neill", "with an apostrophe"),
            ("ESO PRO CATG", "MASTER_BIAS_VIS", "category"),
            (
                "ESO QC A LONG NAME OF A NUMBER O12",
                -0.000123456789012345678,
                "a comment that does not fit into the card",
            ),
            ("EXPTIME", 12.5, "[s]"),
            ("COUNT", np.int16(3)),
            ("FLAG", True),
            ("UNDEF", None),
            ("ESO PRO FAILED", LONG),
        ]
    )


@pytest.mark.parametrize("kind", ["f4", "f8", "i2", "i4", "u1"])
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("shape", [(70, 31), (7, 5)])  # odd numbers of pixels too
def test_astropy_reads_an_image_with_its_checksum(tmp_path, rng, kind, turned, shape):
    image = (100 * rng.random(shape)).astype(kind)
    write(tmp_path / "a.fits", [Hdu(cards(), "FLUX", image, turned), Hdu(name="QUAL", image=image)])
    with fits.open(tmp_path / "a.fits", checksum=True) as hdus:
        assert np.array_equal(hdus["FLUX"].data, image.T if turned else image)
        assert np.array_equal(hdus["QUAL"].data, image)
        assert hdus[0].header["OBJECT"] == "O'Neill"
        assert hdus[0].header["ESO PRO FAILED"] == LONG.rstrip()
        assert hdus[0].header["ESO QC A LONG NAME OF A NUMBER O12"] == pytest.approx(-0.000123456789, rel=1e-9)
        hdus.verify("exception")
    again = Opened(tmp_path / "a.fits")
    assert np.array_equal(again.image("flux", turned), image)
    assert {k: again.headers[0][k] for k in ("UNDEF", "FLAG", "COUNT")} == {"UNDEF": None, "FLAG": True, "COUNT": 3}
    assert again.headers[0]["ESO PRO FAILED"] == LONG.rstrip()


def test_astropy_reads_a_table_with_its_checksum(tmp_path, rng):
    columns = dict(
        order=np.arange(7, dtype=np.int16),
        flux=rng.random(7),
        pair=rng.random((7, 3)).astype(np.float32),
        name=np.array(["a", "bc", "def", "", "e", "f", "g"]),
        used=np.arange(7) % 2 == 0,
    )
    write(tmp_path / "t.fits", [Hdu(cards()), Hdu(name="LINES", columns=columns, units={"flux": "electron"})])
    again = Opened(tmp_path / "t.fits").table("LINES")
    with fits.open(tmp_path / "t.fits", checksum=True) as hdus:
        hdus.verify("exception")
        assert hdus["LINES"].columns["flux"].unit == "electron"
        for name, values in columns.items():
            assert np.array_equal(hdus["LINES"].data[name], values), name
            assert np.array_equal(again[name], values), name
            assert again[name].dtype.isnative


def test_tables_of_astropy_are_read(tmp_path, rng):
    values = rng.random((4, 6))
    fits.BinTableHDU.from_columns(
        [
            fits.Column("A", "6D", array=values, dim="(3,2)"),
            fits.Column("B", "3A", array=np.array(["x", "yy", "", "z"])),
        ]
    ).writeto(tmp_path / "t.fits")
    again = Opened(tmp_path / "t.fits").table(1)
    assert np.array_equal(again["A"], values.reshape(4, 2, 3))
    assert list(again["B"]) == ["x", "yy", "", "z"]


def test_the_code_of_a_checksum_is_that_of_the_standard():
    assert encoded(0xFFFFFFFF & ~868229149) == "hcHjjc9ghcEghc9g"  # FITS standard 4.0, appendix J


@pytest.mark.parametrize("what", ["not FITS", "header", "data"])
def test_what_is_no_whole_file_is_refused(tmp_path, rng, what):
    path = tmp_path / "a.fits"
    write(path, [Hdu(cards(), "FLUX", rng.random((50, 50)))])
    content = path.read_bytes()
    path.write_bytes({"not FITS": b"hello" * 900, "header": content[:2000], "data": content[:-2880]}[what])
    with pytest.raises(OSError):
        Opened(path)


@pytest.mark.parametrize("kind", [np.int16, np.uint16, np.int32, np.float32])
@pytest.mark.parametrize("packing", ["plain", "gz", "rice", "strips", "gzip tiles"])
def test_packed_images_as_astropy_reads_them(tmp_path, rng, kind, packing):
    image = (1000 + 30 * rng.standard_normal((45, 64))).astype(kind)
    image[20, 30] = 30000  # a pixel the compression stores as it is
    path = tmp_path / f"a.fits{'.gz' if packing == 'gz' else ''}"
    tiles = dict(tile_shape=(16, 64)) if packing == "strips" else {}
    kind_of_tile = "GZIP_1" if packing == "gzip tiles" else "RICE_1"
    hdu = (
        fits.PrimaryHDU(image)
        if packing in ("plain", "gz")
        else fits.CompImageHDU(image, compression_type=kind_of_tile, **tiles)
    )
    hdu.header["EXPTIME"] = (12.5, "[s]")
    (hdu if packing in ("plain", "gz") else fits.HDUList([fits.PrimaryHDU(), hdu])).writeto(path)
    header, found = packed.read_image(path)
    with fits.open(path) as hdus:
        expected = np.asarray(hdus[-1].data, np.float32)
    assert np.array_equal(found, expected) and found.dtype == np.float32
    assert (header["EXPTIME"], header["NAXIS1"], header["NAXIS2"]) == (12.5, 64, 45)
    assert not any(k.startswith("Z") or k.startswith("TFORM") for k in header)


def test_a_file_without_image_says_so(tmp_path):
    write(tmp_path / "a.fits", [Hdu(cards())])
    with pytest.raises(ReductionError, match="holds no image"):
        packed.read_image(tmp_path / "a.fits")


@pytest.mark.parametrize("kind", ["u1", "u2", "f4", "f8"])
def test_a_turned_part_of_an_image_is_its_transpose(rng, kind):
    image = rng.normal(100, 9, (130, 37)).astype(kind)
    part = image[3:120, 5:-1]
    assert np.array_equal(turn(image, slice(3, 120), slice(5, -1)), part.T)
    assert turn(image, slice(3, 120), slice(5, -1), swap=True).tobytes() == part.T.byteswap().tobytes()
