"""`soxs explain` and `soxs sof` on a made-up night: what they print is what its sidecars hold."""

from types import SimpleNamespace

import pytest
from made_up_report import MadeUpNight

from soxslib.catalogue.ancestry import origin_of
from soxslib.cli import explain, sof
from soxslib.errors import ReductionError

STEM = "reduced/2026-01-27/stare/20260128T010000_VIS_STARE_OBJ_SN000"


@pytest.fixture
def night(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return MadeUpNight(targets=1, arms=("VIS",), stride=20)


def test_explain_tells_frames_states_and_what_was_passed_over(night):
    text = "\n".join(explain.explain_lines(f"{STEM}_EXTRACTED_MERGED.fits"))
    assert "raw: 20260128T010000_VIS_STARE_OBJ_SN000.fits" in text
    assert "passed over: reduced/2026-01-27/master_flat/20260127T160000_VIS_MFLAT.fits: SATURATED FRAC is 0.4" in text
    assert "    reduced/2026-01-27/master_flat/20260127T170000_VIS_MFLAT.fits  (8.0 h earlier)" in text
    assert "master_flat, VIS: pass" in text


@pytest.mark.parametrize(
    ("ending", "sidecar"),
    [
        ("_EXTRACTED_ORDERS.fits", ".qc.json"),
        ("_EXTRACTED_MERGED.txt", ".qc.json"),
        ("_FLUXCAL.fits", "_FLUXCAL.qc.json"),
        ("_2D.fits", "_FLUXCAL.qc.json"),
        (".qc.json", ".qc.json"),
    ],
)
def test_every_kind_of_product_finds_its_sidecar(night, ending, sidecar):
    assert origin_of(STEM + ending).sidecar_path == STEM + sidecar


def test_a_set_of_files_names_frames_and_used_calibrations(night, capsys):
    assert sof.main(SimpleNamespace(file=f"{STEM}_FLUXCAL.fits", output=None)) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if not line.startswith("#")]
    assert [words[0] for words in lines] == [
        "20260128T010000_VIS_STARE_OBJ_SN000.fits",
        "reduced/2026-01-27/master_flat/20260127T170000_VIS_MFLAT.fits",
    ]


def test_a_file_that_is_no_product_is_told(tmp_path):
    with pytest.raises(ReductionError, match="is no product; name a file below the reduced/"):
        explain.main(SimpleNamespace(file=str(tmp_path / "a.fits")))
