"""A small simulated night with every kind of bad file in it, reduced by the workflow as a user runs it.

What is right comes from the simulator's truth, which only the test reads.
"""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from astropy.io import fits

pytestmark = pytest.mark.night
SNAKEMAKE = [sys.executable, "-m", "snakemake", "--cores", "2"]


def run(command, folder, ok=True):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    text = done.stdout + done.stderr
    assert (done.returncode == 0) == ok, text[-3000:]
    return text


def soxs(*arguments, folder="."):
    return run([sys.executable, "-m", "soxslib", *arguments], folder)


def checksums(folder, pattern):
    return {p.name: hashlib.md5(p.read_bytes()).hexdigest() for p in sorted(folder.glob(pattern))}


def products(night):
    """Bytes of every product: the same input must give the same ones."""
    return {str(p.relative_to(night)): hashlib.md5(p.read_bytes()).hexdigest() for p in night.glob("reduced/**/*.fits")}


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


@pytest.fixture(scope="module")
def reduced(tmp_path_factory):
    """(night, reasons of the bad files, output of the run): VIS, reduced once."""
    night = tmp_path_factory.mktemp("nights") / "night"
    soxs("simulate", str(night), "--small", "--arms", "VIS", "--seed", "7", folder=night.parent)
    reasons = spoil(night / "raw")
    before = checksums(night / "raw", "*")
    soxs("init", str(night), folder=night.parent)
    text = run(SNAKEMAKE, night, ok=False)  # bad science frames are told, so the run does not end well
    assert checksums(night / "raw", "*") == before
    return night, reasons, text


def test_bad_files_are_told_in_one_line_each_and_the_rest_is_reduced(reduced):
    night, reasons, text = reduced
    assert "Traceback" not in text
    for name, words in reasons.items():
        lines = [line for line in (night / "summary.txt").read_text().splitlines() if name in line]
        assert any(words in line for line in lines), (name, lines)
    assert len(list(night.glob("reduced/*/*/*_FLUXCAL.fits"))) >= 2


def test_spectra_agree_with_the_truth(reduced, tmp_path):
    night, _, _ = reduced
    soxs("accuracy", str(night), "--json", str(tmp_path / "a.json"))
    content = json.loads((tmp_path / "a.json").read_text())
    nodded = [s for s in content["spectra"] if s["mode"] in ("nodding", "stare") and s["arm"] == "VIS"]
    assert nodded
    for spectrum in nodded:
        orders = spectrum["orders"].values()
        assert len(orders) == 4
        value = lambda name, orders=orders: np.array([o[name] for o in orders])
        assert np.all(value("cover") > 0.98)
        assert np.all(np.abs(value("counts") - 1) < 0.03)
        assert np.median(value("snr")) > 0.90  # of an extraction that knows sky and profile
        assert abs(np.median(value("pull")) - 1) < 0.06  # a thousand pixels an order tell it to 0.03
    maps = [o for m in content["maps"] for o in m["orders"].values()]
    assert all(o["wavelength_px"] < 0.02 for o in maps)


def test_a_second_run_has_nothing_to_do_and_a_lost_product_comes_back_the_same(reduced):
    night, _, _ = reduced
    assert "Nothing to be done" in run(SNAKEMAKE, night, ok=False)
    before = products(night)
    lost = next(night.glob("reduced/*/master_bias/*.fits"))
    lost.unlink()
    run([*SNAKEMAKE, str(lost.relative_to(night))], night)
    assert products(night)[str(lost.relative_to(night))] == before[str(lost.relative_to(night))]


def test_a_run_killed_in_the_middle_goes_on_with_the_same_command(reduced, tmp_path):
    night, _, _ = reduced
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "raw").mkdir()
    for path in (night / "raw").glob("SOXS*"):
        os.link(path, copy / "raw" / path.name)
    soxs("init", str(copy), folder=tmp_path)
    quiet = dict(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with subprocess.Popen(SNAKEMAKE, cwd=copy, start_new_session=True, **quiet) as process:
        while not list(copy.glob("reduced/*/master_bias/*.fits")):
            assert process.poll() is None
            time.sleep(0.1)
        time.sleep(2)  # by now steps of the second generation are at work
        os.killpg(process.pid, signal.SIGKILL)
    run(SNAKEMAKE, copy)
    assert not list(copy.glob("reduced/**/.*partial*"))
    whole, again = products(night), products(copy)
    assert again == whole
    shutil.rmtree(copy)
