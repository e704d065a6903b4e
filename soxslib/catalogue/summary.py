"""What became of the plan: sidecars gathered, told to people, written to the database."""

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from soxslib.catalogue.pairs import STEP as BOTH_ARMS
from soxslib.catalogue.tasks import Problem, Task
from soxslib.qc.verdicts import FAIL, UNKNOWN, WARN, Verdict, judge, state_of

MADE, FAILED, ABSENT = "made", "failed", "absent"


@dataclass(frozen=True)
class Result:
    """What became of a task: made, failed (with the reason), or absent (not run, or its job died)."""

    task: Task
    status: str
    reason: str = ""
    sidecar: dict = field(default_factory=dict)

    def __str__(self):
        return f"{self.task.step} {self.task.stem}: {self.reason}"


def read_status(path):
    """made, failed or absent, of a sidecar."""
    try:
        text = Path(path).read_text(encoding="utf8")
    except FileNotFoundError:
        return ABSENT
    return FAILED if '"status": "failed"' in text else MADE


def result_of(task):
    """The Result of a task, from its sidecar."""
    path = Path(task.outputs["metrics"])
    try:
        sidecar = json.loads(path.read_text(encoding="utf8"))
    except FileNotFoundError:
        return Result(task, ABSENT, "was not run")
    except ValueError:
        return Result(task, FAILED, f"{path} is damaged; delete it and run again")
    status = FAILED if sidecar.get("status") == "failed" else MADE
    return Result(task, status, sidecar.get("reason", ""), sidecar)


def summary_text(results, problems, notes, limits=None):
    """The summary for people: spectra first, then what failed, what cannot be made, and what was passed over."""
    counts = Counter(r.status for r in results)
    calibrated = [r for r in results if r.task.step == "flux_calibration" and r.status == MADE]
    lost = [p for p in problems if p.is_lost]
    spectra = "1 spectrum" if len(calibrated) == 1 else f"{len(calibrated)} spectra"
    lines = [f"{counts[MADE]} of {len(results)} tasks made, {spectra} flux-calibrated"]
    joined = [r for r in results if r.task.step == BOTH_ARMS and r.status == MADE]
    lines += _block("spectra", [_spectrum_line(r) for r in [*calibrated, *joined]])
    lines += _block("failed", [str(r) for r in results if r.status == FAILED])
    lines += _block("not run", [str(r) for r in results if r.status == ABSENT])
    lines += _block("cannot be made", [str(p) for p in lost])
    lines += _block("frames that cannot be used", [str(p) for p in problems if not p.is_lost])
    lines += _block("done without", done_without([r.task for r in results]))
    lines += _block("fails its checks", _beyond(results, limits or {}, FAIL))
    lines += _block("to be looked at", _beyond(results, limits or {}, WARN))
    lines += _block("calibrations passed over", _passed_over(results))
    lines += _block(
        "warnings", [f"{r.task.step} {r.task.stem}: {w}" for r in results for w in r.sidecar.get("warnings", [])]
    )
    lines += _block("frames without use", notes)
    return "\n".join(lines) + "\n"


def _block(title, lines):
    return [f"{title}:", *(f"  {line}" for line in lines)] if lines else []


def _spectrum_line(result):
    return f"{result.task.target or result.task.stem} {result.task.arm}: {result.task.outputs['fluxcal']}"


def _beyond(results, limits, state):
    """A line for each product that was made and is in this state."""
    judged = [(r, judge(r.sidecar, limits)) for r in results if r.status == MADE]
    return [f"{r.task.step} {r.task.stem}: {verdict.reason}" for r, verdict in judged if verdict.state == state]


def done_without(tasks):
    """A line for each calibration that is missing, with those that go without it."""
    without = defaultdict(list)
    for task in tasks:
        for name, reason in task.missing.items():
            without[f"no {name.replace('_', ' ')}: {reason}"].append(task)
    return [f"{_told_short(group)}: {why}" for why, group in without.items()]


def _told_short(tasks):
    """The name of one task, the numbers of each step's of several."""
    if len(tasks) == 1:
        return f"{tasks[0].step} {tasks[0].stem}"
    return ", ".join(f"{n} {step}" for step, n in Counter(t.step for t in tasks).items())


def _passed_over(results):
    """A line for each calibration that somebody passed over, but those that failed: they stand above."""
    told = {r.task.product for r in results if r.status == FAILED}
    reasons = {p["path"]: p["reason"] for r in results for p in r.sidecar.get("passed_over", [])}
    return [f"{Path(path).name}: {reason}" for path, reason in reasons.items() if path not in told]


def losses(results, problems):
    """What was asked for and is not there, a line each: the run must not end well with any."""
    lines = [str(r) for r in results if r.status != MADE]
    return lines + [str(p) for p in problems if p.is_lost]


def read_plan(path):
    """(tasks, problems, notes) of a plan as written down."""
    content = json.loads(Path(path).read_text(encoding="utf8"))
    return [Task(**t) for t in content["tasks"]], [Problem(**p) for p in content["problems"]], content["notes"]


def database_rows(results, limits):
    """Rows of the tables tasks, task_inputs, products and qc, judged by limits {step: {arm: {metric: limits}}}."""
    tasks, inputs, products, metrics = [], [], [], []
    for number, result in enumerate(results, 1):
        task = result.task
        where = {"step": task.step, "arm": task.arm, "night": task.night, "stem": task.stem}
        verdict = judge(result.sidecar, limits) if result.sidecar else Verdict(UNKNOWN)
        judged = {"verdict": verdict.state, "verdict_reason": verdict.reason}
        tasks.append(
            {"id": number, **where, "target": task.target, "status": result.status, "reason": result.reason, **judged}
        )
        used = set(result.sidecar.get("used", []))
        reasons = {p["path"]: p["reason"] for p in result.sidecar.get("passed_over", [])}
        for name, paths in task.inputs.items():
            for rank, path in enumerate(paths):
                is_used = int(name == "raw" or path in used)
                row = {"task": number, "name": name, "rank": rank, "path": path, "used": is_used}
                inputs.append({**row, "reason": reasons.get(path, "")})
        for name, path in task.outputs.items():
            products.append({"path": path, **where, "name": name, "status": result.status})
        own = limits.get(task.step, {}).get(task.arm, {})
        metrics += [_metric_row(m, where, task.mjd, own) for m in result.sidecar.get("metrics", [])]
    return {"tasks": tasks, "task_inputs": inputs, "products": products, "qc": metrics}


def _metric_row(metric, where, mjd, limits):
    value = metric.get("value")
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return {
        **where,
        "name": metric.get("name"),
        "order": metric.get("order"),
        "value": float(value) if is_number else None,
        "text": None if is_number or value is None else str(value),
        "unit": metric.get("unit", ""),
        "meaning": metric.get("meaning", ""),
        "state": state_of(metric, limits.get(metric.get("name"), {}))[0],
        "mjd": mjd,
    }
