"""Figure of one task, from its products. What cannot be drawn becomes a card that says why."""

import logging
from pathlib import Path

from soxslib.plots import make
from soxslib.plots.sources import Sources


def main(inputs, outputs, wildcards, log):
    Path(log).parent.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(filename=log, filemode="w", level=logging.INFO, format="%(levelname)s %(message)s", force=True)
    raw = [inputs.pop("raw")] if "raw" in inputs else []
    make(Sources(wildcards.step, wildcards.stem, inputs, tuple(raw)), outputs.png, outputs.pdf)


main(
    {name: str(path) for name, path in snakemake.input.items()}, snakemake.output, snakemake.wildcards, snakemake.log[0]
)
