"""Master dark: read, call, write."""

from soxslib.io.masters import read_master_bias, write_master
from soxslib.job import run
from soxslib.qc.master_dark import measure
from soxslib.recipes.master_dark import master_dark


def main(job):
    bias = job.calibration("master_bias", read_master_bias)
    result = master_dark(job.read_raws(), job.settings, bias)
    for name, deviation in result.stack.excluded.items():
        job.warn(f"{name}: left out, its structure differs from the other darks' by up to {deviation:.1f} electron")
    metrics = measure(result)
    write_master(job.outputs["product"], result.master, job.header("MASTER_DARK", metrics=metrics))
    job.write_metrics(metrics)


run(snakemake, main)
