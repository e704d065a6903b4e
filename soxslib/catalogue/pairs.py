"""Which flux-calibrated spectra of two arms become one: observations of one target that were taken together.

Pairs are found among the tasks of a plan and are no part of it: no set, association or group knows of them.
"""

from itertools import combinations

from soxslib.catalogue.sets import safe_word
from soxslib.catalogue.tasks import Task

STEP, BOTH = "both_arms", "BOTH"  # the step, and its word where others name an arm
TOGETHER_H = 1.0  # between the middles of two observations; an arm may take many exposures while the other takes one


def pairs_of(tasks):
    """A Task for each science target that two arms observed together, in the order of their times.

    Of several observations each is used once, those nearest in time first.
    """
    by_target = {}
    for task in tasks:
        if task.step == "flux_calibration" and task.role == "science" and task.target:
            by_target.setdefault((task.night, task.target.upper()), []).append(task)
    found = [_pair(*sorted(two, key=lambda t: t.arm)) for group in by_target.values() for two in _nearest(group)]
    return sorted(found, key=lambda pair: (pair.mjd, pair.stem))


def _nearest(group):
    """Pairs of tasks of different arms."""
    apart = lambda two: abs(two[0].mjd - two[1].mjd)
    used = set()
    for two in sorted(combinations(group, 2), key=lambda two: (apart(two), two[0].stem, two[1].stem)):
        if two[0].arm != two[1].arm and apart(two) * 24 <= TOGETHER_H and not used & {t.key for t in two}:
            used |= {t.key for t in two}
            yield two


def _pair(one, other):
    """The Task of two, named <YYYYMMDDTHHMMSS>_BOTH_<OBJECT> after the one that began first."""
    start = min(task.stem.split("_")[0] for task in (one, other))
    stem = f"{start}_{BOTH}_{safe_word(one.target)}"
    folder = f"reduced/{one.night}/{STEP}/{stem}"
    return Task(
        step=STEP,
        arm=BOTH,
        night=one.night,
        stem=stem,
        target=one.target,
        role=one.role,
        mjd=min(one.mjd, other.mjd),
        inputs={
            "raw": [*one.inputs["raw"], *other.inputs["raw"]],
            "spectra": [one.outputs["fluxcal"], other.outputs["fluxcal"]],
        },
        outputs={"fluxcal": f"{folder}_SPECTRUM.fits", "metrics": f"{folder}.qc.json"},
    )
