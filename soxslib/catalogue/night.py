"""A night's plan as the Snakefile uses it: index refreshed, plan made once, looked up by the rules."""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import cached_property

from soxslib import __version__, workflow_dir
from soxslib.catalogue.database import load_entries, load_identities
from soxslib.catalogue.external import find_external
from soxslib.catalogue.plan import load_rules, make_plan
from soxslib.catalogue.scan import find_files
from soxslib.catalogue.summary import FAILED, result_of
from soxslib.catalogue.tasks import Plan, Problem, Task, Wishes
from soxslib.config.user import read_config
from soxslib.errors import ReductionError
from soxslib.instruments import load_instrument

INDEX = "index.db"
STATE = ".soxs"  # plans, and which runs are alive
PLAN_VARIABLE = "SOXS_PLAN"  # jobs on a cluster read the plan their run was started with, whatever came in since


class Night:
    """The plan of the current directory and what the rules ask of it."""

    def __init__(self, plan, config, settings, path):
        self.plan, self.config, self.settings, self.path = plan, config, settings, path
        self.tasks = {task.key: task for task in plan.tasks}
        self.problems = {(p.step, p.night, p.stem): p for p in plan.problems if p.stem}

    def task(self, step, wildcards):
        """The task of a rule's wildcards; a ReductionError when the plan has none."""
        key = step, wildcards.night, wildcards.stem
        if key in self.tasks:
            return self.tasks[key]
        if key in self.problems:
            raise ReductionError(f"{step} {wildcards.stem} cannot be made: {self.problems[key].reason}")
        raise ReductionError(
            f"{step} {wildcards.stem} of {wildcards.night} is not in the plan; `soxs plan` shows what is"
        )

    def inputs(self, step, name):
        """Input function of a rule: the paths of one named input, best candidate first."""
        return lambda wildcards: self.task(step, wildcards).inputs[name]

    def params(self, step):
        """Input functions of a rule's params: everything plain, since changes inside objects are not seen."""
        return {
            "arm": lambda wildcards: self.task(step, wildcards).arm,
            "stem": lambda wildcards: wildcards.stem,
            "settings": lambda wildcards: self.settings[step][self.task(step, wildcards).arm],
            "revision": lambda wildcards: self.settings[step]["revision"],
        }

    @cached_property
    def selected(self):
        """Tasks asked for by the config, with everything they need, in the cascade's order."""
        return select_tasks(self.plan.tasks, self.config)

    @cached_property
    def targets(self):
        """Every product of the selected tasks."""
        return [path for task in self.selected for path in task.outputs.values()]

    @property
    def sidecars(self):
        return [task.outputs["metrics"] for task in self.selected]

    def is_wanted(self, task):
        """Whether the config asks for a task itself, not only for what needs it."""
        return _is_wanted(task, self.config)

    @property
    def unmade(self):
        """Problems among what was asked for."""
        return [p for p in self.plan.problems if _is_wanted(p, self.config)]


def select_tasks(tasks, config):
    """Tasks that the config selects, and their ancestors."""
    maker = {path: task for task in tasks for path in task.outputs.values()}
    chosen, todo = {}, [task for task in tasks if _is_wanted(task, config)]
    while todo:
        task = todo.pop()
        if task.key not in chosen:
            chosen[task.key] = task
            todo += [maker[path] for paths in task.inputs.values() for path in paths if path in maker]
    return [task for task in tasks if task.key in chosen]


def _is_wanted(item, config):
    select = config.select
    if select.arms and item.arm and item.arm not in select.arms:
        return False
    if config.nights and item.night and not any(fnmatchcase(item.night, n) for n in config.nights):
        return False
    if isinstance(item, Problem) and not item.stem:
        return True
    if select.targets and not _is_target(item, select.targets):
        return False
    return not select.modes or any(f"_{mode.upper()}_" in item.stem for mode in select.modes)


def _is_target(item, patterns):
    return (
        bool(item.target)
        and item.step not in _CALIBRATIONS
        and any(fnmatchcase(item.target.upper(), p.upper()) for p in patterns)
    )


