"""The index brought up to date before the plan is made."""

import json
import os
import subprocess
import sys
import tempfile

from soxslib import workflow_dir
from soxslib.catalogue.database import load_identities
from soxslib.catalogue.scan import find_files
from soxslib.errors import ReductionError

INDEX = "index.db"
TIMEOUT_S = 3600
_OPTIONS = [
    "--cores",
    "1",
    "--executor",
    "local",
    "--scheduler",
    "greedy",
    "--nolock",
    "--profile",
    "none",
    "--workflow-profile",
    "none",
]


def index_is_stale(config):
    """True when the raw files differ from those of the index in name, size or time."""
    return load_identities(INDEX) != find_files(config.raw)


def refresh_index(config):
    """Has the rule `index` run in a Snakemake of its own: a Snakefile cannot run its own rules while it is read."""
    with tempfile.NamedTemporaryFile("w", suffix=".json", prefix="soxs-config-") as fh:
        json.dump({"raw": config.raw}, fh)
        fh.flush()
        # a profile of the outer run must not reach this one
        environment = {k: v for k, v in os.environ.items() if not k.startswith("SNAKEMAKE_")}
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(workflow_dir() / "rules" / "index.smk")]
        command += [*_OPTIONS, "--directory", os.getcwd(), "--configfile", fh.name, "--force", INDEX]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    if done.returncode:
        raise ReductionError(f"index refresh failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
