"""The plan: a pure function of frame table, association rules, configuration, and the fate of earlier runs."""

from dataclasses import replace

from soxslib.catalogue.cascade import Unused, run_cascade
from soxslib.catalogue.classify import classify
from soxslib.catalogue.copies import without_copies
from soxslib.catalogue.scan import BAD, IGNORED, OK
from soxslib.catalogue.sets import make_sets
from soxslib.catalogue.sof import regroup
from soxslib.catalogue.tasks import NO_WISHES, Plan, Problem


def load_rules(instrument):
    """The instrument's association rules, each step knowing its name."""
    rules = instrument.yaml("association.yaml")
    steps = {name: {"step": name, **rule} for name, rule in rules["steps"].items()}
    return {**rules, "steps": steps}


def make_plan(entries, instrument, wishes=NO_WISHES):
    """The Plan of a frame table."""
    rules, frame_types = load_rules(instrument), instrument.yaml("frame_types.yaml")
    entries = sorted(entries, key=lambda e: e.path)
    good = [classify(e, frame_types) for e in entries if e.status == OK]
    excluded = [f for f in good if wishes.excludes(f.entry.name)]
    frames = [f for f in good if not wishes.excludes(f.entry.name)]
    bad = [e for e in entries if e.status == BAD and not wishes.excludes(e.name)]
    rejected = [f for f in frames if f.role is None]
    named_by_user = {name for sof in wishes.sofs for name in sof.raw}
    useful, copies = without_copies([f for f in frames if f.role is not None], named_by_user)
    sets = make_sets(useful, rules, instrument)
    sets = [s for s in sets if not wishes.excludes(s.stem)]
    sets, named = regroup(sets, wishes.sofs)
    wishes = replace(wishes, named=named)
    types = {kind["role"]: kind.get("type", []) for kind in frame_types["frames"]}
    tasks, lacking = run_cascade(sets, rules, wishes, Unused(excluded, rejected, bad, types))

    sky = _sky_types(frame_types)
    problems = [Problem(e.name, e.reason, arm=e.arm, is_lost=_may_be_sky(e, sky)) for e in bad]
    problems += [Problem(f.entry.name, f.reason, arm=f.exposure.arm) for f in rejected if f.exposure.type in sky]
    notes = [f.reason for f in rejected if f.exposure.type not in sky]
    notes += copies
    notes += [e.reason for e in entries if e.status == IGNORED]
    notes += [f"{f.entry.name}: excluded by the config" for f in excluded]
    if not tasks and not problems + lacking:
        problems = [Problem("plan", _nothing(entries))]
    return Plan(tasks, problems + lacking, notes)


def _nothing(entries):
    if not entries:
        return "nothing to reduce: no raw frame found; put them into raw/ or name their place with raw: in config.yaml"
    return f"nothing to reduce: none of the {len(entries)} raw files is of use; `soxs plan` tells why"


def _sky_types(frame_types):
    return {t for kind in frame_types["frames"] if kind["role"] in frame_types["sky_roles"] for t in kind["type"]}


def _may_be_sky(entry, sky_types):
    """Whether a bad file may have been science or a standard: its header says so, or says nothing."""
    return entry.type in sky_types or not entry.type or entry.category == "SCIENCE"
