"""Spectra of a target observed in offset mode."""

from soxslib.io.science import read_calibrations, write_science
from soxslib.job import run
from soxslib.qc.offset import measure
from soxslib.recipes.offset import offset


def main(job):
    calibrations = read_calibrations(job, job.exposure)
    result = offset(job.each_raw, calibrations, job.settings)
    for text in result.warnings:
        job.warn(text)
    metrics = measure(result)
    write_science(job, result, metrics)
    job.write_metrics(metrics)


run(snakemake, main)
