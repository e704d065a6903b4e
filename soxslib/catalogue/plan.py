"""The plan: tasks and problems, a pure function of frame table, association rules and configuration."""

import fnmatch
from collections import defaultdict
from dataclasses import dataclass, field

from soxslib.catalogue.associate import Choice, Offer, Shelf, choose
from soxslib.catalogue.classify import classify
from soxslib.catalogue.scan import BAD, IGNORED, OK
from soxslib.catalogue.sets import FrameSet, make_sets

OPTIONAL, REQUIRED = "optional", "required"


@dataclass(frozen=True)
class Task:
    """One job: what it reads and makes. inputs: {name: paths}; outputs: {name: path}; missing: {name: reason}."""

    step: str
    arm: str
    night: str
    stem: str
    target: str
    role: str
    mjd: float
    inputs: dict[str, list[str]]
    outputs: dict[str, str]
    missing: dict[str, str] = field(default_factory=dict)

    @property
    def key(self):
        return self.step, self.night, self.stem


@dataclass(frozen=True)
class Problem:
    """Something that cannot be made and why. is_lost: the user would miss it (else it is only told)."""

    what: str
    reason: str
    step: str = ""
    arm: str = ""
    night: str = ""
    stem: str = ""
    target: str = ""
    is_lost: bool = True


@dataclass(frozen=True)
class Plan:
    """Tasks in the cascade's order, problems, and files that were passed over."""

    tasks: list[Task]
    problems: list[Problem]
    notes: list[str]


def make_plan(entries, instrument, *, exclude=(), pins=(), external=()):
    """The Plan of all good entries. exclude: patterns of frame names or stems; pins: (calibration, patterns, for, arm);
    external: {step: [Offer]} of products from elsewhere."""
    rules = load_rules(instrument)
    frame_types = instrument.yaml("frame_types.yaml")
    good = [e for e in sorted(entries, key=lambda e: e.path) if e.status == OK]
    excluded = [e for e in good if _matches(e.name, exclude)]
    frames = [classify(e, frame_types) for e in good if not _matches(e.name, exclude)]
    bad = [e for e in entries if e.status == BAD and not _matches(e.name, exclude)]
    sky_types = {t for kind in frame_types["frames"] if kind["role"] in frame_types["sky_roles"] for t in kind["type"]}
    problems = [Problem(e.name, e.reason, arm=e.arm, is_lost=_may_be_sky(e, sky_types)) for e in bad]
    rejected = [f for f in frames if f.role is None]
    problems += [Problem(f.entry.name, f.reason, arm=f.exposure.arm) for f in rejected if f.exposure.type in sky_types]
    sets = make_sets([f for f in frames if f.role is not None], rules, instrument)
    sets = [s for s in sets if not _matches(s.stem, exclude)]
    absent = _Absent(classified=[classify(e, frame_types) for e in excluded], rejected=rejected, bad=bad, rules=rules)
    tasks, lacking = _cascade(sets, rules, pins, dict(external), absent)
    notes = [f.reason for f in rejected if f.exposure.type not in sky_types]
    notes += [e.reason for e in entries if e.status == IGNORED]
    notes += [f"{e.name}: excluded by the config" for e in excluded]
    return Plan(tasks, problems + lacking, notes)


def load_rules(instrument):
    """The instrument's association rules, each step knowing its name."""
    rules = instrument.yaml("association.yaml")
    steps = {name: {"step": name, **rule} for name, rule in rules["steps"].items()}
    return {**rules, "steps": steps}


def _matches(name, patterns):
    bare = name.split(".fits")[0]
    return any(fnmatch.fnmatchcase(text, p) for p in patterns for text in (name, bare))


def _may_be_sky(entry, sky_types):
    """Whether a bad file may have been science or a standard: its header says so, or says nothing."""
    return entry.type in sky_types or not entry.type or entry.category == "SCIENCE"


