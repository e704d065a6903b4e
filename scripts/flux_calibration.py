"""Flux-calibrated spectrum and straight image of a target."""

from soxslib.io import rectified, spectra
from soxslib.io.observing import profile_fwhm, required, typical_exposure
from soxslib.io.standards import read_extinction, read_telluric
from soxslib.job import run
from soxslib.qc.flux_calibration import measure
from soxslib.recipes.flux_calibration import calibrate_images, flux_calibration


def main(job):
    exposure = typical_exposure(job)
    orders, header = required(job, "orders", spectra.read_orders)
    merged, _ = required(job, "merged", spectra.read_merged)
    best = required(job, "response", spectra.read_response)
    responses = job.calibrations("response", spectra.read_response) if job.settings.responses == "all" else [best]
    extinction = read_extinction(exposure)
    result = flux_calibration(
        orders,
        exposure,
        responses,
        extinction,
        job.settings,
        merged,
        profile_fwhm(orders, header),
        read_telluric(exposure)[0],
    )
    metrics = measure(result)
    spectra.write_merged(job.outputs["fluxcal"], result.spectrum, job.header("SCI_SLIT_FLUX", metrics=metrics))
    images = job.calibration("rectified", rectified.read_rectified)
    image = calibrate_images(images[0], exposure, extinction, result, job.settings) if images else None
    rectified.write_2d(job.outputs["rectified2d"], image, job.header("SCI_SLIT_MERGE2D", metrics=metrics))
    job.write_metrics(metrics)


run(snakemake, main)
