"""One spectrum of both arms: what is scaled, what is left and told, and what the product says. Right answers: what was put in."""

import json
import runpy
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from stubs import Stub

from soxslib.config.settings import settings_for
from soxslib.datamodel import MergedSpectrum
from soxslib.errors import ReductionError
from soxslib.io.cards import Header
from soxslib.io.hdus import Hdu, write
from soxslib.io.products import read_header, read_table, write_tombstone
from soxslib.io.spectra import read_merged, write_merged
from soxslib.recipes.both_arms import both_arms

ROOT = Path(__file__).resolve().parents[2]
BANDS = np.array([[811.0, 836.0]])
GRIDS = {"VIS": (700.0, 851.0, 0.02), "NIR": (796.0, 1000.0, 0.04)}


def settings(**changes):
    return SimpleNamespace(**settings_for("both_arms", "BOTH", changes))


def spectrum(arm, level=1.0, sigma=0.05, **facts):
    wave = np.round(np.arange(*GRIDS[arm]), 6)
    flux = np.random.default_rng(len(arm) + wave.size).normal(level, sigma, wave.size)
    error, zero = np.full(wave.size, sigma), np.zeros(wave.size)
    return MergedSpectrum(
        wave, flux, error, zero.astype(np.uint16), flux, (zero,), zero, True, 0.03 * np.abs(flux), **facts
    )  # fmt: skip


def pair(level=0.8, sigma=0.05):
    return {"NIR": spectrum("NIR", level, sigma), "VIS": spectrum("VIS")}


@pytest.mark.parametrize(("to", "arm", "scale"), [("vis", "NIR", 1.25), ("nir", "VIS", 0.8), ("none", "", 1.0)])
def test_an_arm_is_scaled_to_the_other(to, arm, scale):
    arms = pair()
    result = both_arms(arms, BANDS, settings(scale_arms=to))
    assert (result.names, result.scaled_arm, result.warnings) == (("VIS", "NIR"), arm, ())
    assert result.scale == pytest.approx(scale, rel=0.01)
    for number, name in enumerate(result.names, 1):
        factor, own = result.scale if name == arm else 1.0, arms[name]
        rows = np.isin(own.wavelength_nm, result.spectrum.wavelength_nm[result.arm == number])
        assert np.array_equal(result.spectrum.flux[result.arm == number], own.flux[rows] * factor)


@pytest.mark.parametrize(
    ("arms", "changes", "words"),
    [
        (pair(2.5), {}, "NIR over VIS is 2.50"),
        (pair(0.3), {}, "0.5 to 2, known to 10% is needed; the arms are not scaled"),
        (pair(1.0, sigma=30.0), {"max_scale": 100.0}, "the arms are not scaled"),
    ],
)
def test_a_ratio_that_is_not_to_be_trusted_is_told_and_left(arms, changes, words):
    result = both_arms(arms, BANDS, settings(**changes))
    assert (result.scaled_arm, result.scale) == ("", 1.0)
    (warning,) = result.warnings
    assert words in warning


def test_a_large_difference_is_scaled_and_told():
    result = both_arms(pair(0.6), BANDS, settings())
    assert result.scaled_arm == "NIR" and "look at slit, seeing and standards" in result.warnings[0]


def test_a_fixed_switch_stays_within_the_overlap():
    last = lambda **changes: both_arms(pair(), BANDS, settings(switch="fixed", **changes)).spectrum
    for asked, found in ((830.0, 830.0), (700.0, 796.0), (1200.0, 851.0)):
        result = both_arms(pair(), BANDS, settings(switch="fixed", switch_nm=asked))
        assert result.spectrum.wavelength_nm[result.arm == 2][0] == pytest.approx(found, abs=0.07)
    assert last().flux.size


def test_wavelengths_of_two_kinds_are_refused():
    arms = {"VIS": spectrum("VIS"), "NIR": spectrum("NIR", is_vacuum=True)}
    with pytest.raises(ReductionError, match="VIS in air, .* NIR in vacuum, .* give both arms the same settings"):
        both_arms(arms, BANDS, settings())


