"""A night's frames are read back as the pipeline reads them and compared with what was asked of them."""

import dataclasses

import numpy as np
import pytest

from soxslib.io.raw import read_raw
from soxslib.io.raw_writing import raw_header, write_raw
from soxslib.simulate import index, truth
from soxslib.simulate.detector import expose
from soxslib.simulate.headers import raw_cards
from soxslib.simulate.make import bench_of, packing, raw_image
from soxslib.simulate.night import demonstration_night


@pytest.fixture(scope="module")
def night():
    return demonstration_night(arms=["VIS", "NIR"])


def written(frame, folder, suffix=".fits"):
    """The RawFrame of a frame without light, after a trip over the disk."""
    bench = bench_of("SOXS", frame.shot.arm, 1)
    shot, rng = frame.shot, np.random.default_rng(2)
    electrons, _ = expose(
        bench.detector, None, rng, exposure_s=shot.exposure_s, binning=shot.binning, shuttered=shot.exposure_s == 0
    )
    path = folder / (frame.name + suffix)
    write_raw(path, raw_image(bench, electrons, shot, rng), raw_cards(frame, "SOXS"))
    return bench, read_raw(path)


def test_no_two_frames_share_a_name(night):
    assert len({f.name for f in night}) == len(night)


def test_every_frame_tells_its_kind(night):
    from soxslib.io.keywords import exposure_of

    for frame in night:
        exposure = exposure_of(raw_header(raw_cards(frame, "SOXS")), frame.name)
        assert (exposure.arm, exposure.exposure_s, exposure.slit) == (
            frame.shot.arm,
            frame.shot.exposure_s,
            frame.shot.slit,
        )
        assert exposure.ndit == frame.shot.ndit
        assert (exposure.rotator_deg is None) == (frame.shot.rotator_deg is None)
        if frame.shot.on_sky:
            assert exposure.airmass == pytest.approx(frame.shot.airmass)
            assert exposure.nod_offset_arcsec == frame.nod_arcsec
        if frame.sky_offset_arcsec is not None:
            assert (exposure.sky_offset_arcsec == 0) == bool(frame.shot.targets)


@pytest.mark.parametrize("suffix", [".fits", ".fits.fz", ".fits.gz"])
def test_a_bias_holds_its_level_and_read_noise(night, tmp_path, suffix):
    bench, raw = written(next(f for f in night if f.shot.role == "bias"), tmp_path, suffix)
    facts = bench.detector.facts
    assert np.median(raw.adu) == pytest.approx(facts["bias_adu"], abs=2)  # a frame's level moves by 0.5 ADU
    noise_adu = np.hypot(facts["read_noise_e"] / facts["gain_e_adu"], 1 / np.sqrt(12))
    assert raw.overscan.std() == pytest.approx(noise_adu, rel=0.01)
    structure = raw.adu - bench.detector.pedestal_adu
    assert structure.std() == pytest.approx(noise_adu, rel=0.01)


def test_a_dark_has_its_hot_pixels(night, tmp_path):
    bench, raw = written(next(f for f in night if f.shot.role == "dark"), tmp_path)
    hot = bench.detector.hot_e > 1000
    assert np.all(raw.adu[hot] * bench.detector.facts["gain_e_adu"] > 800)


def test_binned_frames_are_binned_as_their_header_says(night, tmp_path):
    bias = next(f for f in night if f.shot.role == "bias")
    bias = dataclasses.replace(bias, shot=dataclasses.replace(bias.shot, binning=(2, 1)))
    _, raw = written(bias, tmp_path)
    assert raw.exposure.binning == (2, 1)
    assert raw.adu.shape == (404, 4096)
    assert raw.overscan.shape[0] == 25


def test_lamps_do_not_saturate_binned_pixels():
    flats = [f for f in demonstration_night(arms=["VIS"], binning=(2, 2)) if f.shot.slit == "SLIT5.0" and f.shot.lamps]
    brightest = next(f.shot for f in flats if f.shot.lamps == ("QTH",))
    bench, rng = bench_of("SOXS", "VIS", 1), np.random.default_rng(2)
    light = bench.light_of(brightest).image
    electrons, _ = expose(bench.detector, light, rng, exposure_s=brightest.exposure_s, binning=(2, 2))
    most = np.iinfo(np.uint16).max  # of the converter
    assert 0.3 * most < raw_image(bench, electrons, brightest, rng).max() < most


def test_truth_of_a_sky_frame_hangs_together(night):
    frame = next(f for f in night if f.shot.role == "science_stare" and f.shot.arm == "VIS")
    bench = bench_of("SOXS", "VIS", 1)
    light = bench.light_of(frame.shot)
    out = truth.frame_truth(bench, frame, light, np.zeros(bench.shape, np.float32))
    for n in light.solution:
        k = out["map_order"] == n
        x, y = light.solution[n].position(out["map_wavelength_nm"][k], out["map_slit_arcsec"][k])[::-1]
        assert np.abs(x - out["map_x"][k]).max() < 1e-3  # px
        assert np.abs(y - out["map_y"][k]).max() < 1e-3
        counts, usable = out[f"order{n}_target0_counts"], out[f"order{n}_usable"]
        seen = light.orders[n].targets[0]
        assert seen.light.sum(axis=0)[usable].sum() == pytest.approx(counts[usable].sum(), rel=0.01)
        # photon noise alone limits the ideal extraction
        assert np.all(out[f"order{n}_snr_ideal"][usable] < 1.02 * np.sqrt(counts[usable]))
    sky = light.image.T.ravel()[out["sky_index"]]
    parts = out["sky_sky"] + out["sky_object"] + out["sky_scattered"]
    np.testing.assert_allclose(sky, parts, rtol=1e-4)


def test_the_index_knows_flexure_and_observations(night):
    benches = {arm: bench_of("SOXS", arm, 1) for arm in ("VIS", "NIR")}
    content = index.index_of(night, {f.name: f"{f.name}.fits" for f in night}, benches)
    assert {(o["mode"], o["kind"]) for o in content["observations"]} == {
        ("nodding", "standard"), ("nodding", "science"), ("stare", "science"), ("offset", "science"),
    }  # fmt: skip
    stare = next(f for f in night if f.shot.role == "science_stare" and f.shot.arm == "VIS")
    by_day = min(a for a in content["flexure"][stare.name])
    moved = content["flexure"][stare.name][by_day]
    assert 0.3 < abs(moved["1"]["dy_px"]) < 3
    assert np.sign(moved["2"]["dy_px"]) != np.sign(moved["1"]["dy_px"])


def test_another_seed_is_another_night():
    first, second = (bench_of("SOXS", "VIS", seed).solution[1].position(600.0, 0.0) for seed in (1, 2))
    assert np.hypot(*np.subtract(first, second)) > 0.1
    assert {packing(i, "plain") for i in range(20)} == {".fits"}
