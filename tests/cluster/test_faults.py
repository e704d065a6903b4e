"""Frames that fail, a node that goes down, and nights as an array, on a real Slurm with stubs of the steps.

What is right: what Snakemake and Slurm promise, and what docs/cluster.md says.
"""

import re
import shutil
import subprocess
import sys
from datetime import datetime

import pytest
from cluster_night import PATIENCE_S, ClusterNight, wait_until
from stub_workflow import ROOT
from stubs import make_night

pytestmark = pytest.mark.cluster
SOLUTION = "reduced/2026-01-27/dispersion_solution/20260127T163000_VIS_1X1_1_DSOL_PINHOLE_20_0S.fits"


def test_a_failing_frame_does_not_stop_the_night(slurm, tmp_path):
    night = ClusterNight(tmp_path, slurm)
    done = night.run("--profile", "slurm", STUB_FAIL="master_flat")
    assert done.returncode == 1 and "the lamp was off" in done.stdout
    assert "11 of 12 tasks made, 3 spectra flux-calibrated" in done.stdout
    assert done.stdout.count("has been submitted") == 4
    assert len(night.told("done")) == 12 and set(night.told("begun").values()) == {1}


def test_a_node_that_goes_down_takes_no_product_with_it(slurm, tmp_path):
    night = ClusterNight(tmp_path, slurm)
    run = night.start(SOLUTION, STUB_HOLD="dispersion_solution")
    down = night.wait_until_held(run, "dispersion_solution")
    slurm.run("scontrol", "update", f"nodename={down}", "state=down", "reason=test")
    try:
        wait_until(
            lambda: "NODE_FAIL" in [job["JobState"] for job in night.finished()], lambda: f"not lost:\n{night.said}"
        )
        night.go()
        assert night.finish(run) == 0, night.said
    finally:
        slurm.run("scontrol", "update", f"nodename={down}", "state=resume")
    assert (night.path / SOLUTION).read_text().startswith("('dispersion_solution'")
    assert not night.jobs() and not night.half_products


def array_script(archive):
    """The script of docs/cluster.md that reduces a night in each element of an array, for another archive."""
    text = (ROOT / "docs" / "cluster.md").read_text()
    block = re.search(r"(?m)^    #!/bin/bash\n(?:    .*\n|\n)+", text)[0]
    return re.sub(r"(?m)^    ", "", block).replace("/archive/soxs", str(archive))


def test_an_array_of_nights_as_documented(slurm, tmp_path):
    workflow = ClusterNight(tmp_path, slurm)
    survey, evenings = tmp_path / "survey", ("2026-01-27", "2026-01-28")
    for evening in evenings:
        (survey / evening).mkdir(parents=True)
        shutil.copy(workflow.path / "Snakefile", survey / evening)  # `soxs init` leaves it alone
        for stub in make_night(("VIS",), datetime.fromisoformat(evening)):
            if evening == evenings[0] or "FLAT" not in stub.kind:  # the second night has no flats of its own
                stub.write(tmp_path / "archive" / evening / "raw")
    (survey / "nights.txt").write_text("\n".join(evenings) + "\n")
    (survey / "array.sh").write_text(array_script(tmp_path / "archive"))
    for command, module in (("soxs", "soxslib"), ("snakemake", "snakemake")):
        path = tmp_path / "bin" / command
        path.parent.mkdir(exist_ok=True)
        path.write_text(f'#!/bin/sh\nexec {sys.executable} -m {module} "$@"\n')
        path.chmod(0o755)
    environment = workflow.environment()
    environment["PATH"] = f"{tmp_path / 'bin'}:{environment['PATH']}"
    done = subprocess.run(
        ["sbatch", "--wait", "--array=1-2", "--mem=2G", "--output=said-%a", "array.sh"],
        cwd=survey, env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    said = "".join(path.read_text() for path in sorted(survey.glob("said-*")))
    assert done.returncode == 0, done.stderr + said
    for evening in evenings:
        made = sorted((survey / evening / "reduced" / evening).glob("*/*_SN1_FLUXCAL.fits"))
        assert len(made) == 1, said
    spectrum = next((survey / evenings[1] / "reduced" / evenings[1]).glob("nod/*_SN1_EXTRACTED_ORDERS.fits"))
    assert f"reduced/{evenings[0]}/master_flat/" in spectrum.read_text()
