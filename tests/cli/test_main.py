"""The command `soxs`."""

import os
import subprocess
import sys
from datetime import datetime, timedelta

import pytest
from stubs import make_night

from soxslib import __version__
from soxslib.cli.main import main


@pytest.fixture
def night(tmp_path):
    here = os.getcwd()
    for stub in make_night(("VIS",), standard=False):
        stub.write(tmp_path / "raw")
    yield tmp_path
    os.chdir(here)


def test_init_writes_what_snakemake_needs_and_keeps_what_is_there(tmp_path, capsys):
    assert main(["init", str(tmp_path / "night")]) == 0
    names = {str(p.relative_to(tmp_path / "night")) for p in (tmp_path / "night").rglob("*") if p.is_file()}
    assert names == {"Snakefile", "config.yaml", "profiles/default/config.yaml", "slurm/config.yaml"}
    (tmp_path / "night" / "config.yaml").write_text("raw: [x]\n")
    main(["init", str(tmp_path / "night")])
    assert (tmp_path / "night" / "config.yaml").read_text() == "raw: [x]\n"
    assert "kept" in capsys.readouterr().out


def test_plan_names_calibrations_their_age_and_what_is_missing(night, capsys):
    assert main(["plan", str(night)]) == 0
    text = capsys.readouterr().out
    assert "2026-01-27 VIS nod SN1" in text and "8.2 h earlier" in text
    assert "no response: flux standard of VIS not observed" in text


def test_plan_tells_bad_files(night, capsys):
    (night / "raw" / "empty.fits").write_bytes(b"")
    main(["plan", str(night)])
    assert "empty.fits: is empty (0 bytes)" in capsys.readouterr().out


def test_a_mistake_is_one_line(night, capsys):
    (night / "config.yaml").write_text("rwa: x\n")
    assert main(["plan", str(night)]) == 1
    assert capsys.readouterr().err == "soxs: config: rwa is not a key; did you mean 'raw'?\n"


def test_version_and_help_are_there_at_once():
    start = datetime.now()
    done = subprocess.run([sys.executable, "-m", "soxslib", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"soxs {__version__}\n"
    assert datetime.now() - start < timedelta(seconds=5)  # no heavy import: 0.1 s on an idle machine
    for command in ([], ["init"], ["plan"]):
        with pytest.raises(SystemExit) as caught:
            main([*command, "--help"])
        assert caught.value.code == 0
