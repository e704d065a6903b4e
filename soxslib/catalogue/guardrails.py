"""Limits of quality metrics put in force before the plan's jobs run."""

import json
from pathlib import Path

from soxslib.io.atomic import write_word
from soxslib.qc.limits import limits_table
from soxslib.qc.verdicts import LIMITS_FILE, verdict_word


def put_in_force(user, instrument, guarded, calibrations):
    """Writes the limits down for the jobs, and the verdicts anew on calibrations made before.

    user: limits of the config; guarded: steps whose products must pass; calibrations: their tasks. Files whose content
    stays are left alone, so that only consumers of a calibration whose verdict changed run again.
    """
    content = {"limits": limits_table(instrument, user), "guarded": sorted(guarded)}
    Path(LIMITS_FILE).parent.mkdir(parents=True, exist_ok=True)
    write_word(LIMITS_FILE, json.dumps(content, indent=1, sort_keys=True) + "\n")
    for task in calibrations:
        sidecar = Path(task.outputs["metrics"])
        if sidecar.exists() and Path(task.outputs["verdict"]).exists():
            write_word(task.outputs["verdict"], verdict_word(json.loads(sidecar.read_text(encoding="utf8"))))
