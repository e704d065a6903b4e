"""Reading what a science step needs and writing what it makes."""

import logging

import numpy as np

from soxslib.errors import ReductionError
from soxslib.instruments import load_instrument
from soxslib.io import products, spectra
from soxslib.io.flats import read_master_flat
from soxslib.io.keywords import exposure_of
from soxslib.io.masters import read_master_bias, read_master_darks
from soxslib.io.rectified import write_rectified
from soxslib.io.standards import read_standard
from soxslib.io.tables import read_ecsv

log = logging.getLogger(__name__)


def read_calibrations(job, exposure):
    """The Calibrations of a science job, from the first usable candidate of each; what is missing is told as a warning."""
    from soxslib.recipes.prepare import DEFAULTS
    from soxslib.recipes.stare import Calibrations

    spatial = job.calibration("spatial_solution", _read_spatial)
    if spatial is None:
        raise ReductionError(
            f"{exposure.file}: no usable spatial solution for {exposure.arm}; take a multi-pinhole arc or add a night that has one"
        )
    solution, arc, width_px = spatial
    has_bias = load_instrument(exposure.instrument).arm(exposure.arm)["detector"]["has_bias"]
    bias = job.calibration("master_bias", read_master_bias)
    darks = read_master_darks(job, DEFAULTS.dark_time_tolerance)
    flat = job.calibration("master_flat", read_master_flat)
    if has_bias and bias is None:
        job.warn(f"{exposure.file}: no usable master bias; the pedestal is taken from the overscan alone")
    if not has_bias and not darks:
        job.warn(f"{exposure.file}: no usable master dark; hot pixels and the pedestal stay in the frame")
    if flat is None:
        job.warn(f"{exposure.file}: no usable master flat; the pixels' response stays in the spectrum")
    table = read_ecsv(load_instrument(exposure.instrument).table_path(exposure.arm, "sky_lines"))
    order = np.argsort(table["wavelength"])
    lines = (table["wavelength"][order], table["flux"][order])
    return Calibrations(solution, arc, width_px, bias, darks, flat, lines, _template(exposure))


def _template(exposure):
    """(wavelength, flux) of a flux standard, None of any other target."""
    if "STD" not in exposure.type:
        return None
    try:
        standard = read_standard(exposure)
    except ReductionError as error:
        log.info("%s; its orders are tied without its catalogue spectrum", error)
        return None
    return standard.wavelength_nm, standard.flux


def _read_spatial(path):
    """(solution, exposure of its arc, {order: Gaussian sigma of the optics in px})."""
    header = products.read_header(path)
    width = {}
    if products.has_hdu(path, "LSF"):
        t = products.read_table(path, "LSF")
        for order in np.unique(t["order"]):
            width[int(order)] = float(np.nanmedian(t["fwhm_px"][t["order"] == order])) / 2.3548
    return products.read_solution(path), exposure_of(header, path), width


def write_science(job, result, metrics):
    """All products of a science step that its rule declares."""
    from soxslib.recipes.rectified import rectified_orders
    from soxslib.recipes.stare import sky_frames

    header = job.header("SCI_SLIT_FLUX", metrics=metrics)
    named = lambda category: _named(header, f"{category}_{job.params['arm']}")
    counts = named("SCI_SLIT_FLUX")
    counts["HIERARCH ESO PRO NDIT"] = (result.exposures[0].exposure.ndit, "Counts are those of one integration")
    spectra.write_orders(job.outputs["orders"], result.sources[0], counts)
    spectra.write_merged(job.outputs["merged"], result.merged[0], counts)
    spectra.write_text(job.outputs["text"], result.merged[0], counts)
    products.write_tables(job.outputs["trace"], [_trace_table(result)], named("OBJECT_TAB"))
    write_rectified(job.outputs["rectified"], rectified_orders(result.exposures, result.shifts, job.settings), counts)
    if "skysub" in job.outputs:
        subtracted, sky = sky_frames(result)
        products.write_frame(job.outputs["skysub"], subtracted, named("SKYSUB"))
        products.write_frame(job.outputs["skymodel"], sky, named("SKYMODEL"))
    if "residuals" in job.outputs:
        residual = subtracted.flux / np.sqrt(np.maximum(subtracted.variance, 1e-6))
        images = [("FLUX", residual, "1"), ("QUAL", sky.quality.astype(np.int16), "")]
        products.write_images(job.outputs["residuals"], images, named("SKYSUB_RESIDUALS"))
    if "background" in job.outputs:
        products.write_images(job.outputs["background"], [("FLUX", result.background, "electron")], named("BKGROUND"))


def _named(header, category):
    """A copy of a header for a product of another category: making one from the raw frame's takes a quarter of a second."""
    out = header.copy()
    out["ESO PRO CATG"] = category
    return out


def _trace_table(result):
    """Trace and width of every source in every exposure and order, at nine wavelengths each."""
    rows = []
    for i, e in enumerate(result.exposures):
        for k, trace in enumerate(e.traces):
            width = e.slit_profiles[k].fwhm_arcsec
            for order in e.windows:
                lam = np.linspace(*trace.wavelength_nm[order], 9)
                slit = trace.at(order, lam)
                along, across = e.solution[order].position(lam, slit)
                fwhm = width * (lam / e.slit_profiles[k].reference_nm) ** -0.2
                error, mode = trace.error_arcsec[order], trace.mode[order]
                for at in zip(lam, slit, along, across, fwhm, strict=True):
                    rows.append((i + 1, k + 1, order, *map(float, at), error, mode))
    names = ("exposure", "source", "order", "wavelength", "slit", "along", "across", "fwhm", "slit_error", "mode")
    kinds = (np.int16, np.int16, np.int16, float, float, float, float, float, float, str)
    columns = {n: np.array([r[i] for r in rows], t) for i, (n, t) in enumerate(zip(names, kinds, strict=True))}
    units = dict(
        exposure="1",
        source="1",
        wavelength="nm",
        slit="arcsec",
        along="pixel",
        across="pixel",
        fwhm="arcsec",
        slit_error="arcsec",
    )
    return ("OBJECT_TRACE", columns, units)
