"""The night that all these tests share: simulated with bad files in it, and reduced once."""

import pytest
from astropy.io import fits
from real_night import SNAKEMAKE, checksums, run, soxs


def spoil(raw):
    """Bad files beside the good ones; {name: words of the reason that a user must read}."""
    good = next(p for p in sorted(raw.glob("*.fits.fz")) if fits.getval(p, "ESO DPR TYPE", 1) == "OBJECT")
    header, data = fits.getheader(good, 1), fits.getdata(good, 1)

    def frame(name, **cards):
        changed = fits.Header([c for c in header.cards if c.keyword not in ("CHECKSUM", "DATASUM")])
        for card, value in cards.items():
            if value is None:
                del changed[card]
            else:
                changed[card] = value
        hdu = fits.PrimaryHDU(data, fits.Header([c for c in changed.cards if not c.keyword.startswith(("Z", "XTEN"))]))
        hdu.writeto(raw / name, output_verify="silentfix")

    frame("whole.fits")
    (raw / "truncated.fits").write_bytes((raw / "whole.fits").read_bytes()[:2_000_000])
    (raw / "whole.fits").unlink()
    (raw / "empty.fits").touch()
    (raw / "text.fits").write_text("not a frame\n")
    frame("no_time.fits", EXPTIME=None)
    frame("word_time.fits", EXPTIME="long")
    frame("other.fits", INSTRUME="EFOSC")
    return {
        "truncated.fits": "bytes",
        "empty.fits": "empty",
        "text.fits": "FITS",
        "no_time.fits": "EXPTIME is missing",
        "word_time.fits": "EXPTIME holds 'long'",
        "other.fits": "EFOSC",
    }


@pytest.fixture(scope="session")
def reduced(tmp_path_factory):
    """(night, reasons of the bad files, output of the run): VIS, reduced once; tests change copies of it only."""
    night = tmp_path_factory.mktemp("nights") / "night"
    soxs("simulate", str(night), "--small", "--arms", "VIS", "--seed", "7", folder=night.parent)
    reasons = spoil(night / "raw")
    before = checksums(night / "raw")
    soxs("init", str(night), folder=night.parent)
    text = run(SNAKEMAKE, night, ok=False)  # bad science frames are told, so the run does not end well
    assert checksums(night / "raw") == before
    return night, reasons, text
