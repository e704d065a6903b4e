"""Frames that are reduced together, and their names."""

import re
import unicodedata
import zlib
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property

from soxslib.catalogue.classify import Frame

MJD_EPOCH = datetime(1858, 11, 17, tzinfo=UTC)


@dataclass(frozen=True)
class FrameSet:
    """Frames of one task, sorted by time."""

    step: str
    role: str
    arm: str
    night: str
    frames: tuple[Frame, ...]
    stem: str = ""

    @property
    def first(self):
        return self.frames[0].exposure

    @cached_property
    def mjd(self):
        """Middle of the set, start times."""
        return 0.5 * (self.frames[0].exposure.mjd + self.frames[-1].exposure.mjd)

    @property
    def paths(self):
        return tuple(frame.path for frame in self.frames)

    @property
    def digest(self):
        """A short word for the state of the files: another one once a file of another size or time stands in its place.

        Whole seconds: copies of a night keep these.
        """
        return f"{zlib.crc32(repr([(f.entry.size, int(f.entry.mtime)) for f in self.frames]).encode()):08x}"

    @property
    def object(self):
        return self.first.target_name or self.first.object_name


def night_of(mjd, offset_h):
    """Date of the evening: a night runs from `offset_h` UTC to the same time next day."""
    return (MJD_EPOCH + timedelta(days=mjd) - timedelta(hours=offset_h)).strftime("%Y-%m-%d")


def make_sets(frames, rules, instrument):
    """All FrameSets of classified frames, named, in the cascade's order. Independent of the order of `frames`."""
    by_step = defaultdict(list)
    for frame in frames:
        for step in _steps_of(frame, rules["steps"]):
            by_step[step].append(frame)
    sets = []
    for step, rule in rules["steps"].items():
        for group in _group(by_step[step], rule, instrument.data["night_offset_h"]):
            sets.append(_staring(group, rules))
    return _with_stems(sets, rules["steps"], instrument)


def _steps_of(frame, steps):
    if frame.step is not None:
        return [frame.step]
    return [
        name
        for name, rule in steps.items()
        if frame.role in rule.get("roles", []) and frame.exposure.arm in rule.get("arms", [frame.exposure.arm])
    ]


def _group(frames, rule, night_offset_h):
    """FrameSets of one step: equal facts, same night, no gap longer than the rule allows."""
    groups = defaultdict(list)
    for frame in frames:
        night = night_of(frame.exposure.mjd, night_offset_h)
        key = (frame.exposure.arm, night, *(str(fact(frame, name)) for name in rule["same"]))
        groups[key].append(frame)
    step = rule["step"]
    for (arm, night, *_), members in sorted(groups.items()):
        members.sort(key=lambda f: (f.exposure.mjd, f.entry.name, f.path))
        block = [members[0]]
        for frame in members[1:]:
            if (frame.exposure.mjd - block[-1].exposure.mjd) * 24 > rule["block_h"]:
                yield FrameSet(step, block[0].role, arm, night, tuple(block))
                block = []
            block.append(frame)
        yield FrameSet(step, block[0].role, arm, night, tuple(block))


def fact(frame, name):
    """A fact of a frame that sets or calibrations are matched by."""
    exposure = frame.exposure
    if name == "role":
        return frame.role
    if name == "template":
        return exposure.template_start or exposure.obs_id
    if name == "object":
        return exposure.target_name or exposure.object_name
    if name == "exposure_s":
        return round(exposure.exposure_s, 3)
    if name == "binning":
        return "x".join(str(b) for b in exposure.binning)
    return getattr(exposure, name)


def _staring(group, rules):
    """The set itself; a set taken at one position only, in a mode that needs two, is reduced as stare.

    A template that was stopped early leaves such sets: the sky is then modelled instead of subtracted.
    """
    positions = {"nod": "nod_offset_arcsec", "offset": "sky_offset_arcsec"}.get(group.step)
    if positions is None or "stare" not in rules["steps"]:
        return group
    seen = {None if (p := getattr(f.exposure, positions)) is None else round(p, 1) for f in group.frames}
    return replace(group, step="stare") if len(seen) == 1 and (None not in seen or len(group.frames) == 1) else group


def _with_stems(sets, steps, instrument):
    """The sets with their names; equal names (two sets begun in the same second) are told apart by a number."""
    types = instrument.yaml("frame_types.yaml")
    used, named = defaultdict(int), []
    for group in sorted(sets, key=lambda g: (list(steps).index(g.step), g.night, g.first.mjd, g.paths)):
        stem = stem_of_set(group, steps[group.step]["name"], types, instrument)
        used[group.step, group.night, stem] += 1
        count = used[group.step, group.night, stem]
        named.append(replace(group, stem=stem if count == 1 else f"{stem}_{count}"))
    return named


def stem_of_set(group, name, types, instrument):
    """<YYYYMMDDTHHMMSS>_<ARM>_<BIN>_<SPEED>_<TYPE>[_<LAMP>][_<SLIT>][_<EXPTIME>S][_<OBJECT>], safe in paths."""
    first = group.first
    # times of headers are rounded to some 0.1 ms: a full second must not become the one before
    start = MJD_EPOCH + timedelta(days=first.mjd, milliseconds=1)
    words = [start.strftime("%Y%m%dT%H%M%S"), group.arm]
    if group.arm in types["binned_arms"]:
        across_x = instrument.arm(group.arm)["detector"]["dispersion_axis"] == "y"
        words.append("{}X{}".format(*(first.binning if across_x else first.binning[::-1])))
    words += [first.read_mode, name["type"]]
    for item in name["facts"]:
        words.append(_word(group, item, types))
    return "_".join(safe for word in words if (safe := safe_word(word)))


def _word(group, item, types):
    """One part of the name; '' where the frames of the set differ in it."""
    if item == "lamps":
        lamps = {"".join(frame.exposure.lamps) for frame in group.frames}
        return "".join(sorted(lamps))
    if item == "exposure":
        times = {float(round(frame.exposure.exposure_s, 2)) for frame in group.frames}
        return f"{times.pop()}S" if len(times) == 1 else ""
    if item == "type":
        return types["short_types"].get(group.first.type, group.first.type)
    if item == "object":
        return group.object
    return getattr(group.first, item)


def safe_word(word):
    """Upper case, '.' and ',' become '_', what a path or a wildcard could stumble on becomes '-'."""
    plain = unicodedata.normalize("NFKD", str(word)).encode("ascii", "ignore").decode().upper()
    plain = re.sub(r"[.,]", "_", plain)
    return re.sub(r"[^A-Z0-9_+-]+", "-", plain).strip("-_")
