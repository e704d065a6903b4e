"""Nights of simulated frames, reduced as a user does it: commands, what they ran, and what they left."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter

from soxslib.simulate.night import demonstration_night

SNAKEMAKE = [sys.executable, "-m", "snakemake", "--cores", "2"]
BESIDE = ("summary", "report", "plots", "all", "night")  # jobs that look at everything


def run(command, folder, ok=True, environment=None):
    """Output of a command that ends well, or does not where ok is False."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=environment)
    text = done.stdout + done.stderr
    assert (done.returncode == 0) == ok, text[-3000:]
    return text


def soxs(*arguments, folder="."):
    return run([sys.executable, "-m", "soxslib", *arguments], folder)


def checksums(folder, pattern="*"):
    return {p.name: hashlib.md5(p.read_bytes()).hexdigest() for p in sorted(folder.glob(pattern))}


def products(night):
    """Checksum of every product: the same input must give the same ones."""
    return {str(p.relative_to(night)): hashlib.md5(p.read_bytes()).hexdigest() for p in night.glob("reduced/**/*.fits")}


def jobs(text):
    """Counter of (rule, stem) of the jobs that a run, or a dry run, shows."""
    parts = re.split(r"^ *(?:local)?rule (\w+):\n", text, flags=re.MULTILINE)[1:]
    blocks = zip(parts[::2], parts[1::2], strict=True)
    stems = [(rule, re.search(r"stem=([^,\s]+)", body)) for rule, body in blocks if rule not in BESIDE]
    return Counter((rule, stem[1] if stem else "") for rule, stem in stems)


def planned(night):
    """jobs of a dry run."""
    return jobs(run([*SNAKEMAKE, "-n"], night))


def tasks_of(night):
    """Tasks of the latest plan, as written down."""
    latest = max((night / ".soxs").glob("plan-*.json"), key=lambda p: p.stat().st_mtime)
    return json.loads(latest.read_text())["tasks"]


def names_of(role):
    """Names of the small night's raw frames of a role or a target, without their suffix."""
    frames = demonstration_night(arms=["VIS"], small=True)
    return [f.name for f in frames if role in (f.shot.role, f.target_name)]


def new_night(raw, folder, without=()):
    """A night that was never reduced: the frames of another one, but those of some roles or targets."""
    (folder / "raw").mkdir(parents=True)
    _link_raw(raw, folder, without)
    soxs("init", str(folder), folder=folder.parent)
    return folder


def copy_of(night, folder, without=()):
    """A reduced night as it would be without its bad files and the frames of some roles or targets.

    Raw files and products share their bytes with the original: neither is ever written to, products are replaced.
    """
    (folder / "raw").mkdir(parents=True)
    _link_raw(night / "raw", folder, without)
    link = lambda a, b: os.link(a, b) if str(a).endswith(".fits") else shutil.copy2(a, b)
    for path in night.iterdir():
        if path.name in ("raw", "truth"):
            continue
        if path.is_dir():
            shutil.copytree(path, folder / path.name, copy_function=link)
        else:
            shutil.copy2(path, folder / path.name)
    return folder


def _link_raw(raw, folder, without):
    gone = {name for role in without for name in names_of(role)}
    for path in raw.glob("SOXS*"):
        if path.name.split(".fits")[0] not in gone:
            os.link(path, folder / "raw" / path.name)


def told(text, *words):
    """The one line of a text that holds all words."""
    (line,) = {line for line in text.splitlines() if all(word in line for word in words)}
    assert len(line) < 330  # two names of 60 characters and a reason
    return line
