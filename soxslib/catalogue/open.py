"""From the night's directory to its Night: config read, index current, plan made and written down.

The plan is written to a file named after its content. Processes that the run starts on other machines read that file: a
frame that comes in meanwhile cannot change what they were planned to do.
"""

import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path

import soxslib
from soxslib.catalogue.database import load_entries, load_identities
from soxslib.catalogue.external import find_external
from soxslib.catalogue.guardrails import (
    enforce_limits,
    judge_outside,
    limits_rules,
    outside_verdict,
    products_from_outside,
    rejected,
)
from soxslib.catalogue.night import Night
from soxslib.catalogue.pairs import BOTH, pairs_of
from soxslib.catalogue.plan import load_rules, make_plan
from soxslib.catalogue.refresh import INDEX, index_is_stale, refresh_index
from soxslib.catalogue.retries import retries_of
from soxslib.catalogue.sof import read_sof
from soxslib.catalogue.tasks import Plan, Problem, Task, Wishes
from soxslib.config.settings import CONFIGURED, STEPS, revision_of, settings_for
from soxslib.config.user import read_config
from soxslib.instruments import load_instrument
from soxslib.io.atomic import atomic_path

STATE = Path(".soxs")  # plans, and which runs are alive
PLAN_VARIABLE = "SOXS_PLAN"


def open_night(overrides=None, *, is_main=True):
    """The Night of the current directory, as the main process plans it or as that process has written it down."""
    config = read_config(overrides=overrides)
    frozen = os.environ.get(PLAN_VARIABLE)
    if not is_main and frozen and os.path.exists(frozen):
        return read_night(frozen, config)
    if is_main and index_is_stale(config):
        refresh_index(config)
    path = plan_file(config)
    night = read_night(path, config)
    if is_main:
        os.environ[PLAN_VARIABLE] = str(path.absolute())
    return night


def read_night(path, config):
    """The Night of a plan as written down."""
    content = json.loads(Path(path).read_text(encoding="utf8"))
    plan = Plan([Task(**t) for t in content["tasks"]], [Problem(**p) for p in content["problems"]], content["notes"])
    return Night(plan, config, content["settings"], str(path), content.get("retries"))


def plan_file(config):
    """Path of the plan of the index as it is; made only when what it rests on has changed."""
    instrument = load_instrument(config.instrument)
    note, rules = STATE / f"planned-{_key(config)}.json", limits_rules(config, instrument)
    if note.exists() and not config.calibrations:
        known = json.loads(note.read_text(encoding="utf8"))
        path = Path(known["plan"])
        enforce_limits(rules, known["calibrations"])
        judge_outside(known["outside"])
        if path.exists() and set(known["failed"]) == rejected(known["calibrations"]):
            os.utime(note)  # in use
            return path
    plan, calibrations, failed = _plan(config, instrument)
    outside = products_from_outside(plan.tasks)
    judge_outside(outside)
    path = _write_plan(plan, _all_settings(config, instrument))
    known = {"plan": str(path), "calibrations": calibrations, "failed": sorted(failed), "outside": outside}
    _write(note, json.dumps(known))
    return path


def _plan(config, instrument):
    """(plan, [[product, sidecar, verdict]] of its calibrations, products among them that failed in an earlier run)."""
    entries = load_entries(INDEX)
    external = find_external(config.calibrations, instrument)
    wishes = Wishes(
        exclude=tuple(config.exclude), pins=tuple(config.pin), external=external, sofs=_sofs(config, instrument)
    )
    plan = make_plan(entries, instrument, wishes)
    steps = load_rules(instrument)["association"]
    calibrations = [[t.product, t.outputs["metrics"], t.outputs["verdict"]] for t in plan.tasks if t.step in steps]
    enforce_limits(limits_rules(config, instrument), calibrations)
    outside = [offer.path for offers in external.values() for offer in offers]
    judge_outside(outside)
    failed = rejected([*calibrations, *([path, "", outside_verdict(path)] for path in outside)])
    return make_plan(entries, instrument, replace(wishes, failed=failed)) if failed else plan, calibrations, failed


def _sofs(config, instrument):
    return tuple(read_sof(path, load_rules(instrument)["association"]) for path in config.sof)


def _key(config):
    """What a plan rests on beside the fate of earlier runs: index, config, and the code and data that make it."""
    package = Path(soxslib.__file__).parent
    sources = [p for part in ("catalogue", "config", "instruments") for p in (package / part).rglob("*.[py]*")]
    parts = [
        soxslib.__version__,
        sorted((load_identities(INDEX) or {}).items()),
        config.model_dump_json(exclude={"select", "night"}),
        [Path(p).read_text(encoding="utf8") for p in config.sof if Path(p).exists()],
        sorted((str(p), p.stat().st_mtime) for p in sources if p.suffix in (".py", ".yaml")),
    ]
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]


def _write_plan(plan, settings):
    content = {
        "tasks": [vars(t) for t in plan.tasks],
        "problems": [vars(p) for p in plan.problems],
        "notes": plan.notes,
        "settings": settings,
        "retries": retries_of([*plan.tasks, *pairs_of(plan.tasks)]),
    }
    text = json.dumps(content)
    path = STATE / f"plan-{hashlib.sha256(text.encode()).hexdigest()[:12]}.json"
    if not path.exists():
        _write(path, text)
    return path


def _write(path, text):
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf8")


def _all_settings(config, instrument):
    """{step: {arm: settings, "revision": int}}; a step that joins arms has one for both."""
    arms = list(instrument.data["arms"])
    out = {}
    for step in CONFIGURED:
        user = config.settings.get(step)
        names = arms if step in STEPS else [BOTH]
        out[step] = {arm: settings_for(step, arm, user, config.instrument) for arm in names}
        out[step]["revision"] = revision_of(step)
    return out
