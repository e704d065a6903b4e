"""Peak memory of steps, with more raw frames than a night has: `python tools/memory.py NIGHT`, a directory that is reduced.

The task with the most raw frames of each step and arm is run with all of them given once, twice and four times, each time in
a process of its own; its products go to a scratch directory.
"""

import argparse
import json
import resource
import runpy
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

ROOT = Path(__file__).resolve().parents[1]
TIMES = (1, 2, 4)
SINGLE = (
    "dispersion_solution",
    "order_trace",
    "spatial_solution",
    "stare",
    "response",
    "flux_calibration",
    "both_arms",
)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("night", type=Path)
    parser.add_argument("--task", nargs=3, metavar=("STEP", "STEM", "TIMES"), help="run this task in this process")
    options = parser.parse_args()
    if options.task:
        print(peak_mb(options.night, *options.task[:2], int(options.task[2])))
        return
    print("| step | arm | raw frames | peak [MB] |\n|---|---|---|---|")
    for task in heaviest(plan_of(options.night)["tasks"]):
        times = (1,) if task["step"] in SINGLE else TIMES
        peaks = [peak_apart(options.night, task["step"], task["stem"], n) for n in times]
        frames = ", ".join(str(n * len(task["inputs"].get("raw", ()))) for n in times)
        print(f"| `{task['step']}` | {task['arm']} | {frames} | {', '.join(peaks)} |", flush=True)


def plan_of(night):
    """The newest plan that a run in the directory has made, with the settings."""
    plans = sorted(Path(night, ".soxs").glob("plan-*.json"), key=lambda p: p.stat().st_mtime)
    if not plans:
        raise SystemExit(f"{night}: no plan in .soxs/, reduce the night first")
    return json.loads(plans[-1].read_text())


def heaviest(tasks):
    """Of each step and arm the task with the most raw frames, in the plan's order."""
    found = {}
    for task in tasks:
        key = task["step"], task["arm"]
        if key not in found or len(task["inputs"].get("raw", ())) > len(found[key]["inputs"].get("raw", ())):
            found[key] = task
    return found.values()


def peak_apart(night, step, stem, times):
    """Peak of a task [MB] in a process of its own, as text; why it failed, if it did."""
    command = [sys.executable, __file__, str(night), "--task", step, stem, str(times)]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


def peak_mb(night, step, stem, times):
    """Peak of this process [MB] after the task, its raw frames given so many times."""
    plan, scratch = plan_of(night), tempfile.TemporaryDirectory()
    task = next(t for t in plan["tasks"] if (t["step"], t["stem"]) == (step, stem))
    inputs = {k: [str(night / p) for p in ([v] if isinstance(v, str) else v)] for k, v in task["inputs"].items()}
    inputs["raw"] = inputs.get("raw", []) * times
    outputs = {name: str(Path(scratch.name, Path(path).name)) for name, path in task["outputs"].items()}
    settings = plan["settings"][task["step"]][task["arm"]]
    params = dict(arm=task["arm"], stem=stem, settings=settings, revision=1)
    job = SimpleNamespace(rule=task["step"], input=inputs, output=outputs, params=params, log=[])
    runpy.run_path(str(ROOT / "scripts" / f"{task['step']}.py"), init_globals={"snakemake": job})
    told = json.loads(Path(outputs["metrics"]).read_text())
    if told["status"] != "ok":
        raise SystemExit(f"failed: {told['reason']}")
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


if __name__ == "__main__":
    main()
