"""Which raw files are whole: only those may be read while a night is being observed."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from soxslib.catalogue.scan import WHOLE, find_files
from soxslib.errors import ReductionError
from soxslib.io.atomic import write_word
from soxslib.io.headers import read_header

LIST = ".soxs/whole.txt"


@dataclass
class Arrivals:
    """Files of the sources, told apart into whole ones and those that are still being written.

    A file is whole when its size and time have not changed for `settle_s` and it is as long as its headers promise.
    Headers of a file that still grows are not read. What is whole stands in a list that scans of this process, and of
    those it starts, keep to: a file that nobody has looked at yet is not on it.
    """

    sources: list[str]
    settle_s: float
    whole: dict = field(default_factory=dict)  # path -> (size, mtime)
    _seen: dict = field(default_factory=dict)  # path -> ((size, mtime), when first seen so)

    def look(self, now):
        """Paths that have become whole since the last look."""
        found = find_files(self.sources, with_unfinished=True)
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
        self._tell()
        return fresh

    def take_all(self):
        """Takes the files that are there and whole as they are: the frames from before the watch began."""
        for path, facts in find_files(self.sources, with_unfinished=True).items():
            if is_whole(path):
                self.whole[path] = facts
        self._tell()

    def _tell(self):
        write_word(LIST, "\n".join(sorted(self.whole)))
        os.environ[WHOLE] = str(Path(LIST).absolute())


def is_whole(path):
    """Whether a file is as long as its headers promise."""
    try:
        _, defect = read_header(path)
    except (ReductionError, OSError):
        return False
    return defect is None
