"""Sets become tasks, step after step, since what a step makes is on offer to the next ones."""

from collections import defaultdict
from dataclasses import dataclass, field, replace

from soxslib.catalogue.associate import Choice, Offer, Shelf, choose
from soxslib.catalogue.tasks import Problem, Task

_REMEDY = "add raw frames, or another night's products with calibrations: in config.yaml"
REQUIRED = "required"  # the other need is "optional": done without, and told


@dataclass(frozen=True)
class Unused:
    """Frames that are there but serve nothing, to explain why a calibration is missing."""

    excluded: list
    rejected: list
    bad: list
    types: dict  # {role: DPR TYPEs of its frames}

    def why_none(self, rule, arm):
        """Why there is not a single product of a step and arm."""
        roles = rule.get("roles") or rule["of_roles"]
        excluded = [f for f in self.excluded if f.role in roles and f.exposure.arm == arm]
        if excluded:
            return f"excluded by the config ({len(excluded)} frame{'s' * (len(excluded) > 1)})"
        names = tuple(role.replace("_", " ") for role in roles)
        refused = [f for f in self.rejected if f.exposure.arm == arm and f.objection.startswith(names)]
        if refused:
            return f"not usable ({refused[0].reason})"
        types = {t for role in roles for t in self.types.get(role, [])}
        maybe = [e.name for e in self.bad if e.arm == arm and e.type in types]
        unless = f", unless among the files that cannot be used ({maybe[0]})" if maybe else ""
        return f"{' or '.join(names)} of {arm} not observed{unless}; {_REMEDY}"


@dataclass
class _Stock:
    """What the steps so far have made, and what they could not make."""

    made: dict = field(default_factory=lambda: defaultdict(list))  # step -> [(set, task)]
    shelves: dict = field(default_factory=dict)  # (step, arm) -> Shelf
    failures: dict = field(default_factory=lambda: defaultdict(list))  # (step, arm) -> [reason]


def run_cascade(sets, rules, wishes, unused):
    """(tasks, problems) of all sets."""
    by_step = defaultdict(list)
    for group in sets:
        by_step[group.step].append(group)
    stock, tasks, problems = _Stock(), [], []
    for step, rule in rules["steps"].items():
        for group, parent in _sources(by_step[step], rule, stock):
            choices = _choices(replace(group, step=step), rules, stock, wishes, unused)
            task = _task(group, rule, choices, parent, is_calibration=step in rules["association"])
            why = _why_not(rule, choices)
            if why:
                problems.append(_problem(task, why))
                _remember(rules, group, step, why, stock)
            else:
                tasks.append(task)
                stock.made[step].append((group, task))
        if step in rules["association"]:
            _fill_shelves(step, rules["association"][step], stock, wishes.external.get(step, []))
    return tasks, problems


def _sources(groups, rule, stock):
    """(set, task it follows or None) of a step."""
    if "follows" not in rule:
        return [(group, None) for group in groups]
    return [pair for parent in rule["follows"] for pair in stock.made[parent] if pair[0].role in rule["of_roles"]]


def _why_not(rule, choices):
    """Why a set cannot be reduced, '' when it can."""
    needed = [name for name, need in rule["calibrations"].items() if need == REQUIRED and not choices[name].offers]
    return "; ".join(f"no {name.replace('_', ' ')}: {choices[name].reason}" for name in needed)


def _remember(rules, group, step, why, stock):
    """Notes a failure for those who would have used the step's product, or what follows from it."""
    stock.failures[step, group.arm].append(why)
    for name, rule in rules["steps"].items():
        if step in rule.get("follows", []) and group.role in rule["of_roles"]:
            stock.failures[name, group.arm].append(f"{group.stem} cannot be reduced ({why})")


def _fill_shelves(step, rule, stock, external):
    """Puts the products of a step on its shelves, one for each arm."""
    by_arm = defaultdict(list)
    for group, task in stock.made[step]:
        by_arm[group.arm].append(Offer(group, task.product))
    for offer in external:
        by_arm[offer.set.arm].append(offer)
    for arm, offers in by_arm.items():
        stock.shelves[step, arm] = Shelf(offers, rule)


def _choices(group, rules, stock, wishes, unused):
    """{calibration: Choice} of a set."""
    steps, choices = rules["steps"], {}
    for name in steps[group.step]["calibrations"]:
        if group.arm not in steps[name].get("arms", [group.arm]):
            choices[name] = Choice()  # this arm has no such calibration
            continue
        choice = Choice()
        if shelf := stock.shelves.get((name, group.arm)):
            need = steps[group.step]["calibrations"][name]
            pins = wishes.pinned(name, group.arm, group.stem, is_required=need == REQUIRED)
            rule = rules["association"][name]
            choice = choose(group, shelf, rule, count=rules["candidates"], pins=pins, failed=wishes.failed)
        if not choice.offers and not choice.reason:
            reasons = stock.failures.get((name, group.arm))
            choice = Choice(reason=reasons[0] if reasons else unused.why_none(steps[name], group.arm))
        choices[name] = choice
    return choices


def _task(group, rule, choices, parent, is_calibration):
    """The task of a set; `parent`: the task whose products it reads. A calibration has a verdict its consumers read."""
    step = rule["step"]
    folder = f"reduced/{group.night}/{parent.step if rule.get('folder') == 'parent' else step}"
    outputs = {name: f"{folder}/{group.stem}{suffix}" for name, suffix in rule["outputs"].items()}
    outputs["metrics"] = f"{folder}/{group.stem}{rule.get('metrics', '')}.qc.json"
    if is_calibration:
        outputs["verdict"] = f"{folder}/{group.stem}.verdict"
    inputs = {"raw": list(group.paths)} | {name: [parent.outputs[name]] for name in rule.get("reads", [])}
    inputs |= {name: [offer.path for offer in choice.offers] for name, choice in choices.items()}
    missing = {name: choice.reason for name, choice in choices.items() if not choice.offers and choice.reason}
    facts = group.arm, group.night, group.stem, group.object, group.role, group.mjd
    return Task(step, *facts, inputs, outputs, missing, group.digest)


def _problem(task, why):
    return Problem(f"{task.step} {task.stem}", why, task.step, task.arm, task.night, task.stem, task.target)
