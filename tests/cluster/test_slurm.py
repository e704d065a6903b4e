"""The workflow through a real Slurm of two nodes, started here and stopped by its own pids.

What is right: the bytes that the same night gives on one machine, and of the faults what Snakemake and Slurm promise.
"""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from stub_workflow import ROOT, StubNight
from stubs import make_night
from throwaway_slurm import NoSlurm, Slurm, install

pytestmark = pytest.mark.cluster
SCIENCE = "SIM-SNIIN"


@pytest.fixture(scope="module")
def slurm(tmp_path_factory):
    pytest.importorskip("snakemake_executor_plugin_slurm", reason="needs pip install '.[slurm]'")
    try:
        install()
    except NoSlurm as reason:
        pytest.skip(str(reason))
    with Slurm(tmp_path_factory.mktemp("slurm"), nodes=2) as cluster:
        yield cluster


def write_profile(night):
    """The profile that `soxs init` writes, with its line for clusters without accounting taken in."""
    text = (ROOT / "profiles" / "slurm" / "config.yaml").read_text()
    text = text.replace("# slurm-status-command: squeue", "slurm-status-command: squeue")
    text = text.replace("status-checks: 10", "status-checks: 1")
    (night / "slurm").mkdir(exist_ok=True)
    (night / "slurm" / "config.yaml").write_text(text)


class ClusterNight(StubNight):
    """A stub night whose rules may be changed and whose runs go through Slurm."""

    def __init__(self, folder, slurm, arms=("VIS",), changes=()):
        super().__init__(folder, make_night(arms))
        self.slurm = slurm
        write_profile(self.path)
        (self.path / "config.yaml").write_text("plots: false\n")
        for file, pattern, text in changes:
            path = self.folder / "workflow" / file
            path.write_text(re.sub(pattern, text, path.read_text()))

    def environment(self, **variables):
        return super().environment(**self.slurm.variables, **variables)

    def start(self, *arguments, **variables):
        """A running Snakemake; its output goes to the file `said`."""
        # a session of its own, with the signals as a shell in the foreground leaves them
        with (self.path / "said").open("a") as out:
            return subprocess.Popen(
                self.command("--profile", "slurm", *arguments), cwd=self.path, env=self.environment(**variables),
                stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
            )  # fmt: skip

    @property
    def said(self):
        return (self.path / "said").read_text()

    def jobs(self):
        """{number: (state, node)} of this night's jobs on the cluster."""
        lines = self.slurm.run("squeue", "-h", "-o", "%i|%T|%N|%Z").splitlines()
        rows = [line.split("|") for line in lines]
        return {n: (state, node) for n, state, node, path in rows if Path(path) == self.path}

    def wait_for_a_running_step(self, rule, seconds=90):
        """Until a step of a cluster job is being done."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if list(self.path.glob(f"reduced/*/{rule}/.*.partial.*")):
                return next(node for state, node in self.jobs().values() if state == "RUNNING")
            time.sleep(0.1)
        raise AssertionError(f"no {rule} came to run within {seconds} s:\n{self.said}")


def planned_path(night, step, suffix=".fits"):
    """Path of the one product of a step that a fresh night plans."""
    found = re.findall(rf"reduced/\S+?/{step}/[A-Z0-9_+-]+{re.escape(suffix)}(?=[,\s])", night.run("-n").stdout)
    return sorted(set(found))[0]


@pytest.fixture(scope="module")
def hungry(slurm, tmp_path_factory):
    """(night, run): a bias that takes more memory than its first limit, a dark that takes more time; runs meanwhile."""
    first = r"(?m)^(?=time\.sleep)"
    changes = [
        ("rules/detector.smk", r"runtime=.*? 5 \* attempt", "runtime=lambda wildcards, attempt: attempt"),
        ("scripts/master_bias.py", first, r"hoard = bytearray(os.urandom(2**20)) * 900\ntime.sleep(6)\n"),
        ("scripts/master_dark.py", first, r"time.sleep(68)\n"),
    ]
    night = ClusterNight(tmp_path_factory.mktemp("hungry"), slurm, ("VIS", "NIR"), changes)
    targets = planned_path(night, "master_bias"), planned_path(night, "master_dark")
    run = night.start(*targets)
    yield night, run, targets
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
    return {str(p.relative_to(night)): p.read_bytes() for p in sorted((night / "reduced").rglob("*")) if p.is_file()}


def snakemake(night, *arguments, **variables):
    keep = {k: v for k, v in os.environ.items() if not k.startswith(("SNAKEMAKE_", "SOXS_"))}
    keep |= {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"} | variables
    return subprocess.run(
        [sys.executable, "-m", "snakemake", *arguments], cwd=night, env=keep, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600, check=False,
    )  # fmt: skip


@pytest.mark.xdist_group("night")
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


@pytest.mark.xdist_group("faults")
def test_a_failing_frame_does_not_stop_the_night(slurm, tmp_path):
    night = ClusterNight(tmp_path, slurm)
    done = night.run("--profile", "slurm", STUB_FAIL="master_flat")
    assert done.returncode == 1 and "the lamp was off" in done.stdout
    assert "11 of 12 tasks made, 3 spectra flux-calibrated" in done.stdout
    assert done.stdout.count("has been submitted") == 4


@pytest.mark.xdist_group("kills")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_killed_submitting_process_is_continued(slurm, tmp_path, how):
    night = ClusterNight(tmp_path, slurm)
    target = planned_path(night, "dispersion_solution")
    run = night.start(target, STUB_WRITE="4")
    night.wait_for_a_running_step("dispersion_solution")
    run.send_signal(how)
    run.wait(timeout=120)
    again = night.run("--profile", "slurm", target)
    assert again.returncode == 0, again.stdout
    if how == signal.SIGKILL:
        assert "on the cluster are cancelled" in again.stdout
    if how == signal.SIGTERM:  # it had let its jobs end
        assert "Nothing to be done" in again.stdout
    assert not night.jobs() and not list(night.path.glob("reduced/**/.*.partial.*"))
    assert (night.path / target).read_text().startswith("('dispersion_solution'")
    assert night.planned(target) == {}


@pytest.mark.xdist_group("faults")
def test_a_node_that_goes_down_takes_no_product_with_it(slurm, tmp_path):
    night = ClusterNight(tmp_path, slurm)
    target = planned_path(night, "dispersion_solution")
    run = night.start(target, STUB_WRITE="4")
    node = night.wait_for_a_running_step("dispersion_solution")
    slurm.run("scontrol", "update", f"nodename={node}", "state=down", "reason=test")
    try:
        assert run.wait(timeout=180) == 0, night.said
    finally:
        slurm.run("scontrol", "update", f"nodename={node}", "state=resume")
    assert (night.path / target).exists() and night.planned(target) == {}


@pytest.mark.xdist_group("night")
def test_jobs_over_their_limits_are_tried_again_with_more_and_succeed(hungry):
    night, run, targets = hungry
    assert run.wait(timeout=300) == 0, night.said
    assert all((night.path / target).exists() for target in targets)
    finished = (night.slurm.folder / "log" / "finished.txt").read_text()
    assert "JobState=TIMEOUT" in finished
    assert night.said.count("Trying to restart") == 2
