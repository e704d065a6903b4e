"""A simulated night through a real Slurm, and meanwhile jobs that take more than their limits.

What is right: the bytes that the same night gives on one machine, and what Slurm's own record says of killed jobs.
"""

import hashlib
import os
import subprocess
import sys

import pytest
from cluster_night import PATIENCE_S, ClusterNight, write_profile
from stub_workflow import ROOT

pytestmark = pytest.mark.cluster
SCIENCE = "SIM-SNIIN"
BIAS = "reduced/2026-01-27/master_bias/20260127T160000_VIS_1X1_1_MBIAS.fits"
DARK = "reduced/2026-01-27/master_dark/20260127T160000_NIR_3_MDARK_20_0S.fits"


@pytest.fixture(scope="module")
def hungry(slurm, tmp_path_factory):
    """(night, run): a bias that takes more memory than its first limit, a dark that takes more time; runs meanwhile.

    At the first attempt both wait to be killed. Half a minute is the pace at which Slurm looks at times.
    """
    memory = (
        "hoard = bytearray(os.urandom(2**20)) * 900\\ntime.sleep(120 if snakemake.resources.mem_mb < 900 else 3)\\n"
    )
    time_ = "time.sleep(300 if snakemake.resources.runtime == 1 else 62)\\n"
    changes = [
        ("rules/detector.smk", r"mem_mb=.*", "mem_mb=lambda wildcards, attempt: 800 * attempt,"),
        ("rules/detector.smk", r"runtime=.*", "runtime=lambda wildcards, attempt: attempt,"),
        ("scripts/master_bias.py", r'(?m)^(?=tell\("begun)', memory),
        ("scripts/master_dark.py", r'(?m)^(?=tell\("begun)', time_),
    ]
    night = ClusterNight(tmp_path_factory.mktemp("hungry"), slurm, ("VIS", "NIR"), changes)
    run = night.start(BIAS, DARK)
    yield night, run
    run.kill()
    run.wait()


def simulated(folder):
    """Two directories with the same simulated raw night, made ready by `soxs init`."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}

    def soxs(*arguments):
        subprocess.run([sys.executable, "-m", "soxslib", *arguments], env=environment, check=True, capture_output=True)

    soxs("simulate", str(folder / "sky"), "--small", "--arms", "VIS")
    for name in ("local", "cluster"):
        soxs("init", str(folder / name))
        (folder / name / "raw").symlink_to(folder / "sky" / "raw")
        (folder / name / "config.yaml").write_text(f"plots: false\nselect: {{targets: [{SCIENCE}]}}\n")
    write_profile(folder / "cluster")
    return folder / "local", folder / "cluster"


def products(night):
    """{name: digest of the content} of all products."""
    files = [path for path in sorted((night / "reduced").rglob("*")) if path.is_file()]
    return {str(path.relative_to(night)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def snakemake(night, *arguments, **variables):
    keep = {k: v for k, v in os.environ.items() if not k.startswith(("SNAKEMAKE_", "SOXS_"))}
    keep |= {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"} | variables
    return subprocess.run(
        [sys.executable, "-m", "snakemake", *arguments], cwd=night, env=keep, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=2 * PATIENCE_S, check=False,
    )  # fmt: skip


def test_a_simulated_night_gives_the_same_bytes_as_on_one_machine(slurm, hungry, tmp_path):
    local, cluster = simulated(tmp_path)
    on_cluster = snakemake(cluster, "--profile", "slurm", **slurm.variables)
    assert on_cluster.returncode == 0, on_cluster.stdout
    here = snakemake(local, "--cores", "2")
    assert here.returncode == 0, here.stdout
    assert products(cluster) == products(local)
    assert any(name.endswith(f"{SCIENCE}_FLUXCAL.fits") for name in products(local))
    # calibrations, the standard and the target: one job each; and one plan, made where the run was started
    assert on_cluster.stdout.count("has been submitted") <= 4
    assert len(list((cluster / ".soxs").glob("plan-*.json"))) == 1


def test_jobs_over_their_limits_are_tried_again_with_more_and_succeed(hungry):
    night, run = hungry
    assert night.finish(run) == 0, night.said
    assert (night.path / BIAS).exists() and (night.path / DARK).exists()
    jobs = night.finished()
    assert {"1", "2"} <= {job["TimeLimit"] for job in jobs}
    assert [job["TimeLimit"] for job in jobs if job["JobState"] == "TIMEOUT"][:1] == ["1"]
    assert night.said.count("Trying to restart") >= 2
