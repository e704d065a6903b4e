"""The wheel, far from any checkout: installed in a fresh environment, it reduces a night."""

import os
import shutil
import sys
import sysconfig
from pathlib import Path

import pytest
from real_night import new_night, products, run, tasks_of

pytestmark = pytest.mark.night
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """(interpreter, environment variables) of a new environment with the wheel in it.

    What the package needs is taken from the environment of the tests; the package itself is not: a .pth file adds
    modules, but not what links to the checkout.
    """
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    run([*pip, "wheel", "--no-deps", "--wheel-dir", str(folder), str(ROOT)], folder)
    (wheel,) = folder.glob("soxslib-*.whl")
    run([sys.executable, "-m", "venv", "env"], folder)
    python = folder / "env" / "bin" / "python"
    variables = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    variables["PATH"] = f"{python.parent}:/usr/bin:/bin"
    install = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check", "install", "--no-deps", "--no-index"]
    run([*install, str(wheel)], folder, environment=variables)
    (site,) = (folder / "env").glob("lib/python*/site-packages")
    (site / "needs.pth").write_text(sysconfig.get_path("purelib") + "\n")
    where = run(
        [str(python), "-c", "import soxslib, snakemake; print(soxslib.__file__)"], folder, environment=variables
    )
    assert where.strip().startswith(str(site))
    return python, variables


def test_a_night_is_reduced_far_from_any_checkout(python, reduced, tmp_path):
    python, variables = python
    soxs = shutil.which("soxs", path=variables["PATH"])
    assert soxs == str(python.parent / "soxs")
    night = new_night(reduced[0] / "raw", tmp_path / "night")
    for path in [p for p in night.iterdir() if p.name != "raw"]:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert run([soxs, "--version"], night, environment=variables).startswith("soxs ")
    run([soxs, "init", str(night)], tmp_path, environment=variables)
    snakemake = [str(python), "-m", "snakemake"]
    text = run([*snakemake, "-n"], night, environment=variables)
    assert "flux_calibration           3" in text
    target = next(t for t in tasks_of(night) if t["step"] == "dispersion_solution")["outputs"]["product"]
    text = run([*snakemake, "--cores", "2", target], night, environment=variables)
    assert str(ROOT) not in text.replace(str(ROOT / ".venv"), "")  # where snakemake may be installed
    assert "Traceback" not in text
    assert products(night)[target] == products(reduced[0])[target]
