"""Reads the headers of new and changed raw files into the index."""

from pathlib import Path

from soxslib.catalogue.database import load_entries, save_entries
from soxslib.catalogue.scan import OK, scan


def main(path, sources, log):
    entries, read = scan(sources, load_entries(path))
    save_entries(path, entries)
    Path(log).parent.mkdir(parents=True, exist_ok=True)
    lines = [
        f"{len(entries)} files, {read} headers read",
        *(f"{e.status}: {e.reason}" for e in entries if e.status != OK),
    ]
    Path(log).write_text("\n".join(lines) + "\n", encoding="utf8")


main(snakemake.output[0], snakemake.params.raw, snakemake.log[0])