@dataclass(frozen=True)
class _Absent:
    """Frames that are there but not used, to explain why a calibration is missing."""

    classified: list
    rejected: list
    bad: list
    rules: dict

    def why(self, step, arm):
        """Why there is not a single product of a step and arm."""
        roles = self.rules["steps"][step].get("roles") or self.rules["steps"][step]["of_roles"]
        excluded = [f for f in self.classified if f.role in roles and f.exposure.arm == arm]
        if excluded:
            return f"excluded by the config ({len(excluded)} frames)"
        refused = [
            f for f in self.rejected if f.exposure.arm == arm and f.reason.split(": ", 1)[1].startswith(_words(roles))
        ]
        if refused:
            return f"not usable: {refused[0].reason}"
        return "not observed"


def _words(roles):
    return tuple(role.replace("_", " ") for role in roles)


def _cascade(sets, rules, pins, external, absent):
    """Tasks and problems, step after step, since a step's products are offers to the next ones."""
    by_step = defaultdict(list)
    for group in sets:
        by_step[group.step].append(group)
    tasks, problems = [], []
    shelves, failures = {}, defaultdict(list)
    made = defaultdict(list)  # step -> [(set, Task)]
    for step, rule in rules["steps"].items():
        sources = [(group, None) for group in by_step[step]]
        if "follows" in rule:
            sources = [pair for parent in rule["follows"] for pair in made[parent] if pair[0].role in rule["of_roles"]]
        for group, parent in sources:
            choices = _choices(group, step, rule, shelves, rules, pins, failures, absent)
            task = _task(group, step, rule, choices, parent)
            missing = [
                name for name, need in rule["calibrations"].items() if need == REQUIRED and not choices[name].offers
            ]
            if missing:
                why = "; ".join(f"no {name.replace('_', ' ')}: {choices[name].reason}" for name in missing)
                problems.append(_lack(task, why))
                failures[step, group.arm].append(why)
                continue
            tasks.append(task)
            made[step].append((group, task))
        _fill(shelves, step, made[step], external.get(step, []))
    return tasks, problems


def _fill(shelves, step, made, external):
    """Puts the products of a step on its shelves, one for each arm."""
    by_arm = defaultdict(list)
    for group, task in made:
        by_arm[group.arm].append(Offer(group, next(iter(task.outputs.values()))))
    for offer in external:
        by_arm[offer.set.arm].append(offer)
    for arm, offers in by_arm.items():
        shelves[step, arm] = Shelf(offers)


def _choices(group, step, rule, shelves, rules, pins, failures, absent):
    """{calibration: Choice} for a set."""
    choices = {}
    for name in rule["calibrations"]:
        if group.arm not in rules["steps"][name].get("arms", [group.arm]):
            choices[name] = Choice()  # this arm has no such calibration
            continue
        shelf = shelves.get((name, group.arm), Shelf([]))
        wanted = [
            p for p in pins if p.calibration == name and p.arm in (None, group.arm) and _matches(group.stem, [p.target])
        ]
        patterns = [pattern for p in wanted for pattern in p.use]
        as_step = (
            group
            if group.step == step
            else FrameSet(step, group.role, group.arm, group.night, group.frames, group.stem)
        )
        choice = choose(as_step, shelf, rules["association"][name], count=rules["candidates"], pins=patterns)
        if not choice.offers and not choice.reason:
            lacking = failures.get((name, group.arm))
            choice = Choice(reason=lacking[0] if lacking else absent.why(name, group.arm))
        choices[name] = choice
    return choices


def _task(group, step, rule, choices, parent):
    folder = f"reduced/{group.night}/{parent.step if rule.get('folder') == 'parent' else step}"
    outputs = {name: f"{folder}/{group.stem}{suffix}" for name, suffix in rule["outputs"].items()}
    suffix = rule.get("metrics", "")
    outputs["metrics"] = f"{folder}/{group.stem}{suffix}.qc.json"
    inputs = {"raw": list(group.paths)}
    for name in rule.get("reads", []):
        inputs[name] = [parent.outputs[name]]
    inputs.update({name: [o.path for o in choice.offers] for name, choice in choices.items()})
    missing = {name: choice.reason for name, choice in choices.items() if not choice.offers and choice.reason}
    return Task(step, group.arm, group.night, group.stem, group.object, group.role, group.mjd, inputs, outputs, missing)


def _lack(task, why):
    return Problem(f"{task.step} {task.stem}", why, task.step, task.arm, task.night, task.stem, task.target)
