"""Sets of files: what belongs together, as text that people can read, keep, and give back in the config.

A line is `path  TAG`; raw frames are tagged <DPR TYPE>_<ARM>, products with their PRO CATG; after # stands a comment.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from soxslib.catalogue.ancestry import origin_of
from soxslib.errors import ReductionError
from soxslib.io.headers import read_header

IMAGE = "_IMAGE.fits"  # of a spatial solution: belongs to its table


@dataclass(frozen=True)
class SetOfFiles:
    """Raw frames of a set, and {step: product paths} of the calibrations that alone may serve it."""

    name: str
    raw: tuple[str, ...]
    calibrations: dict


def sof_lines(path, task_raws, root="."):
    """Lines of the set of files of a product: its raw frames and every calibration it and what follows from it used.

    task_raws: {raw file name: path}.
    """
    origin = origin_of(path, root)
    arm = origin.sidecar["arm"]
    lines = [
        (_raw_path(name, task_raws), f"{_type(_raw_path(name, task_raws))}_{arm}") for name in origin.sidecar["raw"]
    ]
    for used in _used(origin, root):
        lines.append((used, _category(Path(root) / used)))
        image = used.removesuffix(".fits") + IMAGE
        if (Path(root) / image).exists():
            lines.append((image, _category(Path(root) / image)))
    width = max(len(p) for p, _ in lines)
    return [f"{p:{width}s}  {tag}" for p, tag in lines]


def _used(origin, root):
    """Calibrations of all steps of one set, without its own products."""
    folder, stem = Path(origin.sidecar_path).parent, origin.sidecar["stem"]
    sidecars = [folder / f"{stem}{suffix}.qc.json" for suffix in ("", "_FLUXCAL")]
    paths = []
    for sidecar in sidecars:
        if (Path(root) / sidecar).exists():
            paths += origin_of(str(sidecar), root).used
    own = lambda p: Path(p).parent == folder and Path(p).name.startswith(stem)
    return [p for p in dict.fromkeys(paths) if not own(p)]


def _raw_path(name, task_raws):
    return task_raws.get(name, name)


def _type(path):
    try:
        return str(read_header(path)[0].get("ESO DPR TYPE", "RAW"))
    except (ReductionError, OSError):
        return "RAW"


def _category(path):
    try:
        return str(read_header(str(path))[0].get("ESO PRO CATG", "PRODUCT"))
    except (ReductionError, OSError):
        return "PRODUCT"


def read_sof(path, steps):
    """The SetOfFiles of a file. steps: those that make calibrations, named as their folders are."""
    try:
        text = Path(path).read_text(encoding="utf8")
    except OSError as error:
        raise ReductionError(f"config: sof: {path} cannot be read ({error.strerror}); correct or remove it") from None
    raw, calibrations = [], {}
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split("#")[0].split()
        if not words:
            continue
        if len(words) != 2:
            raise ReductionError(f"{path}, line {number}: holds {len(words)} words; path and tag are needed")
        step = Path(words[0]).parent.name
        if words[0].endswith(IMAGE):
            continue
        if step in steps:
            calibrations.setdefault(step, []).append(words[0])
        else:
            raw.append(Path(words[0]).name)
    if not raw:
        raise ReductionError(f"{path}: names no raw frame; a set of files begins with the frames it is made of")
    return SetOfFiles(Path(path).name, tuple(raw), calibrations)


def regroup(sets, sofs):
    """The FrameSets with those that a set of files names made of its frames alone, and {stem: SetOfFiles}."""
    named, out = {}, []
    for group in sets:
        sof = next((s for s in sofs if group.paths and _is_of(group, s)), None)
        if sof:
            group = replace(group, frames=tuple(f for f in group.frames if Path(f.path).name in sof.raw))
            named[group.stem] = sof
        out.append(group)
    missing = [s for s in sofs if s not in named.values()]
    if missing:
        raise ReductionError(
            f"config: sof: {missing[0].name} names no frames that belong together here: {missing[0].raw[0]} ..."
        )
    return out, named


def _is_of(group, sof):
    """Whether a set of files speaks of a set: all its raw frames are in it."""
    return set(sof.raw) <= {Path(p).name for p in group.paths}
