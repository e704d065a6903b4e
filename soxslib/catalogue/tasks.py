"""What a plan consists of."""

import fnmatch
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Task:
    """One job: what it reads and makes. inputs: {name: paths}; outputs: {name: path}; missing: {name: reason}.

    raw_digest: of its raw files as they were when the index saw them.
    """

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
    raw_digest: str = ""

    @property
    def key(self):
        return self.step, self.night, self.stem

    @property
    def product(self):
        """The output that others read."""
        return next(iter(self.outputs.values()))


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

    def __str__(self):
        return f"{self.what}: {self.reason}" if self.stem else self.reason


@dataclass(frozen=True)
class Plan:
    """Tasks in the cascade's order, problems, and notes on frames that serve nothing."""

    tasks: list[Task]
    problems: list[Problem]
    notes: list[str]


@dataclass(frozen=True)
class Wishes:
    """What the user and earlier runs say on associations.

    exclude: patterns of frame names or stems; pins: with calibration, use, arm, target; external: {step: [Offer]}
    of products from elsewhere; failed: paths of calibrations that an earlier run could not make; sofs: sets of files;
    named: {stem of a set: the set of files that names its frames}.
    """

    exclude: tuple[str, ...] = ()
    pins: tuple = ()
    external: dict = field(default_factory=dict)
    failed: frozenset[str] = frozenset()
    sofs: tuple = ()
    named: dict = field(default_factory=dict)

    def pinned(self, calibration, arm, stem, is_required=True):
        """Patterns of the products that alone may serve a set as this calibration.

        What a set of files does not name is not used, unless the set cannot do without.
        """
        if sof := self.named.get(stem):
            found = sof.calibrations.get(calibration)
            return found or ([] if is_required else [f"that is in {sof.name}"])
        fitting = [p for p in self.pins if p.calibration == calibration and p.arm in (None, arm)]
        return [pattern for p in fitting if fnmatch.fnmatchcase(stem, p.target) for pattern in p.use]

    def excludes(self, name):
        bare = name.split(".fits")[0]
        return any(fnmatch.fnmatchcase(text, pattern) for pattern in self.exclude for text in (name, bare))


NO_WISHES = Wishes()
