"""Which jobs go to a cluster together: chains that would only wait for each other in the queue."""

from collections import Counter, defaultdict

SPECTRA = "spectra"
CALIBRATIONS = "calibrations"
DETACHABLE = "flux_calibration"  # the one step of a standard that may need another standard


def groups_of(tasks, calibration_steps):
    """{key of a task: name of its group}; a task without a name goes alone.

    A night's calibrations of an arm are one group, and each spectrum with what follows from it another. Two groups must
    not wait for each other (nights that borrow each other's calibrations, standards that calibrate each other): such
    groups are parted until none does.
    """
    ladders = {task.key: _ladder(task, calibration_steps) for task in tasks}
    level = dict.fromkeys(ladders, 0)
    while True:
        unit = {key: ladder[level[key]] or key for key, ladder in ladders.items()}
        stuck = _entangled(tasks, unit)
        # a unit that is a single task cannot be parted
        stuck = {u for u in stuck if isinstance(u, str)}
        if not stuck:
            return {key: name for key, name in unit.items() if isinstance(name, str)}
        for key, name in unit.items():
            level[key] += name in stuck


def _ladder(task, calibration_steps):
    """Names of a task's group, the largest group first; None at the end: alone."""
    if task.step in calibration_steps and task.step != "response":
        return f"{CALIBRATIONS}_{task.night}_{task.arm}", None
    whole = f"{SPECTRA}_{task.night}_{task.stem}"
    return (whole, None) if task.step == DETACHABLE else (whole, f"{whole}_counts", None)


def _entangled(tasks, unit):
    """Units that lie on a circle of needs, or between two circles."""
    maker = {path: task.key for task in tasks for path in task.outputs.values()}
    needs = defaultdict(set)
    for task in tasks:
        for paths in task.inputs.values():
            for path in paths:
                if path in maker and unit[maker[path]] != unit[task.key]:
                    needs[unit[task.key]].add(unit[maker[path]])
    units = set(unit.values())
    feeds = defaultdict(set)
    for name, others in needs.items():
        for other in others:
            feeds[other].add(name)
    return units - _unwound(units, needs, feeds) - _unwound(units, feeds, needs)


def _unwound(units, before, after):
    """Units that can be taken one after another, each when all before it are taken."""
    waiting = Counter({name: len(before.get(name, ())) for name in units})
    ready = [name for name in units if not waiting[name]]
    taken = set()
    while ready:
        name = ready.pop()
        taken.add(name)
        for other in after.get(name, ()):
            waiting[other] -= 1
            if not waiting[other]:
                ready.append(other)
    return taken
