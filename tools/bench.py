"""How fast nights are reduced: `python tools/bench.py [NIGHT ...]`, directories with raw frames or a raw/ of them.

Whole processes, from `snakemake` to its exit; steps from Snakemake's own benchmarks. Figures are compared with those of
the previous release as ratios to a fixed piece of work, so that machines compare; `--store` makes them the reference.
"""

import argparse
import csv
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = Path(__file__).with_suffix(".json")
SUFFIXES = (".fits", ".fits.fz", ".fits.gz", ".fits.Z")
WHOLE = {
    "first_plan": "`snakemake -n`, never indexed before",
    "whole": "everything",
    "plan": "`snakemake -n`, all made",
    "nothing": "nothing to do",
    "one_frame": "one science frame more",
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("nights", nargs="*", type=Path)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--store", action="store_true", help="make these figures the reference of the next release")
    options = parser.parse_args()
    reference = json.loads(REFERENCE.read_text()) if REFERENCE.exists() else {"nights": {}}
    unit = unit_s()
    with tempfile.TemporaryDirectory() as scratch:
        nights = options.nights or [simulated(Path(scratch) / "simulated_small")]
        figures = {night.name: measure(night, Path(scratch) / f"run_{night.name}", options.cores) for night in nights}
    print(f"{options.cores} cores; a unit of work takes {unit:.2f} s here\n")
    for name, night in figures.items():
        print(table(name, night, unit, reference["nights"].get(name, {})))
    if options.store:
        reference["nights"] |= {name: ratios(night, unit) for name, night in figures.items()}
        REFERENCE.write_text(json.dumps(reference, indent=1, sort_keys=True) + "\n")


def unit_s():
    """CPU seconds that a fixed piece of work takes here: arithmetic, sorting and plain Python, as in a reduction."""

    def work():
        image = np.random.default_rng(1).normal(size=(1024, 1024))
        for _ in range(5):
            image = np.sqrt(np.abs(np.fft.irfft(np.fft.rfft(image)))) + np.median(image, axis=0)
        return sum(i % 7 for i in range(1_000_000))

    times = []
    for _ in range(5):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return statistics.median(times)


def simulated(folder):
    command([sys.executable, "-m", "soxslib", "simulate", str(folder), "--small", "--arms", "VIS"], ROOT)
    return folder


def command(words, folder):
    """(wall seconds, CPU seconds) of a command that must succeed."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("SNAKEMAKE_", "SOXS_"))}
    environment |= {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{' '.join(words)}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(night, folder, cores):
    """{"whole": {what: (wall, CPU)}, "steps": {step: figures}} of a night; its raw frames are linked, not touched."""
    raw = night / "raw" if (night / "raw").is_dir() else night
    frames = sorted(path for path in raw.resolve().iterdir() if path.name.endswith(SUFFIXES))
    (folder / "raw").mkdir(parents=True)
    for path in frames[:-1]:
        (folder / "raw" / path.name).symlink_to(path)
    snakemake = [sys.executable, "-m", "snakemake"]
    run = [*snakemake, "--cores", str(cores)]
    command([sys.executable, "-m", "soxslib", "init", "."], folder)
    # the last frame of a night is one of the sky: it comes when all others are reduced
    out = {"first_plan": command([*snakemake, "-n", "--quiet"], folder)}
    early = command(run, folder)
    last = folder / "raw" / frames[-1].name
    last.symlink_to(frames[-1])
    out["one_frame"] = command(run, folder)
    steps = steps_of(folder)
    out["plan"] = command([*snakemake, "-n", "--quiet"], folder)
    out["nothing"] = command(run, folder)
    out["whole"] = command([*run, "--forceall"], folder)
    out["early"] = early
    return {"whole": out, "steps": steps_of(folder) or steps, "imports": imports_of(steps)}


def steps_of(folder):
    """{step: jobs, wall, CPU, peak memory of the largest job} from Snakemake's benchmarks."""
    found = defaultdict(list)
    for path in sorted((folder / "benchmarks").rglob("*.tsv")):
        with path.open() as fh:
            found[path.relative_to(folder / "benchmarks").parts[1]] += list(csv.DictReader(fh, delimiter="\t"))

    def numbers(rows, key):
        return [float(row[key]) for row in rows if row[key] not in ("-", "NA")]

    return {
        step: {
            "jobs": len(rows),
            "wall_s": sum(numbers(rows, "s")),
            "cpu_s": sum(numbers(rows, "cpu_time")),
            "peak_mb": max(numbers(rows, "max_rss"), default=0.0),
        }
        for step, rows in found.items()
    }


def imports_of(steps):
    """{step: CPU seconds of the interpreter's start and the imports of a job}."""
    out = {}
    for step in steps:
        module = "soxslib.plots" if step == "plots" else f"soxslib.recipes.{step}"
        code = f"import snakemake.iocontainers, snakemake.logging, soxslib.job, {module}"
        out[step] = min(command([sys.executable, "-c", code], ROOT)[1] for _ in range(3))
    return out


def ratios(night, unit):
    """CPU in units of work, which other work on the machine leaves alone: {what: of the run}, {step: of a job}."""
    whole = {what: round(cpu / unit, 2) for what, (_, cpu) in night["whole"].items() if what in WHOLE}
    steps = {step: round(f["cpu_s"] / f["jobs"] / unit, 2) for step, f in night["steps"].items()}
    return {"whole": whole, "steps": steps}


def table(name, night, unit, reference):
    """Figures of a night as Markdown."""
    now = ratios(night, unit)

    def change(kind, key):
        before = reference.get(kind, {}).get(key)
        return f"{now[kind][key] / before - 1:+.0%}" if before else "new"

    lines = [f"### {name}", "", "| whole run | wall [s] | CPU [s] | against the release before |", "|---|---|---|---|"]
    for what, title in WHOLE.items():
        wall, cpu = night["whole"][what]
        lines.append(f"| {title} | {wall:.1f} | {cpu:.1f} | {change('whole', what)} |")
    lines += ["", "| step | jobs | wall [s] | CPU [s] | of it start and imports | peak memory [MB] | against before |"]
    lines.append("|---|" + "---|" * 6)
    for step, f in sorted(night["steps"].items(), key=lambda item: -item[1]["cpu_s"]):
        share = night["imports"].get(step, 0.0) * f["jobs"] / f["cpu_s"] if f["cpu_s"] else 0.0
        lines.append(
            f"| {step} | {f['jobs']} | {f['wall_s']:.1f} | {f['cpu_s']:.1f} | {min(share, 1):.0%} | {f['peak_mb']:.0f} "
            f"| {change('steps', step)} |"
        )
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
