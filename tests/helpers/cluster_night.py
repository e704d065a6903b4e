"""A stub night whose runs go through a throw-away Slurm, and what a test waits for in it."""

import re
import signal
import subprocess
import time

from stub_workflow import ROOT, StubNight
from stubs import make_night

PATIENCE_S = 600  # for what must come about on a machine that does other things too; a test never sleeps so long


def wait_until(condition, what, seconds=PATIENCE_S):
    """What `condition` gives once it is true; an AssertionError that tells `what()` when it does not become so."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.1)
    raise AssertionError(what())


def write_profile(night):
    """The profile that `soxs init` writes, with its line for clusters without accounting taken in; polls are frequent."""
    text = (ROOT / "profiles" / "slurm" / "config.yaml").read_text()
    text = text.replace("# slurm-status-command: squeue", "slurm-status-command: squeue")
    text = re.sub(r"(status-checks): 10", r"\1: 2", text)
    (night / "slurm").mkdir(parents=True, exist_ok=True)
    (night / "slurm" / "config.yaml").write_text(text)


class ClusterNight(StubNight):
    """A stub night whose rules may be changed: changes are (file, pattern, text)."""

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

    def finish(self, run):
        """Exit status of a run that was started; ended by force when it never comes to its end."""
        try:
            return run.wait(timeout=PATIENCE_S)
        finally:
            if run.poll() is None:
                run.kill()
                run.wait()

    @property
    def said(self):
        return (self.path / "said").read_text()

    def jobs(self):
        """{number: (state, node)} of this night's jobs in the queue."""
        lines = self.slurm.run("squeue", "-h", "-o", "%i|%T|%N|%Z").splitlines()
        rows = [line.split("|") for line in lines]
        return {n: (state, node) for n, state, node, path in rows if path == str(self.path.resolve())}

    def finished(self):
        """[{word: value}] of this night's jobs that have left the queue, as Slurm's own record has them."""
        path = self.slurm.folder / "log" / "finished.txt"
        rows = [dict(re.findall(r"(\w+)=(\S*)", line)) for line in path.read_text().splitlines()]
        return [row for row in rows if row.get("WorkDir") == str(self.path.resolve())]

    @property
    def half_products(self):
        return list(self.path.glob("reduced/**/.*.partial.*"))

    def wait_until_held(self, run, step):
        """Node of the job that was told to hold in the middle of this step's first write."""

        def node():
            assert run.poll() is None, self.said
            running = [node for state, node in self.jobs().values() if state == "RUNNING"]
            return list(self.path.glob(f"reduced/*/{step}/.*.partial.*")) and running and running[0]

        return wait_until(node, lambda: f"no {step} came to write:\n{self.said}")

    def go(self):
        """Lets jobs that hold go on."""
        (self.path / ".go").touch()
