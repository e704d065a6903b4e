"""What index, plan and dry runs cost with the number of frames: `python tools/scaling.py [FRAMES ...]` prints a table.

Frames are header-only stubs in one workspace. Times are of whole processes, `snakemake` to its exit, but for index and
plan, which are of the work itself.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "helpers")]

from survey import FIRST_EVENING, write_survey  # noqa: E402

ADDED = 50
INDEX = """
import sys, time, resource
from soxslib.catalogue.database import update_index
start = time.perf_counter()
read = update_index("index.db", ["raw"])
print(time.perf_counter() - start, read, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
PLAN = """
import time, resource
from soxslib.catalogue.database import load_entries
from soxslib.catalogue.plan import make_plan
from soxslib.instruments import load_instrument
start = time.perf_counter()
plan = make_plan(load_entries("index.db"), load_instrument("SOXS"))
print(time.perf_counter() - start, len(plan.tasks), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def timed(command, folder):
    """(seconds, output, peak memory of any process so far in MB) of a command that must succeed."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("SNAKEMAKE_", "SOXS_"))}
    environment |= {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{command}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return time.perf_counter() - start, done.stdout, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def measure(frames, folder):
    """{what: figure} of a workspace of so many frames, made in `folder`."""
    folder = Path(folder)
    evenings = write_survey(folder / "raw", frames)
    timed(["-m", "soxslib", "init", "."], folder)
    night = evenings[len(evenings) // 2]
    dry = ["-m", "snakemake", "-n", "--quiet", "rules"]
    out = {"frames": frames, "nights": len(evenings)}
    seconds, read, memory = map(float, timed(["-c", INDEX], folder)[1].split())
    out |= {"index_per_s": read / seconds, "index_mb": memory}
    out["first_night_s"], *_ = timed([*dry, "--config", f"night={night}"], folder)
    seconds, tasks, memory = map(float, timed(["-c", PLAN], folder)[1].split())
    out |= {"plan_s": seconds, "tasks": int(tasks), "plan_mb": memory}
    out["night_s"], *_ = timed([*dry, "--config", f"night={night}"], folder)
    out["target_s"], *_ = timed([*dry[:3], _target(folder, night), *dry[3:]], folder)
    write_survey(folder / "raw", ADDED, FIRST_EVENING - timedelta(days=10))
    out["refresh_s"] = _refresh_s(folder)
    out["peak_mb"] = timed([*dry, "--config", f"night={night}"], folder)[2]
    return out


def _target(folder, night):
    """A flux-calibrated spectrum of a night."""
    code = (
        "import glob, json; tasks = json.load(open(max(glob.glob('.soxs/plan-*.json'))))['tasks'];"
        f"print(next(t['outputs']['fluxcal'] for t in tasks if t['night'] == '{night}' and 'fluxcal' in t['outputs']))"
    )
    return timed(["-c", code], folder)[1].strip()


def _refresh_s(folder):
    """Seconds in which the index takes in what was added."""
    code = (
        "from soxslib.catalogue.refresh import refresh_index; from soxslib.config.user import read_config;"
        "refresh_index(read_config(overrides={}))"
    )
    return timed(["-c", code], folder)[0]


COLUMNS = {
    "frames": "frames", "tasks": "tasks", "index_per_s": "index, frames/s", "plan_s": "plan [s]",
    "plan_mb": "plan [MB]",
    "first_night_s": "first `-n`, with index and plan [s]", "night_s": "`-n` of one night [s]",
    "target_s": "`-n` of one product [s]", "refresh_s": f"refresh, {ADDED} frames more [s]", "peak_mb": "peak [MB]",
}  # fmt: skip


def table(rows):
    """Rows of figures as Markdown."""
    lines = ["| " + " | ".join(COLUMNS.values()) + " |", "|" + "---|" * len(COLUMNS)]
    for row in rows:
        values = [f"{row[key]:.{1 if name.endswith('[s]') else 0}f}" for key, name in COLUMNS.items()]
        lines.append("| " + " | ".join(values) + " |")
    return "\n".join(lines)


def main(counts):
    rows = []
    for frames in counts:
        with tempfile.TemporaryDirectory() as folder:
            rows.append(measure(frames, folder))
    print(table(rows))


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or [100, 1000, 10000])
