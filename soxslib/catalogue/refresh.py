"""The index brought up to date: by the rule `index`, and before the plan is made when files have changed."""

from pathlib import Path

from soxslib.catalogue.database import load_identities, load_objections, update_index
from soxslib.catalogue.scan import find_files
from soxslib.errors import ReductionError

INDEX = "index.db"
LOG = "logs/index.log"


def index_is_stale(config):
    """True when the raw files differ from those of the index in name, size or time."""
    return load_identities(INDEX) != find_files(config.raw)


def refresh_index(config):
    """Does what the rule `index` does, in this process: while a Snakefile is read its rules cannot run, and a Snakemake
    of their own would take longer to start than a night's headers to read."""
    try:
        write_index(INDEX, config.raw, LOG)
    except Exception as error:
        raise ReductionError(
            f"index refresh failed: {type(error).__name__}: {' '.join(str(error).split())[:200]}; see that {INDEX} and "
            f"{LOG} can be written here, or delete {INDEX}"
        ) from error


def write_index(path, sources, log):
    """Reads headers of new and changed raw files into the index at `path`; says in a log how many, and what is no frame."""
    read = update_index(path, sources)
    lines = [f"{read} headers read", *(f"{status}: {reason}" for status, reason in load_objections(path))]
    Path(log).parent.mkdir(parents=True, exist_ok=True)
    Path(log).write_text("\n".join(lines) + "\n", encoding="utf8")
