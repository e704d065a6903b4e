"""A night's plan as the Snakefile uses it: looked up by the rules, selected by the config."""

from fnmatch import fnmatchcase
from functools import cached_property

from soxslib.catalogue.groups import groups_of
from soxslib.catalogue.guardrails import outside_verdict, products_from_outside
from soxslib.catalogue.pairs import STEP, pairs_of
from soxslib.catalogue.priorities import priorities_of
from soxslib.catalogue.retries import name_of
from soxslib.catalogue.tasks import Problem
from soxslib.errors import ReductionError
from soxslib.qc.verdicts import LIMITS_FILE


class Night:
    """The plan of the current directory and what the rules ask of it."""

    def __init__(self, plan, config, settings, path, retries=None):
        self.plan, self.config, self.settings, self.path = plan, config, settings, path
        self.retries = retries or {}  # {name of a task: release that it is tried again with}
        self.all_pairs = pairs_of(plan.tasks)
        self.tasks = {task.key: task for task in [*plan.tasks, *self.all_pairs]}
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

    def verdicts(self, step):
        """Input function of a rule: the verdicts on its candidates, so that it runs again when one of them changes."""
        return lambda wildcards: [
            self._verdict_of[path]
            for name, paths in self.task(step, wildcards).inputs.items()
            if name != "raw"
            for path in paths
            if path in self._verdict_of
        ]

    @cached_property
    def _verdict_of(self):
        own = {task.product: task.outputs["verdict"] for task in self.plan.tasks if "verdict" in task.outputs}
        return own | {path: outside_verdict(path) for path in products_from_outside(self.plan.tasks)}

    def params(self, step):
        """Input functions of a rule's params: everything plain, since changes inside objects are not seen."""
        return {
            "arm": lambda wildcards: self.task(step, wildcards).arm,
            "stem": lambda wildcards: wildcards.stem,
            "settings": lambda wildcards: self.settings[step][self.task(step, wildcards).arm],
            "revision": lambda wildcards: self._revision(step, wildcards),
            # a raw file replaced by an older one is no newer than what was made of it
            "raw_digest": lambda wildcards: self.task(step, wildcards).raw_digest,
        }

    def _revision(self, step, wildcards):
        """The step's revision, and the release that a failed task is tried again with."""
        revision, release = self.settings[step]["revision"], self.retries.get(name_of(self.task(step, wildcards)))
        return revision if release is None else f"{revision}, again with {release}"

    def memory(self, base_mb, frame_mb=0):
        """Resource function of a rule: megabytes for a job and for each raw frame it reads, more with each attempt.

        As measured on frames of the larger detector, with 300 MB for the Snakemake that a cluster runs beside the job.
        """
        return lambda wildcards, input, attempt: attempt * (base_mb + frame_mb * len(input.raw))

    def priority(self, step):
        """Function of a rule's wildcards: jobs of higher priority start first."""
        return lambda wildcards: self._priorities[self.task(step, wildcards).key]

    @cached_property
    def _priorities(self):
        return priorities_of(self.plan.tasks)

    def group(self, step=None):
        """Function of a rule's wildcards: the jobs it goes to a cluster with. A figure goes with what it shows."""
        return lambda wildcards: self._groups.get((step or wildcards.step, wildcards.night, wildcards.stem))

    @cached_property
    def _groups(self):
        return groups_of(self.plan.tasks, {t.step for t in self.plan.tasks if "verdict" in t.outputs})

    @cached_property
    def selected(self):
        """Tasks asked for by the config, with everything they need, in the cascade's order."""
        return select_tasks(self.plan.tasks, self.config)

    @cached_property
    def pairs(self):
        """Pairs of two arms' spectra that are both asked for."""
        wanted = {
            task.outputs["fluxcal"] for task in self.selected if "fluxcal" in task.outputs and self.is_wanted(task)
        }
        return [pair for pair in self.all_pairs if wanted.issuperset(pair.inputs["spectra"])]

    @cached_property
    def jobs(self):
        """The selected tasks and pairs: all that a run makes, but figures and report."""
        return [*self.selected, *self.pairs]

    @cached_property
    def targets(self):
        """Every product of the selected tasks and pairs."""
        return [path for task in self.jobs for path in task.outputs.values()]

    @property
    def sidecars(self):
        return [task.outputs["metrics"] for task in self.jobs]

    @property
    def limits(self):
        """The file of the limits in force."""
        return LIMITS_FILE

    def is_wanted(self, task):
        """Whether the config asks for a task itself, not only for what needs it."""
        return task.step == STEP or _is_wanted(task, self.config)

    @property
    def unmade(self):
        """Problems among what was asked for."""
        found = [p for p in self.plan.problems if _is_wanted(p, self.config)]
        if self.plan.tasks and not self.selected and not found:
            found.append(Problem("plan", "nothing to reduce: the config selects none of what is there"))
        return found

    def needed_for(self, tasks):
        """The tasks and their ancestors, in the cascade's order."""
        return with_ancestors(self.plan.tasks, tasks)


def select_tasks(tasks, config):
    """Tasks that the config selects, and their ancestors."""
    return with_ancestors(tasks, [task for task in tasks if _is_wanted(task, config)])


def with_ancestors(tasks, chosen):
    """The chosen ones of `tasks` and all that they read, in the order of `tasks`."""
    maker = {path: task for task in tasks for path in task.outputs.values()}
    found, todo = set(), list(chosen)
    while todo:
        task = todo.pop()
        if task.key not in found:
            found.add(task.key)
            todo += [maker[path] for paths in task.inputs.values() for path in paths if path in maker]
    return [task for task in tasks if task.key in found]


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
