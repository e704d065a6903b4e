"""Writing so that a killed job leaves no half product."""

import contextlib
import os
from pathlib import Path


@contextlib.contextmanager
def atomic_path(path):
    """A temporary path beside `path` to write to; it becomes `path` when the block ends well, and goes otherwise."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # the suffix stays, so that writers which look at it (gzip, FITS) behave the same
    temporary = path.with_name(f".{os.getpid()}.partial.{path.name}")
    try:
        yield temporary
        with open(temporary, "rb") as fh:
            os.fsync(fh.fileno())
        os.replace(temporary, path)
    except OSError as error:
        if error.filename is None:  # a full disk does not say whose
            error.filename = str(path)
        raise
    finally:
        temporary.unlink(missing_ok=True)


def write_word(path, text):
    """Writes a short text; a file that holds it already is left alone, with its time."""
    path = Path(path)
    if not path.exists() or path.read_text(encoding="utf8") != text:
        with atomic_path(path) as temporary:
            temporary.write_text(text, encoding="utf8")
