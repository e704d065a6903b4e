"""What the pages tell: every task of the plan with what became of it, targets with all that was made of them."""

import re
from dataclasses import dataclass, field
from functools import cached_property

from soxslib.catalogue.pairs import pairs_of
from soxslib.catalogue.summary import ABSENT, FAILED, Result, result_of
from soxslib.catalogue.tasks import Problem
from soxslib.instruments import load_instrument
from soxslib.qc.arms import with_arms
from soxslib.qc.verdicts import FAIL, PASS, UNKNOWN, WARN, Verdict, judge, worst

SKY = ("stare", "nod", "offset")
FOLLOWS = ("response", "flux_calibration")  # made of a sky task's products, under the same stem


@dataclass(frozen=True)
class Item:
    """A task with what became of it, judged by the limits in force."""

    result: Result
    verdict: Verdict

    @property
    def task(self):
        return self.result.task

    @property
    def sidecar(self):
        return self.result.sidecar

    @property
    def is_absent(self):
        return self.result.status == ABSENT

    @property
    def state(self):
        """pass, warn, fail, or none while it has not run."""
        return UNKNOWN if self.is_absent else self.verdict.state

    @property
    def reason(self):
        return "not run yet" if self.is_absent else self.verdict.reason.removeprefix(f"{self.task.step}: ")

    def metric(self, name, order=None):
        """Value of a metric, None without it."""
        values = (m["value"] for m in self.sidecar.get("metrics", []) if (m["name"], m["order"]) == (name, order))
        return next(values, None)


@dataclass(frozen=True)
class Observation:
    """A set of exposures of a target: its sky task, and what follows from it."""

    sky: Item
    response: Item | None = None
    flux: Item | None = None

    @property
    def items(self):
        return [i for i in (self.sky, self.response, self.flux) if i]

    @property
    def state(self):
        return worst(i.state for i in self.items)


@dataclass
class Target:
    """What a night has of one target."""

    night: str
    name: str
    is_standard: bool
    observations: list[Observation] = field(default_factory=list)
    both_arms: list[Item] = field(default_factory=list)  # spectra made of two observations
    problems: list[Problem] = field(default_factory=list)

    @property
    def slug(self):
        return slug(f"{self.night}_{self.name}")

    @property
    def state(self):
        return worst([FAIL] * bool(self.problems) + [o.state for o in self.observations])

    @property
    def reasons(self):
        """Lines on all that is not as it should be, the worst first."""
        items = [i for o in self.observations for i in o.items if i.state in (WARN, FAIL)]
        items.sort(key=lambda i: i.state != FAIL)
        lines = [f"{p.arm} {p.step.replace('_', ' ')}: {p.reason}" for p in self.problems]
        return lines + [f"{i.task.arm} {i.task.step.replace('_', ' ')}: {i.reason}" for i in items]


@dataclass(frozen=True)
class Story:
    """Everything the report is written from."""

    items: list[Item]
    targets: list[Target]
    problems: list[Problem]
    notes: list[str]
    limits: dict
    bands: dict  # {arm: {order: its name}}, the bluest first

    @property
    def calibrations(self):
        return [i for i in self.items if i.task.step not in SKY + FOLLOWS or i.task.step == "response"]

    @cached_property
    def by_path(self):
        """{path of any product: Item}."""
        return {path: item for item in self.items for path in item.task.outputs.values()}


def tell(tasks, problems, notes, limits, instrument):
    """The Story of a plan, from the sidecars that are there."""
    arms = load_instrument(instrument).data["arms"]
    bands = {arm: _names(content["orders"]) for arm, content in arms.items()}
    items = [_item(result, limits, bands) for result in with_arms([result_of(task) for task in tasks])]
    pairs = [_item(result_of(pair), limits, bands) for pair in pairs_of(tasks)]
    return Story(items, _targets(items, pairs, problems, list(arms)), problems, notes, limits, bands)


def _names(orders):
    ranked = sorted(orders, key=lambda o: orders[o]["wavelength_nm"][0])
    return {o: orders[o].get("band", o) for o in ranked}


def _item(result, limits, bands):
    if result.status == FAILED:
        return Item(result, Verdict(FAIL, (result.reason,)))
    verdict, names = judge(result.sidecar, limits), bands.get(result.task.arm, {})
    named = lambda m: f" of order {names.get(int(m[1]), m[1])} "
    return Item(result, Verdict(verdict.state, tuple(re.sub(r" of order (\d+) ", named, r) for r in verdict.reasons)))


def _targets(items, pairs, problems, arms):
    """Targets in the order in which they were first observed."""
    by_key = {item.task.key: item for item in items}
    targets = {}
    for item in sorted(items, key=lambda i: i.task.mjd):
        task = item.task
        if task.step in SKY:
            target = _of(targets, task.night, task.target or task.stem, task.role != "science")
            follow = (by_key.get((step, task.night, task.stem)) for step in FOLLOWS)
            target.observations.append(Observation(item, *follow))
    for item in pairs:
        _of(targets, item.task.night, item.task.target, False).both_arms.append(item)
    for target in targets.values():
        target.observations.sort(key=lambda o: (arms.index(o.sky.task.arm), o.sky.task.mjd))
    for p in problems:
        if p.is_lost and p.stem and p.step in SKY + FOLLOWS:
            _of(targets, p.night, p.target or p.stem, "STD" in p.stem).problems.append(p)
    return list(targets.values())


def _of(targets, night, name, is_standard):
    return targets.setdefault((night, name.upper()), Target(night, name, is_standard))


def slug(text):
    """A file name without anything that a link or file system stumbles on."""
    return re.sub(r"[^A-Za-z0-9_+-]+", "-", text).strip("-")


def count_states(items):
    """{state: how many}."""
    states = [i.state for i in items]
    return {state: states.count(state) for state in (PASS, WARN, FAIL, UNKNOWN)}
