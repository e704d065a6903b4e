"""From files to the frame table. A bad file becomes an entry with its reason; nothing here raises for one."""

import glob
import os
from dataclasses import dataclass

from soxslib.datamodel import Exposure
from soxslib.errors import NotReducedError, ReductionError
from soxslib.io.headers import SUFFIXES, read_header
from soxslib.io.keywords import exposure_of

OK, BAD, IGNORED = "ok", "bad", "ignored"
WHOLE = "SOXS_WHOLE"  # variable with the path of a list of the files that may be read, one a line; all without it


@dataclass(frozen=True)
class Entry:
    """One raw file: its identity (path, size, mtime) and its exposure, or why it has none.

    status: ok, bad (it should have been a frame), ignored (sound, but of another instrument or the like).
    category, type, arm: as far as the header of a bad file tells.
    """

    path: str
    size: int
    mtime: float
    status: str
    reason: str = ""
    exposure: Exposure | None = None
    category: str = ""
    type: str = ""
    arm: str = ""

    @property
    def name(self):
        return os.path.basename(self.path)


def find_files(sources, *, with_unfinished=False):
    """{path: (size, mtime)} of all raw files of the sources: directories (their own files only) and globs.

    While frames come in, those that are still being written are left out.
    """
    found = {}
    for source in sources:
        for path in _paths_of(os.path.expanduser(source)):
            if path.endswith(SUFFIXES) and not os.path.basename(path).startswith("."):
                try:
                    stat = os.stat(path)
                except OSError:  # a link to nowhere, or deleted while we look
                    continue
                if os.path.isfile(path):
                    found.setdefault(os.path.normpath(path), (stat.st_size, stat.st_mtime))
    whole = None if with_unfinished else _whole()
    return {path: facts for path, facts in sorted(found.items()) if whole is None or path in whole}


def _whole():
    if WHOLE not in os.environ:
        return None
    with open(os.environ[WHOLE], encoding="utf8") as fh:
        return set(fh.read().splitlines())


def _paths_of(source):
    if os.path.isdir(source):
        return [os.path.join(source, name) for name in os.listdir(source)]
    return [
        path
        for hit in glob.glob(source, recursive=True)
        for path in ([os.path.join(hit, name) for name in os.listdir(hit)] if os.path.isdir(hit) else [hit])
    ]


def read_entry(path, size, mtime):
    """The Entry of one file."""
    name = os.path.basename(path)
    try:
        header, defect = read_header(path)
    except ReductionError as error:
        return Entry(path, size, mtime, BAD, str(error))
    if defect is None and not {"{", "}"}.isdisjoint(path):
        defect = f"{name}: Snakemake takes braces in {path} for a wildcard; rename it"
    facts = {key: str(header.get(card, "")) for key, card in _FACTS.items()}
    try:
        exposure = exposure_of(header, name)
    except NotReducedError as error:
        return Entry(path, size, mtime, IGNORED, _with_name(error, name), **facts)
    except ReductionError as error:
        return Entry(path, size, mtime, BAD, _with_name(error, name), **facts)
    except Exception as error:  # a card of a kind nobody thought of must not block a night
        return Entry(
            path, size, mtime, BAD, f"{name}: its header cannot be used ({error!r}); exclude the frame", **facts
        )
    if defect:
        return Entry(path, size, mtime, BAD, defect, **facts)
    return Entry(path, size, mtime, OK, "", exposure, **facts)


_FACTS = {"category": "ESO DPR CATG", "type": "ESO DPR TYPE", "arm": "ESO SEQ ARM"}


def _with_name(error, name):
    text = str(error)
    return text if text.startswith(name) else f"{name}: {text}"


def scan(sources):
    """Entries of all files of the sources."""
    return read_changes(sources, {})[0]


def read_changes(sources, known):
    """(entries of files that are new or changed, paths that are gone) since `known`: {path: (size, mtime)}."""
    found = find_files(sources)
    fresh = [read_entry(path, *facts) for path, facts in found.items() if known.get(path) != facts]
    return fresh, sorted(known.keys() - found.keys())
