"""Limits put in force: written down for the jobs, and the verdicts of earlier runs brought up to date."""

import hashlib
import json
from pathlib import Path

from soxslib.catalogue.plan import load_rules
from soxslib.io.atomic import write_word
from soxslib.qc.limits import limits_table
from soxslib.qc.verdicts import LIMITS_FILE, REJECTED, USABLE, verdict_word


def limits_rules(config, instrument):
    """What jobs judge by: the limits, and the steps whose products are passed over when they fail."""
    return {"guarded": list(load_rules(instrument)["association"]), "limits": limits_table(instrument, config.limits)}


def enforce_limits(rules, calibrations):
    """Puts other limits than before in force. calibrations: [[product, sidecar, verdict]], the paths of each.

    Verdicts first: a process killed in between does it all again.
    """
    text = json.dumps(rules, indent=1, sort_keys=True) + "\n"
    path = Path(LIMITS_FILE)
    if path.exists() and path.read_text(encoding="utf8") == text:
        return
    for product, sidecar, verdict in calibrations:
        if Path(product).exists() and Path(sidecar).exists():
            write_word(verdict, verdict_word(json.loads(Path(sidecar).read_text(encoding="utf8")), rules))
    write_word(path, text)


def outside_verdict(path):
    """Path of this directory's verdict on a product made elsewhere, whose own directory is left alone."""
    return f".soxs/verdicts/{Path(path).stem}-{hashlib.sha256(str(path).encode()).hexdigest()[:8]}.verdict"


def products_from_outside(tasks):
    """Paths of the candidates that none of the tasks makes."""
    made = {path for task in tasks for path in task.outputs.values()}
    offered = (path for task in tasks for name, paths in task.inputs.items() if name != "raw" for path in paths)
    return sorted({path for path in offered if path not in made})


def judge_outside(paths):
    """Brings the verdicts on products made elsewhere up to date with the limits in force."""
    if not paths:  # as a rule: what jobs need is not imported then
        return
    from soxslib.job import unusable

    for path in paths:
        write_word(outside_verdict(path), USABLE if unusable(path) is None else REJECTED)


def rejected(calibrations):
    """Products that an earlier run could not make, or that fail their checks."""
    return frozenset(product for product, _, verdict in calibrations if _word(verdict) == REJECTED)


def _word(path):
    try:
        return Path(path).read_text(encoding="utf8")
    except FileNotFoundError:
        return ""
