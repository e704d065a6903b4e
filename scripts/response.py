"""Response and efficiency from a flux standard."""

from soxslib.io import spectra
from soxslib.io.observing import profile_fwhm, required, typical_exposure
from soxslib.io.standards import read_extinction, read_standard
from soxslib.job import checks_of, run
from soxslib.qc.response import measure
from soxslib.recipes.response import response


def main(job):
    exposure = typical_exposure(job)
    standard = read_standard(exposure)
    if standard.doubt:
        job.warn(standard.doubt)
    orders, header = required(job, "orders", spectra.read_orders)
    result = response(orders, exposure, standard, read_extinction(exposure), job.settings, profile_fwhm(orders, header))
    metrics = measure(result)
    spectra.write_response(job.outputs["response"], result.response, job.header("RESP_TAB", metrics=metrics))
    spectra.write_efficiency(
        job.outputs["efficiency"], result.efficiency, job.header("EFFICIENCY_TAB", metrics=metrics)
    )
    job.write_metrics(metrics, extraction=checks_of(job.used[0][0]))


run(snakemake, main)
