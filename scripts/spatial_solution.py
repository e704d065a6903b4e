"""Solution over the whole slit, and its map, from the arc of the multi-pinhole mask."""

from soxslib.instruments import load_instrument
from soxslib.io.masters import read_master_bias, read_master_dark
from soxslib.io.products import read_solution, solution_tables, write_images, write_tables
from soxslib.io.tables import lines_table, lsf_table, read_arc_tables
from soxslib.job import run
from soxslib.qc.spatial_solution import measure
from soxslib.recipes.spatial_solution import spatial_solution


def main(job):
    raw = job.read_raws()[-1]
    bias = job.calibration("master_bias", read_master_bias)
    dark = job.calibration("master_dark", read_master_dark)
    first = job.calibration("dispersion_solution", read_solution)
    tables = read_arc_tables(load_instrument(raw.exposure.instrument), raw.exposure.arm)
    r = spatial_solution(raw, bias, dark, first, tables, job.settings)
    metrics = measure(r)
    header = job.header("DISP_TAB", metrics=metrics)
    write_tables(job.outputs["product"], [*solution_tables(r.solution), lines_table(r.lines), lsf_table(r.lsf)], header)
    images = [("WAVELENGTH", r.wavelength_nm, "nm"), ("SLIT", r.slit_arcsec, "arcsec"), ("ORDER", r.order, "")]
    write_images(job.outputs["map"], images, job.header("DISP_IMAGE", metrics=metrics))
    job.write_metrics(metrics)


run(snakemake, main)
