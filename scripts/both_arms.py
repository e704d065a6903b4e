"""One flux-calibrated spectrum of a target from those of two arms."""

from pathlib import Path

from soxslib.errors import ReductionError
from soxslib.io.spectra import read_merged, write_merged
from soxslib.io.standards import read_telluric
from soxslib.job import run
from soxslib.qc.both_arms import measure
from soxslib.recipes.both_arms import both_arms


def main(job):
    found = {header["ESO SEQ ARM"]: (merged, header) for merged, header in job.calibrations("spectra", read_merged)}
    if len(found) < 2:
        path, reason = job.passed_over[0]
        reason = reason.removeprefix(f"{Path(path).name}: ")
        raise ReductionError(f"{job.step}: needs the spectra of two arms; {Path(path).name}: {reason}")
    result = both_arms(
        {arm: merged for arm, (merged, _) in found.items()}, read_telluric(job.exposure)[0], job.settings
    )
    for text in result.warnings:
        job.warn(text)
    metrics = measure(result)
    write_merged(job.outputs["fluxcal"], result.spectrum, header_of(job, result, found, metrics), result.arm)
    job.write_metrics(metrics)


def header_of(job, result, found, metrics):
    """The bluer arm's header, with what both arms are and how they were joined."""
    first = found[result.names[0]][1]["ESO PRO REC1 RAW1 NAME"]
    path = next(path for path in job.raw_paths if Path(path).name == first)
    header = job.header("SCI_SLIT_FLUX", path, metrics)
    header["HIERARCH ESO SEQ ARM"] = "+".join(result.names)
    for number, name in enumerate(result.names, 1):
        header[f"HIERARCH ESO PRO ARM{number} NAME"] = (name, f"where ARM is {number}")
        for card in ("DATE-OBS", "EXPTIME"):
            header[f"HIERARCH ESO PRO ARM{number} {card}"] = found[name][1][card]
    return header


run(snakemake, main)
