"""`soxs plan`: the calibration plan, for people."""

import os
from pathlib import Path

from soxslib.catalogue.database import update_index
from soxslib.catalogue.open import plan_file, read_night
from soxslib.catalogue.refresh import INDEX, index_is_stale
from soxslib.catalogue.summary import FAILED, MADE, result_of
from soxslib.config.user import read_config
from soxslib.errors import ReductionError

SKY = ("stare", "nod", "offset")


def add_arguments(parser):
    parser.add_argument("night", nargs="?", default=".", help="the night directory (default: here)")
    parser.add_argument("--all", action="store_true", help="show calibrations' own plans too")


def main(options):
    if not os.path.isdir(options.night):
        raise ReductionError(f"{options.night} is no directory; name the one that `soxs init` was given")
    os.chdir(options.night)
    config = read_config()
    if index_is_stale(config):
        update_index(INDEX, config.raw)
    print("\n".join(plan_lines(read_night(plan_file(config), config), show_all=options.all)))
    return 0


def plan_lines(night, *, show_all=False):
    """Lines of the plan: each set with its calibrations and their age, then what cannot be reduced and why."""
    made_by = {path: task for task in night.plan.tasks for path in task.outputs.values()}
    calibrated = {t.stem: t for t in night.selected if t.step == "flux_calibration"}
    lines = []
    for task in night.selected:
        if task.step in SKY or show_all:
            lines += _set_lines(task, calibrated.get(task.stem) if task.step in SKY else None, made_by)
    counts = {}
    for task in night.jobs:
        counts[task.step] = counts.get(task.step, 0) + 1
    lines += ["planned: " + (", ".join(f"{n} {step}" for step, n in counts.items()) or "nothing")]
    lost = [p for p in night.unmade if p.is_lost]
    lines += _block("cannot be reduced", [str(p) for p in lost])
    lines += _block("frames that cannot be used", [str(p) for p in night.unmade if not p.is_lost])
    return lines + _block("frames without use", night.plan.notes)


def _block(title, lines):
    return ["", f"{title}:", *(f"  {line}" for line in lines)] if lines else []


def _set_lines(task, calibrated, made_by):
    raws = len(task.inputs["raw"])
    lines = [f"{task.night} {task.arm} {task.step} {task.target}  {task.stem}  ({raws} frame{'s' * (raws > 1)})"]
    choices = {name: paths for name, paths in task.inputs.items() if name != "raw"}
    missing = dict(task.missing)
    if calibrated:
        choices["response"] = calibrated.inputs["response"]
        missing.update(calibrated.missing)
    for name, paths in choices.items():
        for rank, path in enumerate(paths):
            lines.append(f"    {name if rank == 0 else '':20s} {_offer(task, path, made_by)}")
    return lines + [f"    {name:20s} none: {reason}" for name, reason in missing.items()]


def _offer(task, path, made_by):
    """A candidate with its age, and whether it failed."""
    source = made_by.get(path)
    if source is None:
        return f"{path}  (from elsewhere)"
    state = {MADE: "", FAILED: "  FAILED: "}.get((result := result_of(source)).status)
    note = f"{state}{result.reason}" if state else ""
    return f"{Path(path).name}  ({_age(source.mjd - task.mjd)}){note}"


def _age(days):
    """Time between two sets in words."""
    hours = abs(days) * 24
    size = f"{hours * 60:.0f} min" if hours < 2 else f"{hours:.1f} h" if hours < 48 else f"{hours / 24:.1f} d"
    return f"{size} {'later' if days > 0 else 'earlier'}"
