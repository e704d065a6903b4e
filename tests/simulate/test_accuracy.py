"""Perfect spectra score perfectly, spoiled ones show how they were spoiled."""

import numpy as np
import pytest

from soxslib.cli.main import main
from soxslib.simulate.accuracy import Truth, measure_order

STEP_NM = 0.04


@pytest.fixture
def truth():
    wave = 500 + STEP_NM * np.arange(2000.0)
    lines = sum(np.exp(-0.5 * ((wave - c) / 0.06) ** 2) for c in np.arange(504, 578, 6.1))
    counts = 900 * (1 - ((wave - 540) / 50) ** 2) * (1 + 2 * lines)
    snr = counts / np.sqrt(counts + 10 * 3.5**2)
    one = np.ones(wave.size)
    return Truth(wave, STEP_NM * one, counts, snr, one, counts > 150, counts, np.arange(2000.0))


def measured(truth, rng, *, shift_px=0.0, scale=1.0, quoted=1.0):
    sigma = truth.counts / truth.snr
    flux = np.interp(truth.wavelength_nm - shift_px * STEP_NM, truth.wavelength_nm, truth.counts) + rng.normal(0, sigma)
    good = np.ones(sigma.size, bool)
    return measure_order(truth.wavelength_nm, truth.pixel_nm, scale * flux, quoted * scale * sigma, good, truth)


def test_a_perfect_spectrum_is_ideal(truth, rng):
    out = measured(truth, rng)
    n = truth.counts.size
    assert out["cover"] == 1
    assert out["counts"] == pytest.approx(1, abs=0.01)
    assert out["pull"] == pytest.approx(1, abs=5 * 1.17 / np.sqrt(n))
    assert out["snr"] == pytest.approx(1, abs=5 * 1.17 / np.sqrt(n / 8))
    assert abs(out["shift_px"]) < 5 * out["shift_error_px"]


def test_faults_are_seen(truth, rng):
    assert measured(truth, rng, shift_px=0.2)["shift_px"] == pytest.approx(0.2, abs=0.05)  # px, 5 sigma
    assert measured(truth, rng, scale=1.05)["counts"] == pytest.approx(1.05, abs=0.01)
    assert measured(truth, rng, quoted=2.0)["pull"] == pytest.approx(0.5, abs=0.05)


def test_a_night_that_is_not_reduced_yet_is_told(tmp_path, capsys):
    (tmp_path / "truth").mkdir()
    (tmp_path / "truth" / "index.json").write_text('{"frames": {}}')
    assert main(["accuracy", str(tmp_path)]) != 0
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "no spectrum or wavelength map" in line and "snakemake" in line
