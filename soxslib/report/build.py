"""Writes the report's pages; those whose content stays are left alone, spectra and images are read once."""

import hashlib
import json
from pathlib import Path

from soxslib import __version__
from soxslib.catalogue.summary import read_plan
from soxslib.instruments import load_instrument
from soxslib.io.atomic import write_word
from soxslib.qc.verdicts import limits_in_force
from soxslib.report.calibration import calibration_page
from soxslib.report.gather import SKY, tell
from soxslib.report.html import ASSETS
from soxslib.report.overview import overview_page
from soxslib.report.payload import arm_payload, order_styles, read_spectrum, spectrum_payload
from soxslib.report.picture import order_strips
from soxslib.report.target import calibration_file, target_page
from soxslib.report.trends import DATA, trend_files, trends_page

FOLDER = Path("report")
STATE = ".state.json"  # what the targets' pages were made from
INSTRUMENT = "SOXS"


def build(plan_path, folder=FOLDER, instrument=INSTRUMENT):
    """Writes the whole report of the current directory from a plan as written down; returns the Story it tells."""
    story = tell(*read_plan(plan_path), limits_in_force()["limits"], instrument)
    folder = Path(folder)
    known = _read_state(folder / STATE)
    state = {}
    for target in story.targets:
        _write_target(target, story, folder, instrument, known, state)
    for item in story.calibrations:
        write_word(folder / "calibration" / calibration_file(item), calibration_page(item, story))
    for step, text in trend_files(story).items():
        write_word(folder / DATA / f"{step}.js", text)
    write_word(folder / "trends.html", trends_page(story, _styles(instrument)))
    write_word(folder / STATE, json.dumps(state, sort_keys=True))
    sparks = {slug: content["sparks"] for slug, content in state.items()}
    write_word(folder / "index.html", overview_page(story, sparks, _when(story)))
    return story


def _styles(instrument):
    arms = load_instrument(instrument).data["arms"]
    return {arm: [[str(o), name, colour] for o, name, _, _, colour in order_styles(instrument, arm)] for arm in arms}


def _when(story):
    made = sum(i.result.status == "made" for i in story.items)
    return f"{made} of {len(story.items)} tasks made"


def _read_state(path):
    try:
        return json.loads(path.read_text(encoding="utf8"))
    except (FileNotFoundError, ValueError):
        return {}


def _write_target(target, story, folder, instrument, known, state):
    """The page of a target, unless all it is made from is as it was."""
    path = folder / "target" / f"{target.slug}.html"
    signature = _signature(target, story)
    old = known.get(target.slug, {})
    if old.get("signature") == signature and path.exists():
        state[target.slug] = old
        return
    payloads = {"arms": {}}
    pictures, sparks = {}, {}
    for o in target.observations:
        task = o.sky.task
        payloads["arms"].setdefault(task.arm, arm_payload(instrument, task.arm))
        flux, counts = _payload(o.flux, "fluxcal"), _payload(o.sky, "merged")
        payloads[task.stem, "flux"], payloads[task.stem, "counts"] = flux, counts
        if best := flux or counts:
            sparks[task.arm] = best["spark"]
        pictures[task.stem] = _picture(task, folder, payloads["arms"][task.arm])
    write_word(path, target_page(target, story, payloads, pictures))
    state[target.slug] = {"signature": signature, "sparks": sparks}


def _payload(item, name):
    """A spectrum of an item's products as the page carries it; None when it was not made."""
    if item is None or item.result.status != "made":
        return None
    spectrum = read_spectrum(item.task.outputs[name])
    return None if spectrum is None else spectrum_payload(spectrum)


def _picture(task, folder, arm):
    """(file beside the page, its strips), or None."""
    if "rectified" not in task.outputs or task.step not in SKY:
        return None
    name = f"{task.stem}.png"
    strips = order_strips(task.outputs["rectified"], folder / "target" / name)
    if strips is None:
        return None
    for strip, order in zip(strips, _names(strips, arm), strict=True):
        strip["name"] = order
    return name, strips


def _names(strips, arm):
    """The bands' names of strips, by the nearest range of wavelengths."""
    middle = lambda a, b: 0.5 * (a + b)
    for strip in strips:
        at = middle(strip["first"], strip["last"])
        yield min(arm["orders"], key=lambda o: abs(middle(o[1], o[2]) - at))[0]


def _signature(target, story):
    """A word for all that a target's page is made from: sidecars, products, figures, limits, calibrations, code."""
    parts = [__version__, _assets(), json.dumps(story.limits, sort_keys=True), [str(p) for p in target.problems]]
    by_path = story.by_path
    for o in target.observations:
        for item in o.items:
            task = item.task
            used = [*item.sidecar.get("used", []), *(p["path"] for p in item.sidecar.get("passed_over", []))]
            states = [(path, by_path[path].state, by_path[path].reason) for path in used if path in by_path]
            figure = f"qc/{task.night}/{task.step}/{task.stem}.png"
            files = [_stamp(p) for p in [*task.outputs.values(), figure]]
            parts.append([task.stem, task.missing, states, item.metric("ARM RATIO"), files])
    parts += [[_stamp(path) for path in item.task.outputs.values()] for item in target.both_arms]
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def _assets():
    files = [*ASSETS.iterdir(), *Path(__file__).parent.glob("*.py")]
    return sorted((p.name, p.stat().st_mtime_ns) for p in files)


def _stamp(path):
    try:
        stat = Path(path).stat()
    except OSError:
        return path, None
    return path, stat.st_size, stat.st_mtime_ns
