"""Reads the headers of new and changed raw files into the index."""

from pathlib import Path

from soxslib.catalogue.database import load_objections, update_index


def main(path, sources, log):
    read = update_index(path, sources)
    Path(log).parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{read} headers read", *(f"{status}: {reason}" for status, reason in load_objections(path))]
    Path(log).write_text("\n".join(lines) + "\n", encoding="utf8")


main(snakemake.output[0], snakemake.params.raw, snakemake.log[0])
