"""Cluster jobs that outlived the run that sent them: a second run would make the same products beside them."""

import os
import shutil
import subprocess
import time

PATIENCE_S = 60


def cancel_orphans(folder="."):
    """Numbers of the Slurm jobs of this directory, cancelled and gone; only to be called when no run is alive here.

    What their chains had already finished is kept, since products are written whole or not at all.
    """
    jobs = _jobs_of(os.path.realpath(folder))
    if jobs:
        _ask("scancel", *jobs)
        deadline = time.monotonic() + PATIENCE_S
        while _jobs_of(os.path.realpath(folder)) and time.monotonic() < deadline:
            time.sleep(0.5)
    return jobs


def _jobs_of(folder):
    """Numbers of the user's jobs that were sent from a directory."""
    lines = _ask("squeue", "--me", "--noheader", "--format", "%i %Z").splitlines()
    found = [line.split(maxsplit=1) for line in lines if " " in line]
    return [number for number, path in found if os.path.realpath(path.strip()) == folder]


def _ask(*command):
    """Output of a command of Slurm; '' where there is no Slurm or it does not answer."""
    if not shutil.which(command[0]):
        return ""
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""
