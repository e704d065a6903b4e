"""From files to the frame table. A bad file becomes an entry with its reason; nothing here raises for one."""

import glob
import os
from dataclasses import dataclass

from soxslib.datamodel import Exposure
from soxslib.errors import NotReducedError, ReductionError
from soxslib.io.headers import SUFFIXES, read_header
from soxslib.io.keywords import exposure_of

OK, BAD, IGNORED = "ok", "bad", "ignored"
WAITING = "SOXS_WAITING"  # variable with the paths of files that are still being written


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


def find_files(sources, waiting=None):
    """{path: (size, mtime)} of all raw files of the sources: directories (their own files only) and globs.

    waiting: paths to pass by, since they are still being written; those of the environment when None.
    """
    waiting = _waiting() if waiting is None else waiting
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
    return {path: facts for path, facts in sorted(found.items()) if path not in waiting}


def _waiting():
    return frozenset(filter(None, os.environ.get(WAITING, "").split(os.pathsep)))


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


def scan(sources, known=()):
    """(entries of all files, how many were read). Entries of `known` whose file is unchanged are taken as they are."""
    unchanged = {(e.path, e.size, e.mtime): e for e in known}
    entries, read = [], 0
    for path, (size, mtime) in find_files(sources).items():
        entry = unchanged.get((path, size, mtime))
        if entry is None:
            entry = read_entry(path, size, mtime)
            read += 1
        entries.append(entry)
    return entries, read
