"""Master flat from the flats of one slit, all lamps."""

import numpy as np

from soxslib.errors import ReductionError
from soxslib.io.flats import write_master_flat
from soxslib.io.masters import read_master_bias, read_master_darks
from soxslib.io.products import read_trace, write_images
from soxslib.job import run
from soxslib.qc.master_flat import measure
from soxslib.recipes.master_flat import master_flat


def main(job):
    bias = job.calibration("master_bias", read_master_bias)
    darks = read_master_darks(job, job.settings.dark_time_tolerance)
    trace = job.calibration("order_trace", read_trace)
    if trace is None:
        raise ReductionError("master_flat: no usable order trace; take a pinhole flat or add a night that has one")
    result = master_flat(job.each_raw(), bias, darks, trace, job.settings)
    for text in result.warnings:
        job.warn(text)
    metrics = measure(result)
    header = job.header("MASTER_FLAT", metrics=metrics)
    write_master_flat(job.outputs["product"], result.master, header)
    light = [("FLUX", result.background.flux, "electron"), ("ERRS", np.sqrt(result.background.variance), "electron")]
    write_images(job.outputs["background"], light, job.header("BACKGROUND", metrics=metrics))
    job.write_metrics(metrics)


run(snakemake, main)
