"""Master bias: read, call, write."""

from soxslib.io.masters import write_master
from soxslib.job import run
from soxslib.qc.master_bias import measure
from soxslib.recipes.master_bias import master_bias


def main(job):
    result = master_bias(job.each_raw(), job.settings)
    for name, deviation in result.stack.excluded.items():
        job.warn(f"{name}: left out, its structure differs from the other biases' by up to {deviation:.1f} electron")
    metrics = measure(result)
    write_master(job.outputs["product"], result.master, job.header("MASTER_BIAS", metrics=metrics))
    job.write_metrics(metrics)


run(snakemake, main)
