"""The real Snakefile, rules and index with scripts that only say what they were given: the workflow in seconds."""

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

from soxslib.config.settings import CONFIGURED

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
import json, os, time
from pathlib import Path
def tell(word):
    with open(".told", "a") as file:
        file.write(f"{word} {snakemake.rule} {snakemake.params.stem}\\n")
def hold():
    # in the middle of a write, until the test has seen it and says go; not for ever, should the test be gone
    last = time.monotonic() + 900
    while os.environ.get("STUB_HOLD") == snakemake.rule and not os.path.exists(".go") and time.monotonic() < last:
        time.sleep(0.05)
tell("begun")
time.sleep(float(os.environ.get("STUB_SLEEP", 0)))
fails = os.environ.get("STUB_FAIL", "nothing") in f"{snakemake.rule} {snakemake.params.stem}"
text = repr((snakemake.rule, list(snakemake.input), dict(snakemake.params.settings)))
for name, path in snakemake.output.items():
    if name == "metrics":
        content = {"step": snakemake.rule, "status": "failed" if fails else "ok", "metrics": [], "used": list(snakemake.input)}
        Path(path).write_text(json.dumps(content | ({"reason": "the lamp was off"} if fails else {})))
    elif name == "verdict":
        Path(path).write_text("rejected\\n" if fails else "usable\\n")
    else:
        partial = Path(path).with_name(f".{os.getpid()}.partial.{Path(path).name}")
        partial.write_text("half")
        time.sleep(float(os.environ.get("STUB_WRITE", 0)))
        hold()
        partial.write_text(text)
        partial.rename(path)
tell("done")
"""
TOUCH = """
from pathlib import Path
for path in snakemake.output:
    Path(path).write_text("made")
"""
REAL = ("index", "summary")  # the others draw or report, which takes time and says nothing on the workflow
NIGHT = """
include: {snakefile!r}
rule night:
    default_target: True
    input: rules.all.input
"""


class StubNight:
    """A night directory on the stub workflow."""

    def __init__(self, folder, stubs):
        self.folder = Path(folder)
        workflow = self.folder / "workflow"
        for part in ("rules", "profiles", "envs"):
            shutil.copytree(ROOT / part, workflow / part)
        shutil.copy(ROOT / "Snakefile", workflow)
        (workflow / "scripts").mkdir()
        for step in CONFIGURED:
            (workflow / "scripts" / f"{step}.py").write_text(SCRIPT)
        for script in (ROOT / "scripts").glob("*.py"):
            if script.stem in REAL:
                shutil.copy(script, workflow / "scripts")
            elif script.stem not in CONFIGURED:
                (workflow / "scripts" / script.name).write_text(TOUCH)
        self.path = self.folder / "night"
        self.path.mkdir()
        (self.path / "Snakefile").write_text(NIGHT.format(snakefile=str(workflow / "Snakefile")))
        shutil.copytree(ROOT / "profiles", self.path / "profiles")
        for stub in stubs:
            stub.write(self.path / "raw")

    def command(self, *arguments):
        return [sys.executable, "-m", "snakemake", *arguments]

    def environment(self, **variables):
        keep = {k: v for k, v in os.environ.items() if not k.startswith(("SNAKEMAKE_", "SOXS_"))}
        return keep | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"} | variables

    def run(self, *arguments, **variables):
        """The finished process; its output in one text."""
        return subprocess.run(
            self.command(*arguments), cwd=self.path, env=self.environment(**variables), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300, check=False,
        )  # fmt: skip

    def planned(self, *arguments, **variables):
        """{rule: count} of what a dry run would do."""
        done = self.run("-n", *arguments, **variables)
        assert done.returncode == 0, done.stdout
        table = done.stdout.split("Job stats:", 1)[1].split("total", 1)[0] if "Job stats:" in done.stdout else ""
        counts = {m[1]: int(m[2]) for m in re.finditer(r"^(\w+) +(\d+)$", table, re.MULTILINE)}
        return {rule: n for rule, n in counts.items() if rule not in ("night", "all")}

    def told(self, word):
        """{(step, stem): how often} of what the jobs of this night have begun or done."""
        path = self.path / ".told"
        lines = path.read_text().splitlines() if path.exists() else []
        return Counter(tuple(line.split()[1:]) for line in lines if line.startswith(word))

    def target(self, ending):
        return next(str(p.relative_to(self.path)) for p in self.path.glob("reduced/**/*") if p.name.endswith(ending))
