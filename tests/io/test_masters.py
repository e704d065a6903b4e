import numpy as np
import pytest

from soxslib.datamodel import Frame, MasterBias, MasterDark, MasterFlat, OrderEdges
from soxslib.errors import ReductionError
from soxslib.io import masters
from soxslib.io.cards import Header
from soxslib.io.flats import read_master_flat, write_master_flat
from soxslib.io.masters import read_master_bias, read_master_dark, read_master_darks, write_master
from soxslib.io.products import read_frame, write_frame
from soxslib.job import Job
from tests.helpers import detector_frames as made


def header(arm="VIS"):
    out = Header()
    cards = {"INSTRUME": "SOXS", "EXPTIME": 30.0, "MJD-OBS": 61067.0, "ESO SEQ ARM": arm, "ESO DPR CATG": "CALIB"}
    cards |= {"ESO DPR TYPE": "DARK", "ESO DPR TECH": "IMAGE", "ESO DET BIN1": 1, "ESO DET OUT1 CONAD": 1.1}
    for key, value in cards.items():
        out[f"HIERARCH {key}" if len(key) > 8 else key] = value
    return out


def frame(rng):
    quality = rng.integers(0, 8, made.SHAPE).astype(np.uint16)
    return Frame(rng.normal(size=made.SHAPE), rng.uniform(1, 2, made.SHAPE), quality, made.exposure())


def assert_same_frame(one, two):
    np.testing.assert_array_equal(one.flux, two.flux)
    np.testing.assert_allclose(one.variance, two.variance, rtol=1e-6)
    np.testing.assert_array_equal(one.quality, two.quality)


@pytest.mark.parametrize("level", [1100.5, None])
def test_a_bias_comes_back_as_it_was(rng, tmp_path, level):
    master = MasterBias(frame(rng), 3.79, level)
    write_master(tmp_path / "bias.fits", master, header())
    back = read_master_bias(tmp_path / "bias.fits")
    assert_same_frame(back.frame, master.frame)
    assert (back.read_noise_e, back.level_e) == (3.79, level)


def test_a_dark_knows_its_time_and_noise(rng, tmp_path):
    write_master(tmp_path / "dark.fits", MasterDark(frame(rng), 7.25), header("NIR"))
    back = read_master_dark(tmp_path / "dark.fits")
    assert (back.exposure_s, back.read_noise_e) == (30.0, 7.25)


def test_a_master_without_its_noise_is_refused(rng, tmp_path):
    write_frame(tmp_path / "dark.fits", frame(rng), header("NIR"))
    with pytest.raises(ReductionError, match="ESO PRO RON is missing; make the master again"):
        read_master_dark(tmp_path / "dark.fits")


def test_a_flat_comes_back_with_its_tables(rng, tmp_path):
    trace = made.trace()
    moved = lambda d: {o: c + np.r_[d, 0, 0, 0] for o, c in trace.centre.items()}
    edges = OrderEdges("VIS", trace.along_px, moved(-16.0), moved(16.0), trace.limits)
    blaze = {o: rng.uniform(1, 9, made.SHAPE[1]).astype(np.float32) for o in made.ORDERS}
    slit = {o: (np.linspace(0, 1, 5, dtype=np.float32), np.ones(5, np.float32)) for o in made.ORDERS}
    write_master_flat(tmp_path / "flat.fits", MasterFlat(frame(rng), edges, blaze, slit), header())
    back = read_master_flat(tmp_path / "flat.fits")
    for order in made.ORDERS:
        np.testing.assert_array_equal(back.blaze[order], blaze[order])
        np.testing.assert_array_equal(back.slit[order][0], slit[order][0])
        lower, upper = back.edges_on_frame()[order]
        np.testing.assert_allclose(upper - lower, 32.0)
        np.testing.assert_allclose((upper + lower) / 2, made.centre(order, np.arange(made.SHAPE[1])), atol=1e-3)


def darks_on_disk(rng, folder, noise):
    """Paths of darks {seconds: read noise}."""
    paths = []
    for seconds, e in noise.items():
        cards = header("NIR")
        cards["EXPTIME"] = seconds
        paths.append(str(folder / f"dark{seconds:g}.fits"))
        write_master(paths[-1], MasterDark(frame(rng), e), cards)
    return paths


def job_of(paths, *seconds):
    job = Job("stare", {"master_dark": paths}, {}, {})
    job.exposures = [made.exposure("NIR", exposure_s=s) for s in seconds]
    return job


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [([10.0], [10]), ([10.1, 60.0], [10, 60]), ([40.0], [10, 60]), ([600.0], [300]), ([5.0, 100.0], [10, 60, 300])],
)
def test_only_darks_that_the_frames_need_are_read(rng, tmp_path, seconds, expected):
    job = job_of(darks_on_disk(rng, tmp_path, {10.0: 7.0, 60.0: 7.2, 300.0: 8.0}), *seconds)
    darks = read_master_darks(job, 0.02)
    assert [d.exposure_s for d in darks] == expected
    assert {d.read_noise_e for d in darks} == {7.2}  # of all three
    assert [p.split("dark")[-1] for p, _ in job.used] == [f"{s}.fits" for s in expected]


def test_a_dark_that_cannot_be_read_is_passed_over(rng, tmp_path, monkeypatch):
    def read_but_the_first(path):
        if path == paths[0]:
            raise ReductionError("broken")
        return read_frame(path)

    paths = darks_on_disk(rng, tmp_path, {10.0: 7.0, 60.0: 7.2})
    monkeypatch.setattr(masters, "read_frame", read_but_the_first)
    job = job_of(paths, 10.0)
    assert [d.exposure_s for d in read_master_darks(job, 0.02)] == [60.0]
    assert job.passed_over == [(paths[0], "broken")]
    assert read_master_darks(job_of([], 10.0), 0.02) == []
