"""Jobs in a conda environment: with a stand-in for conda, which cannot be had everywhere, Snakemake's own part is real.

The stand-in makes an environment whose python is this one and says so in a file; what it is asked for is what counts.
"""

import re
import sys
import tomllib

import pytest
import yaml
from packaging.requirements import Requirement
from stub_workflow import ROOT, StubNight
from stubs import make_night

CONDA = """#!/bin/sh
case "$*" in
  "info --json") echo '{{"conda_prefix": "{base}", "platform": "linux-64"}}' ;;
  "--version") echo "conda 25.1.0" ;;
  config*) echo '{{"get": {{"channel_priority": "strict"}}}}' ;;
  "env create"*)
    while [ "$1" != --file ] && [ "$1" != -f ] && [ "${{1#--file=}}" = "$1" ]; do shift; done
    [ "${{1#--file=}}" = "$1" ] && file=$2 || file=${{1#--file=}}
    for word in "$@"; do case $last in --prefix|-p) prefix=$word ;; esac; last=$word; done
    eval file=$file prefix=$prefix
    mkdir -p "$prefix/bin" "$prefix/conda-meta"
    cp "$file" {base}/asked.yaml
    printf '#!/bin/sh\\necho "$1" >> {base}/used\\nexec {python} "$@"\\n' > "$prefix/bin/python"
    chmod +x "$prefix/bin/python" ;;
esac
"""
ENVIRONMENT = yaml.safe_load((ROOT / "envs" / "soxslib.yaml").read_text())
BIAS = "reduced/2026-01-27/master_bias/20260127T160000_VIS_1X1_1_MBIAS.fits"


@pytest.fixture
def base(tmp_path):
    """Directory of the stand-in; its bin/ holds `conda` and `activate`."""
    folder = tmp_path / "base"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "conda").write_text(CONDA.format(base=folder, python=sys.executable))
    (folder / "bin" / "conda").chmod(0o755)
    (folder / "bin" / "activate").write_text('PATH="$1/bin:$PATH"; CONDA_PREFIX="$1"; export PATH CONDA_PREFIX\n')
    return folder


def test_jobs_run_in_the_environment_when_asked_to(base, tmp_path):
    night = StubNight(tmp_path, make_night(("VIS",)))
    path = f"{base / 'bin'}:{night.environment()['PATH']}"
    done = night.run("--software-deployment-method", "conda", "--cores", "1", BIAS, PATH=path)
    assert done.returncode == 0, done.stdout
    assert yaml.safe_load((base / "asked.yaml").read_text()) == ENVIRONMENT
    assert "master_bias.py" in (base / "used").read_text() and (night.path / BIAS).exists()


def test_the_environment_changes_nothing_for_those_who_do_without(tmp_path):
    night = StubNight(tmp_path, make_night(("VIS",)))
    assert night.run("--cores", "1", BIAS).returncode == 0
    (night.folder / "workflow" / "envs" / "soxslib.yaml").write_text("dependencies: [python]\n")
    assert night.planned(BIAS) == {}


def test_what_is_pinned_is_what_the_package_asks_for():
    other_names = {"astropy": "astropy-base", "matplotlib": "matplotlib-base", "snakemake": "snakemake-minimal"}
    *conda, pip = ENVIRONMENT["dependencies"]
    pins = dict(re.match(r"([\w-]+) *=*([\d.]*)", line.replace(" ", "")).groups() for line in (*conda, *pip["pip"]))
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    for requirement in map(Requirement, asked):
        pin = pins[other_names.get(requirement.name, requirement.name)].strip(".")
        assert requirement.specifier.contains(pin), requirement
