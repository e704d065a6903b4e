"""What index, plan and dry runs cost with the number of frames: `python tools/scaling.py [FRAMES ...]` prints a table.

Frames are header-only stubs in one workspace. Times are of whole processes, `snakemake` to its exit, but for index and
plan, which are of the work itself. In brackets CPU seconds, which a busy machine changes little.
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
import time
from soxslib.catalogue.database import update_index
start, cpu = time.perf_counter(), time.process_time()
read = update_index("index.db", ["raw"])
print(time.perf_counter() - start, time.process_time() - cpu, read)
"""
PLAN = """
import time, resource
from soxslib.catalogue.database import load_entries
from soxslib.catalogue.plan import make_plan
from soxslib.instruments import load_instrument
start, cpu = time.perf_counter(), time.process_time()
plan = make_plan(load_entries("index.db"), load_instrument("SOXS"))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(time.perf_counter() - start, time.process_time() - cpu, len(plan.tasks), peak)
"""


def timed(command, folder):
    """((seconds, CPU seconds), output) of a command that must succeed."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("SNAKEMAKE_", "SOXS_"))}
    environment |= {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    start, cpu = time.perf_counter(), _cpu_s()
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{command}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return (time.perf_counter() - start, _cpu_s() - cpu), done.stdout


def _cpu_s():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(frames, folder):
    """{what: figure} of a workspace of so many frames, made in `folder`."""
    folder = Path(folder)
    evenings = write_survey(folder / "raw", frames)
    timed(["-m", "soxslib", "init", "."], folder)
    night = evenings[len(evenings) // 2]
    dry = ["-m", "snakemake", "-n", "--quiet", "rules"]
    one_night = [*dry, "--config", f"night={night}"]
    seconds, cpu, read = map(float, timed(["-c", INDEX], folder)[1].split())
    out = {"frames": frames, "index_per_s": (read / seconds, read / cpu)}
    out["first_night_s"], _ = timed(one_night, folder)
    *seconds, tasks, memory = map(float, timed(["-c", PLAN], folder)[1].split())
    out |= {"plan_s": seconds, "tasks": int(tasks), "plan_mb": memory}
    out["night_s"], _ = timed(one_night, folder)
    out["target_s"], _ = timed([*dry[:3], _target(folder, night), *dry[3:]], folder)
    write_survey(folder / "raw", ADDED, FIRST_EVENING - timedelta(days=10))
    out["refresh_s"] = _refresh_s(folder)
    out["added_s"], _ = timed(one_night, folder)
    return out | {"peak_mb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024}


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
    "target_s": "`-n` of one product [s]", "refresh_s": f"refresh, {ADDED} frames more [s]",
    "added_s": "`-n` after it, planned anew [s]", "peak_mb": "peak [MB]",
}  # fmt: skip


def table(rows):
    """Rows of figures as Markdown."""
    lines = ["| " + " | ".join(COLUMNS.values()) + " |", "|" + "---|" * len(COLUMNS)]
    return "\n".join(lines + ["| " + " | ".join(map(_cell, (row[key] for key in COLUMNS))) + " |" for row in rows])


def _cell(value):
    """A figure, or one by the clock with that by CPU time in brackets."""
    if isinstance(value, int | float):
        return f"{value:.0f}"
    wall, cpu = (f"{v:.0f}" if v >= 100 else f"{v:.1f}" for v in value)
    return f"{wall} ({cpu})"


def main(counts):
    rows = []
    for frames in counts:
        with tempfile.TemporaryDirectory() as folder:
            rows.append(measure(frames, folder))
    print(table(rows))


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or [100, 1000, 10000])
