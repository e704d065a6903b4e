"""Dispersion solution from the arc of a single pinhole."""

from soxslib.instruments import load_instrument
from soxslib.io.masters import read_master_bias, read_master_dark
from soxslib.io.products import solution_tables, write_tables
from soxslib.io.tables import lines_table, lsf_table, read_arc_tables
from soxslib.job import run
from soxslib.qc.dispersion_solution import measure
from soxslib.recipes.dispersion_solution import dispersion_solution


def main(job):
    raw = job.read_raws()[-1]
    bias = job.calibration("master_bias", read_master_bias)
    dark = job.calibration("master_dark", read_master_dark)
    tables = read_arc_tables(load_instrument(raw.exposure.instrument), raw.exposure.arm)
    result = dispersion_solution(raw, bias, dark, tables, job.settings)
    metrics = measure(result)
    header = job.header("DISP_TAB", metrics=metrics)
    write_tables(
        job.outputs["product"],
        [*solution_tables(result.solution), lines_table(result.lines), lsf_table(result.lsf)],
        header,
    )
    job.write_metrics(metrics)


run(snakemake, main)
