"""Plans written by earlier runs: each new frame makes another, and in a workspace of many nights they are large."""

import json
import time

KEPT_S = 3600.0  # a process that plans just now has not put itself on record yet


def remove_old_plans(state, runs, *, now=None):
    """Removes plans, and notes on plans, that no run on record and nobody within the last hour has used.

    state: the directory that holds them; runs: records of the runs that are alive, here or on another host.
    """
    limit = (time.time() if now is None else now) - KEPT_S
    needed = {_plan_of(record) for record in runs.glob("*.json")} - {""}
    for note in state.glob("planned-*.json"):
        if _mtime(note) < limit and _plan_of(note) not in needed:
            note.unlink(missing_ok=True)
        else:
            needed.add(_plan_of(note))
    for plan in state.glob("plan-*.json"):
        if _mtime(plan) < limit and plan.name not in needed:
            plan.unlink(missing_ok=True)


def _plan_of(path):
    """Name of the plan that a note or record speaks of; '' when it cannot be read."""
    try:
        return json.loads(path.read_text(encoding="utf8")).get("plan", "").rsplit("/", 1)[-1]
    except (OSError, ValueError):
        return ""


def _mtime(path):
    try:
        return path.stat().st_mtime
    except OSError:  # another run has removed it
        return float("inf")
