"""Nights that lack calibrations, or have spoiled ones: what comes out, and what the user is told.

What comes out is compared with the whole night, whose spectra are compared with the truth elsewhere.
"""

import json
from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits
from real_night import SNAKEMAKE, checksums, copy_of, names_of, run, soxs, told

from soxslib.io.raw_writing import write_raw
from soxslib.simulate.detector import expose
from soxslib.simulate.headers import raw_cards
from soxslib.simulate.make import bench_of, raw_image
from soxslib.simulate.night import demonstration_night

pytestmark = pytest.mark.night
ADVICE = "add raw frames, or another night's products with calibrations: in config.yaml"
CALIBRATIONS = ("bias", "single_pinhole_arc", "pinhole_flat", "flat", "multi_pinhole_arc")


def reduce(night, ok):
    """(output, summary) of a run that leaves the raw files alone."""
    before = checksums(night / "raw")
    text = run(SNAKEMAKE, night, ok=ok)
    assert checksums(night / "raw") == before
    assert "Traceback" not in text and 'File "' not in text
    summary = (night / "summary.txt").read_text()
    assert summary in text
    return text, summary


def borrow_response(night, other):
    """Lets a night without a standard use the response of another, as users are told to."""
    folder = next(other.glob("reduced/*/response"))
    (night / "config.yaml").write_text(f"calibrations: [{folder}]\n")


def ratio(night, other, ending, column="FLUX"):
    """(median, robust scatter) of a product of one night over that of the other."""
    mine, its = (
        next(t for t in (fits.getdata(p, 1) for p in n.glob(f"reduced/*/*/*{ending}"))) for n in (night, other)
    )
    common = np.intersect1d(mine["WAVE"].round(3), its["WAVE"].round(3))
    values = [t[column][np.isin(t["WAVE"].round(3), common)] for t in (mine, its)]
    r = values[0] / values[1]
    r = r[np.isfinite(r)]
    assert r.size > 10_000
    return np.median(r), 1.4826 * np.median(np.abs(r - np.median(r)))


def test_without_flats_spectra_come_out_with_the_pixels_response_in_them(reduced, tmp_path):
    night = copy_of(reduced[0], tmp_path / "copy", without=["flat", "SIM-SNIIN"])
    text, summary = reduce(night, ok=True)
    assert "10 of 10 tasks made, 2 spectra flux-calibrated" in summary
    told(summary, "1 stare, 1 nod: no master flat: flat of VIS not observed", ADVICE)
    told(summary, "stare", "SIM-R16", "no usable master flat; the pixels' response stays in the spectrum")
    middle, scatter = ratio(night, reduced[0], "SIM-R16_FLUXCAL.fits")
    assert abs(middle - 1) < 0.02 and 0.001 < scatter < 0.1


def test_without_biases_the_overscan_serves(reduced, tmp_path):
    night = copy_of(reduced[0], tmp_path / "copy", without=["bias", "LTT3218", "SIM-SNIIN"])
    borrow_response(night, reduced[0])
    text, summary = reduce(night, ok=True)
    assert "8 of 8 tasks made, 1 spectrum flux-calibrated" in summary
    told(summary, "2 master_flat, 2 spatial_solution, 1 stare: no master bias: bias of VIS not observed", ADVICE)
    told(summary, "stare", "SIM-R16", "no usable master bias; the pedestal is taken from the overscan alone")
    middle, _ = ratio(night, reduced[0], "SIM-R16_FLUXCAL.fits")
    assert abs(middle - 1) < 0.02


