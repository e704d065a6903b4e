"""Writes the report of the night."""

from pathlib import Path

from soxslib.report.build import build


def main(plan, output, instrument, log):
    story = build(plan, Path(output).parent, instrument)
    Path(log).parent.mkdir(parents=True, exist_ok=True)
    Path(log).write_text(f"{len(story.targets)} targets, {len(story.calibrations)} calibrations\n", encoding="utf8")


main(snakemake.input.plan, snakemake.output[0], snakemake.params.instrument, snakemake.log[0])
