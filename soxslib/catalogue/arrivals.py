"""Which raw files are whole: only those may be read while a night is being observed."""

import os
from dataclasses import dataclass, field

from soxslib.catalogue.scan import WAITING, find_files
from soxslib.errors import ReductionError
from soxslib.io.headers import read_header


@dataclass
class Arrivals:
    """Files of the sources, told apart into whole ones and those that are still being written.

    A file is whole when its size and time have not changed for `settle_s` and it is as long as its headers promise. Headers
    of a file that still grows are not read.
    """

    sources: list[str]
    settle_s: float
    whole: dict = field(default_factory=dict)  # path -> (size, mtime)
    _seen: dict = field(default_factory=dict)  # path -> ((size, mtime), when first seen so)

    def look(self, now):
        """Paths that have become whole since the last look; puts all others out of sight of scans."""
        found = find_files(self.sources, waiting=frozenset())
        fresh = []
        for path, facts in found.items():
            if self.whole.get(path) == facts:
                continue
            self.whole.pop(path, None)
            known, since = self._seen.get(path, (None, now))
            if known != facts:
                self._seen[path] = (facts, now)
            elif now - since >= self.settle_s and is_whole(path):
                self.whole[path] = facts
                fresh.append(path)
        for path in self.whole.keys() - found.keys():
            del self.whole[path]
        os.environ[WAITING] = os.pathsep.join(sorted(found.keys() - self.whole.keys()))
        return fresh

    def take_all(self):
        """Takes the files that are there and whole as they are: the frames from before the watch began."""
        for path, facts in find_files(self.sources, waiting=frozenset()).items():
            if is_whole(path):
                self.whole[path] = facts
        self.look(0.0)


def is_whole(path):
    """Whether a file is as long as its headers promise."""
    try:
        _, defect = read_header(path)
    except (ReductionError, OSError):
        return False
    return defect is None