_CALIBRATIONS = frozenset(
    ("master_bias", "master_dark", "dispersion_solution", "order_trace", "master_flat", "spatial_solution")
)


def index_is_stale(config):
    """True when the raw files differ from those of the index in name, size or time."""
    return load_identities(INDEX) != {(path, *facts) for path, facts in find_files(config.raw).items()}


def refresh_index(config):
    """Has the rule `index` run in a Snakemake of its own: a Snakefile cannot run its own rules while it is read."""
    with tempfile.NamedTemporaryFile("w", suffix=".json", prefix="soxs-config-") as fh:
        json.dump({"raw": config.raw}, fh)
        fh.flush()
        # another user's or run's SNAKEMAKE_PROFILE must not reach this one
        environment = {k: v for k, v in os.environ.items() if not k.startswith("SNAKEMAKE_")}
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(workflow_dir() / "rules" / "index.smk")]
        command += [
            "--directory",
            os.getcwd(),
            "--cores",
            "1",
            "--executor",
            "local",
            "--scheduler",
            "greedy",
            "--nolock",
        ]
        command += ["--profile", "none", "--workflow-profile", "none", "--configfile", fh.name, "--force", INDEX]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=3600, check=False)
    if done.returncode:
        raise ReductionError(f"index refresh failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


def open_night(overrides=None, *, is_main=True):
    """The Night of the current directory. The main process refreshes the index when files have changed and makes the
    plan; processes it starts on other machines read the plan it made."""
    frozen = os.environ.get(PLAN_VARIABLE)
    config = read_config(overrides=overrides)
    if not is_main and frozen and os.path.exists(frozen):
        return _load(frozen, config)
    if is_main and index_is_stale(config):
        refresh_index(config)
    return plan_night(config)


def plan_night(config):
    """The Night of the index as it is, its plan written down."""
    instrument, entries = load_instrument(config.instrument), load_entries(INDEX)
    external = find_external(config.calibrations, instrument)
    wishes = Wishes(exclude=tuple(config.exclude), pins=tuple(config.pin), external=external)
    plan = make_plan(entries, instrument, wishes)
    if failed := _failed_calibrations(plan.tasks, instrument):
        plan = make_plan(entries, instrument, replace(wishes, failed=failed))
    settings = _all_settings(config, instrument)
    content = json.dumps(
        {
            "version": __version__,
            "tasks": [vars(t) for t in plan.tasks],
            "problems": [vars(p) for p in plan.problems],
            "notes": plan.notes,
            "settings": settings,
            "select": [config.select.model_dump(), config.night],
        }
    )
    path = f"{STATE}/plan-{hashlib.sha256(content.encode()).hexdigest()[:12]}.json"
    if not os.path.exists(path):
        os.makedirs(STATE, exist_ok=True)
        from soxslib.io.atomic import atomic_path

        with atomic_path(path) as temporary:
            temporary.write_text(content, encoding="utf8")
    os.environ[PLAN_VARIABLE] = os.path.abspath(path)
    return Night(plan, config, json.loads(json.dumps(settings)), path)


def _failed_calibrations(tasks, instrument):
    """Products that an earlier run could not make."""
    steps = load_rules(instrument)["association"]
    return frozenset(task.product for task in tasks if task.step in steps and result_of(task).status == FAILED)


def _all_settings(config, instrument):
    """{step: {arm: settings, "revision": int}}, as plain as JSON makes them."""
    from soxslib.config.settings import STEPS, revision_of, settings_for

    return {
        step: {
            arm: settings_for(step, arm, config.settings.get(step), config.instrument)
            for arm in instrument.data["arms"]
        }
        | {"revision": revision_of(step)}
        for step in STEPS
    }


def _load(path, config):
    with open(path, encoding="utf8") as fh:
        content = json.load(fh)
    plan = Plan([Task(**t) for t in content["tasks"]], [Problem(**p) for p in content["problems"]], content["notes"])
    return Night(plan, config, content["settings"], path)
