"""Text tables of published numbers (plain ECSV), read without astropy's table machinery: that costs a second."""

import shlex
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from soxslib.errors import ReductionError


def read_ecsv(path):
    """{column: array} of a table, numbers as float64, all else as text."""
    lines = [s for s in Path(path).read_text(encoding="utf8").splitlines() if s and not s.startswith("#")]
    rows = [shlex.split(s) if '"' in s else s.split() for s in lines]
    names, rows = rows[0], rows[1:]
    if any(len(row) != len(names) for row in rows):
        raise ReductionError(f"{path}: rows differ in length from its {len(names)} columns; restore the table")
    return {name: _typed(values) for name, values in zip(names, zip(*rows, strict=True), strict=True)}


def _typed(values):
    try:
        return np.array(values, float)
    except ValueError:
        array = np.array(values)
        return array == "True" if set(values) <= {"True", "False"} else array


@dataclass(frozen=True)
class ArcTables:
    """Published positions of the pinholes' images, in the turned frame, and the lamps' lines; columns by name."""

    pinholes: dict  # order, wavelength_nm, slit_arcsec, along_px, across_px
    atlas: dict  # wave, ion and, where known, amplitude (log10 of the intensity)


def read_arc_tables(instrument, arm):
    """The ArcTables of an instrument's arm."""
    pinholes = read_ecsv(instrument.table_path(arm, "pinholes"))
    x, y = pinholes.pop("x_px"), pinholes.pop("y_px")
    turned = instrument.arm(arm)["detector"]["dispersion_axis"] == "y"
    pinholes["along_px"], pinholes["across_px"] = (y, x) if turned else (x, y)
    return ArcTables(pinholes, read_ecsv(instrument.table_path(arm, "arc_lines")))


def lines_table(lines):
    """The table LINES of measured spots (datamodel.arcs.MeasuredLines), for write_tables."""
    columns = dict(
        order=lines.order.astype(np.int32),
        wavelength=lines.wavelength_nm,
        slit=lines.slit_arcsec,
        listed=lines.listed,
        used=lines.weight > 0,
        blended=lines.blended,
        saturated=lines.saturated,
        weight=lines.weight,
    )
    units = dict(wavelength="nm", slit="arcsec")
    for i, axis in enumerate(("along", "across")):
        for name, values in (
            (axis, lines.position),
            (f"{axis}_error", lines.error),
            (f"{axis}_fit", lines.fitted),
            (f"{axis}_held_out", lines.held_out),
            (f"{axis}_fwhm", lines.fwhm),
        ):
            columns[name], units[name] = values[:, i], "pixel"
    columns |= dict(flux=lines.flux, snr=lines.signal_to_noise, chi2=lines.chi2)
    return "LINES", columns, {**units, "flux": "electron"}


def lsf_table(lsf):
    """The table LSF: width of an unresolved line by order, wavelength and slit position."""
    units = dict(wavelength="nm", slit="arcsec", fwhm_px="pixel", fwhm_error_px="pixel", fwhm_nm="nm")
    return "LSF", lsf, units