def test_without_a_standard_counts_come_out_and_a_response_from_elsewhere_calibrates_them(reduced, tmp_path):
    night = copy_of(reduced[0], tmp_path / "copy", without=["LTT3218"])
    for path in night.glob("reduced/*/*/*SIM-R16_FLUXCAL.fits"):
        path.unlink()
    text, summary = reduce(night, ok=False)
    assert "9 of 9 tasks made, 0 spectra flux-calibrated" in summary
    for name in ("SIM-R16", "SIM-SNIIN"):
        told(summary, f"{name}: no response: flux standard of VIS not observed; {ADVICE}")
    assert text.rstrip().endswith("Error: 2 of the things asked for could not be made; summary.txt tells why")
    assert len(list(night.glob("reduced/*/*/*SIM-*_EXTRACTED_MERGED.fits"))) == 2
    borrow_response(night, reduced[0])
    _, summary = reduce(night, ok=True)
    assert "11 of 11 tasks made, 2 spectra flux-calibrated" in summary
    assert ratio(night, reduced[0], "SIM-R16_FLUXCAL.fits") == (1.0, 0.0)


def test_science_frames_alone_cannot_be_reduced_and_each_says_why(reduced, tmp_path):
    night = copy_of(reduced[0], tmp_path / "copy", without=[*CALIBRATIONS, "LTT3218"])
    shown = run([*SNAKEMAKE, "-n"], night)
    text, summary = reduce(night, ok=False)
    assert "0 of 0 tasks made, 0 spectra flux-calibrated" in summary
    for name in ("SIM-R16", "SIM-SNIIN"):
        for where in (shown, summary):
            told(where, f"{name}: no spatial solution: multi pinhole arc of VIS not observed; {ADVICE}")


def test_an_empty_directory_says_so(tmp_path):
    soxs("init", "night", folder=tmp_path)
    text = run(SNAKEMAKE, tmp_path / "night", ok=False)
    summary = (tmp_path / "night" / "summary.txt").read_text()
    for where in (text, summary):
        told(where, "no raw frame found; put them into raw/ or name their place with raw: in config.yaml")
    assert "Traceback" not in text


def saturate(night):
    """The night's single-pinhole arc, exposed a hundred times longer, in place of the good one; the new file's name."""
    frame = next(f for f in demonstration_night(arms=["VIS"], small=True) if f.shot.role == "single_pinhole_arc")
    frame = replace(frame, shot=replace(frame.shot, exposure_s=100 * frame.shot.exposure_s))
    bench, rng = bench_of("SOXS", "VIS", 7), np.random.default_rng(1)
    electrons, _ = expose(bench.detector, bench.light_of(frame.shot).image, rng, exposure_s=frame.shot.exposure_s)
    name = f"{frame.name}.fits"
    write_raw(night / "raw" / name, raw_image(bench, electrons, frame.shot, rng), raw_cards(frame, "SOXS"))
    return name


def test_a_saturated_arc_is_told_and_the_rest_is_reduced_as_well(reduced, tmp_path):
    night = copy_of(reduced[0], tmp_path / "copy", without=["single_pinhole_arc", "LTT3218", "SIM-SNIIN"])
    borrow_response(night, reduced[0])
    name = saturate(night)
    assert names_of("single_pinhole_arc") == [name.removesuffix(".fits")]
    text, summary = reduce(night, ok=False)
    assert "8 of 9 tasks made, 1 spectrum flux-calibrated" in summary
    told(summary, "dispersion_solution", f"{name}: is saturated: ", "expose shorter or exclude the frame")
    assert text.rstrip().endswith("Error: 1 of the things asked for could not be made; summary.txt tells why")
    middle, scatter = ratio(night, reduced[0], "SIM-R16_FLUXCAL.fits")
    assert abs(middle - 1) < 0.01 and scatter < 0.01
    soxs("accuracy", str(reduced[0]), str(night / "reduced"), "--json", str(tmp_path / "a.json"))
    maps = json.loads((tmp_path / "a.json").read_text())["maps"]
    assert len(maps) == 2 and all(o["wavelength_px"] < 0.02 for m in maps for o in m["orders"].values())
    # the frame taken out, as the message says: the run ends well
    (night / "config.yaml").write_text((night / "config.yaml").read_text() + f"exclude: [{name}]\n")
    _, summary = reduce(night, ok=True)
    told(summary, "no dispersion solution: excluded by the config (1 frame)")
