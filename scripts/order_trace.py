"""Order trace from a pinhole flat."""

from soxslib.instruments import load_instrument
from soxslib.io.masters import read_master_bias, read_master_darks
from soxslib.io.products import read_solution, trace_table, write_tables
from soxslib.io.slices import slices_table
from soxslib.io.tables import read_arc_tables
from soxslib.job import run
from soxslib.qc.order_trace import measure
from soxslib.recipes.arcs import nominal_solution, order_limits
from soxslib.recipes.order_trace import order_trace


def main(job):
    raw = job.read_raws()[-1]
    bias = job.calibration("master_bias", read_master_bias)
    darks = read_master_darks(job, job.settings.dark_time_tolerance)
    solution = job.calibration("dispersion_solution", read_solution)
    if solution is None:
        instrument, name = load_instrument(raw.exposure.instrument), raw.exposure.arm
        arm = instrument.arm(name)
        solution = nominal_solution(name, arm, read_arc_tables(instrument, name).pinholes, order_limits(arm, 0.0))
    result = order_trace(raw, bias, darks, solution, job.settings)
    metrics = measure(result)
    tables = [trace_table(result.trace), slices_table(result.slices, result.binning)]
    write_tables(job.outputs["product"], tables, job.header("ORDER_TAB", metrics=metrics))
    job.write_metrics(metrics)


run(snakemake, main)