# --- the job ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def job(tmp_path, monkeypatch):
    """A function that runs the script on what lies in the folder, and gives its sidecar."""
    monkeypatch.chdir(tmp_path)
    raws, paths = [], []
    for arm, exposure_s in (("NIR", 300.0), ("VIS", 600.0)):
        start = datetime(2026, 1, 28, 1, 0, arm == "VIS")
        raw = Stub(arm, "OBJECT", start, exposure_s, "SLIT1.0", (), "ECHELLE,SLIT,STARE", "SN1")
        header = Header((key if len(key) <= 8 else f"HIERARCH {key}", value) for key, value in raw.header().items())
        Path("raw").mkdir(exist_ok=True)
        write(f"raw/{raw.name}", [Hdu(header, image=np.zeros((2, 2), np.float32))])
        raws.append(f"raw/{raw.name}")
        header["DATE-OBS"], header["HIERARCH ESO PRO REC1 RAW1 NAME"] = start.isoformat(), raw.name
        paths.append(f"x_{arm}_FLUXCAL.fits")
        write_merged(paths[-1], pair()[arm], header)
    outputs = {"fluxcal": "both_SPECTRUM.fits", "metrics": "both.qc.json"}
    params = {"arm": "BOTH", "stem": "both", "settings": settings_for("both_arms", "BOTH")}
    inputs = {"raw": raws, "spectra": paths}
    snakemake = SimpleNamespace(rule="both_arms", input=inputs, output=outputs, params=params, log=["log"])

    def run():
        runpy.run_path(str(ROOT / "scripts" / "both_arms.py"), init_globals={"snakemake": snakemake})
        return json.loads(Path(outputs["metrics"]).read_text())

    return run


def test_the_product_says_what_was_done(job):
    sidecar = job()
    value = {m["name"]: m["value"] for m in sidecar["metrics"]}
    header, table = read_header("both_SPECTRUM.fits"), read_table("both_SPECTRUM.fits")
    assert sidecar["status"] == "ok" and sidecar["used"] == ["x_NIR_FLUXCAL.fits", "x_VIS_FLUXCAL.fits"]
    assert value["ARM RATIO"] == pytest.approx(0.8, abs=5 * value["ARM RATIO ERROR"])
    assert value["ARM SCALE"] == 1 / value["ARM RATIO"] and value["ARM SCALED"] == "NIR"
    assert header["ESO QC ARM SCALE"] == value["ARM SCALE"] and header["ESO QC ARM SCALE ERROR"] > 0
    assert (header["EXPTIME"], header["ESO PRO ARM2 EXPTIME"], header["ESO SEQ ARM"]) == (600.0, 300.0, "VIS+NIR")
    assert header["ESO PRO CATG"] == "SCI_SLIT_FLUX_BOTH" and "ESO PRO MERGE STEP" not in header
    assert {"WAVE", "FLUX", "ERR", "QUAL", "SNR", "ARM", "COV1"} <= table.keys()
    assert set(table["ARM"]) == {1, 2} and np.all(np.diff(table["WAVE"]) > 0)
    merged, _ = read_merged("both_SPECTRUM.fits")
    assert merged.flux_calibrated and np.array_equal(merged.flux, table["FLUX"])


def test_specutils_reads_it(job):
    import warnings

    job()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        specutils = pytest.importorskip("specutils")
        found = specutils.Spectrum.read("both_SPECTRUM.fits")
    table = read_table("both_SPECTRUM.fits")
    np.testing.assert_allclose(found.flux.value, table["FLUX"])
    np.testing.assert_allclose(found.uncertainty.array, table["ERR"])
    np.testing.assert_allclose(found.spectral_axis.to_value("nm"), table["WAVE"])


def test_a_failed_arm_leaves_a_tombstone_that_says_so_in_one_line(job):
    write_tombstone("x_VIS_FLUXCAL.fits", "no trace was found")
    reason = job()["reason"]
    assert reason == "both_arms: needs the spectra of two arms; x_VIS_FLUXCAL.fits: was not made: no trace was found"
    with pytest.raises(ReductionError, match="no trace was found"):
        read_header("both_SPECTRUM.fits")
    sidecar = {"step": "flux_calibration", "status": "failed", "reason": "no trace at all"}
    Path("x_VIS_FLUXCAL.qc.json").write_text(json.dumps(sidecar))
    assert job()["reason"].endswith("x_VIS_FLUXCAL.fits: no trace at all")
