"""What surrounds a run: its night is opened, what a crash left behind is cleared, and its end tells the truth.

A recipe that fails leaves its reason in a sidecar and its job succeeds, so that the rest of the night goes on.
Snakemake then sees a good run; here the sidecars are looked at, and the run ends with an error all the same, each time.
"""

import json
import os
import shutil
import socket
import sys
from pathlib import Path

from soxslib.catalogue.lean import keep_pandas_out
from soxslib.catalogue.oldplans import remove_old_plans
from soxslib.catalogue.open import STATE, open_night
from soxslib.catalogue.orphans import cancel_orphans
from soxslib.catalogue.polls import end_at_once, keep_polls_steady
from soxslib.catalogue.summary import FAILED, done_without, losses, result_of, summary_text
from soxslib.errors import ReductionError
from soxslib.qc.verdicts import limits_in_force

RUNS = STATE / "runs"
LOCKS = ".snakemake/locks"


def night_or_exit(workflow, config):
    """The Night of the current directory; a mistake in the config ends Snakemake with its one line."""
    try:
        return open_night(config, is_main=workflow.is_main_process)
    except ReductionError as error:
        raise SystemExit(str(error)) from None


def guard(workflow, night):
    """Has `workflow` clear stale locks before it executes and judge its results afterwards (main process only)."""
    if not workflow.is_main_process:
        return
    keep_polls_steady()
    keep_pandas_out()
    execute = workflow.execute

    def guarded(*args, **kwargs):
        clear_stale_locks()
        mark = _announce(night)
        remove_old_plans(STATE, RUNS)
        try:
            outcome = execute(*args, **kwargs)
        except Exception:  # the mark stays: what cancelled jobs leave behind is cleared by the next run
            _tell(_failures(night.jobs))
            raise
        finally:
            end_at_once()
        mark.unlink(missing_ok=True)
        if workflow.non_local_exec and not any(RUNS.glob("*.json")):
            _clear_half_products()  # of a job that went on elsewhere when its node was lost
        _judge(workflow, night)
        return outcome

    workflow.execute = guarded


def _judge(workflow, night):
    """Prints the summary, and ends the run with an error when something asked for is not there."""
    from snakemake_interface_common.exceptions import ApiError  # told in one line, without where it was raised

    if workflow.dryrun:
        _tell([f"cannot be made: {line}" for line in losses([], night.unmade)])
        _tell([f"done without: {line}" for line in done_without(night.selected)])
        return
    if workflow.touch:
        return
    whole = any(job.rule.name in ("all", "night", "summary") for job in workflow.dag.targetjobs)
    if whole:
        results = [result_of(task) for task in night.jobs]
        limits = limits_in_force()["limits"]
        _tell(summary_text(results, night.unmade, night.plan.notes, limits).splitlines())
        lost = losses([r for r in results if night.is_wanted(r.task)], night.unmade)
        where = "; summary.txt tells why"
    else:
        targets = _target_tasks(workflow, night)
        lost = losses(map(result_of, targets), [])
        _tell(_failures(night.needed_for(targets)))
        where = ":\n" + "\n".join(lost)
    if lost:
        raise ApiError(f"{len(lost)} of the things asked for could not be made{where}")


def _target_tasks(workflow, night):
    """Tasks whose products were asked for by name."""
    wanted = {str(path) for job in workflow.dag.targetjobs for path in job.output}
    return [task for task in night.tasks.values() if wanted & set(task.outputs.values())]


def _failures(tasks):
    """Lines on failed ones of some tasks."""
    return [f"failed: {r}" for r in map(result_of, tasks) if r.status == FAILED]


def _tell(lines):
    for line in lines:
        print(line, file=sys.stderr)


def clear_stale_locks():
    """Removes Snakemake's locks when every run that could hold them is dead (killed, or its machine went down).

    Only runs of this host can be checked: with one of another host on record the lock stays, and Snakemake says how to
    remove it.
    """
    runs = [path for path in RUNS.glob("*.json") if not _is_dead(path)]
    dead = [path for path in RUNS.glob("*.json") if path not in runs]
    if dead and not runs and (jobs := cancel_orphans()):
        _tell([f"An earlier run was killed: its jobs {', '.join(jobs)} on the cluster are cancelled."])
    if dead and not runs:
        if os.path.isdir(LOCKS) and os.listdir(LOCKS):
            shutil.rmtree(LOCKS, ignore_errors=True)
            _tell(["An earlier run was killed: its lock is removed, its unfinished products are made again."])
        _clear_half_products()
    for path in dead:
        path.unlink(missing_ok=True)


def _clear_half_products():
    for partial in Path("reduced").rglob(".*.partial.*"):
        partial.unlink(missing_ok=True)


def _announce(night):
    """Path of the record that tells others of this run and of the plan it needs."""
    path = RUNS / f"{socket.gethostname()}-{os.getpid()}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    record = {"host": socket.gethostname(), "pid": os.getpid(), "started": _started(os.getpid())}
    record["plan"] = night.path
    path.write_text(json.dumps(record), encoding="utf8")
    return path


def _is_dead(path):
    try:
        record = json.loads(path.read_text(encoding="utf8"))
    except (OSError, ValueError):
        return True
    return record["host"] == socket.gethostname() and _started(record["pid"]) != record["started"]


def _started(pid):
    """When a process started, None when there is none: a number is given to another process some day."""
    import psutil

    try:
        return psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return None
