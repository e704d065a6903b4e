"""Products on disk: images, tables, solutions; written atomically, with checksums and units, the same bytes every time."""

import json
from pathlib import Path

import numpy as np
from astropy.io import fits

from soxslib.datamodel import DispersionSolution, Frame, OrderEdges, OrderSolution, OrderTrace
from soxslib.errors import ReductionError
from soxslib.instruments import load_instrument
from soxslib.io.atomic import atomic_path
from soxslib.io.keywords import exposure_of

WHEN = "sum of this HDU"  # instead of astropy's date, so that equal input gives equal bytes
FAILED_CARD = "ESO PRO FAILED"


def is_turned(header):
    """True when images of this arm are stored with the dispersion along y, and so are turned on reading and writing."""
    arm = load_instrument(str(header["INSTRUME"])).arm(header["ESO SEQ ARM"])
    return arm["detector"]["dispersion_axis"] == "y"


def write_hdus(path, hdus):
    """Writes HDUs atomically with checksums."""
    hdus = fits.HDUList(hdus)
    for hdu in hdus:
        hdu.add_datasum(when=WHEN)
        hdu.add_checksum(when=WHEN, override_datasum=True)
    with atomic_path(path) as temporary:
        hdus.writeto(temporary, overwrite=True, output_verify="silentfix")


def image_hdu(name, image, unit, header=None, turned=False, primary=False):
    """An image HDU; `turned` images are stored as the detector is read out."""
    data = np.ascontiguousarray(image.T) if turned else np.ascontiguousarray(image)
    hdu = fits.PrimaryHDU(data, header) if primary else fits.ImageHDU(data, header, name=name)
    hdu.name = name
    if unit:
        hdu.header["BUNIT"] = unit
    return hdu


def table_hdu(name, columns, units, header=None):
    """A table HDU of {column: array}; `units` by column name. Units stand on the HDU: astropy's Table drops 'electron'."""
    cols = []
    for key, values in columns.items():
        values = np.asarray(values)
        cols.append(fits.Column(key, _format(values), unit=units.get(key), array=values))
    # an HDU made with its data imports astropy.table and its plug-ins: 0.4 s that no job needs
    hdu = fits.BinTableHDU(header=header, name=name)
    hdu.data = fits.FITS_rec.from_columns(fits.ColDefs(cols))
    hdu.update_header()
    return hdu


_CODES = {"f4": "E", "f8": "D", "i2": "I", "i4": "J", "i8": "K", "b1": "L", "u1": "B"}


def _format(values):
    if values.dtype.kind in "US":
        return f"{max(values.dtype.itemsize // (4 if values.dtype.kind == 'U' else 1), 1)}A"
    if values.dtype == np.uint16:
        return "J"
    repeat = int(np.prod(values.shape[1:])) if values.ndim > 1 else 1
    return f"{repeat}{_CODES[values.dtype.str[1:]]}"


def read_header(path):
    """Primary header of a product; a ReductionError when the product stands for a failed step."""
    with _open(path) as hdus:
        return hdus[0].header.copy()


def _open(path):
    try:
        hdus = fits.open(path, memmap=False)
    except OSError as error:
        raise ReductionError(f"{path}: cannot be read ({error}); delete it and run again") from error
    if FAILED_CARD in hdus[0].header:
        reason = hdus[0].header[FAILED_CARD]
        hdus.close()
        raise ReductionError(f"{Path(path).name}: was not made: {reason}")
    return hdus


# --- images -----------------------------------------------------------------------------------------------------------


def write_frame(path, frame, header, extra=()):
    """FLUX [electron], QUAL (bits), ERRS [electron, 1 sigma]; `extra`: further HDUs."""
    write_images(
        path,
        [
            ("FLUX", frame.flux, "electron"),
            ("QUAL", frame.quality.astype(np.int16), ""),
            ("ERRS", np.sqrt(frame.variance), "electron"),
        ],
        header,
        extra,
    )


def write_images(path, images, header, extra=()):
    """Images [(name, array [y, x], unit)], stored in the detector's orientation, the first one in the primary HDU."""
    turned = is_turned(header)
    hdus = [
        image_hdu(name, image, unit, header if i == 0 else None, turned, primary=i == 0)
        for i, (name, image, unit) in enumerate(images)
    ]
    write_hdus(path, [*hdus, *extra])


def read_frame(path):
    """The Frame of an image product."""
    with _open(path) as hdus:
        header = hdus[0].header
        turn = (lambda a: np.ascontiguousarray(a.T)) if is_turned(header) else np.asarray
        flux, quality, errors = (turn(hdus[name].data) for name in ("FLUX", "QUAL", "ERRS"))
        exposure = exposure_of(header, Path(path).name)
    return Frame(flux, errors.astype(np.float32) ** 2, quality.astype(np.uint16), exposure)


def read_images(path, names):
    """(header, {name: array [y, x]}) of an image product, turned."""
    with _open(path) as hdus:
        turn = (lambda a: np.ascontiguousarray(a.T)) if is_turned(hdus[0].header) else np.asarray
        return hdus[0].header.copy(), {n: turn(hdus[n].data) for n in names if n in hdus}


# --- tables -----------------------------------------------------------------------------------------------------------


def write_tables(path, tables, header):
    """Tables [(name, {column: array}, {column: unit})] after an empty primary HDU that carries the header."""
    write_hdus(path, [fits.PrimaryHDU(header=header), *(table_hdu(*t) for t in tables)])


def read_table(path, name=1):
    """{column: array} of one table of a product."""
    with _open(path) as hdus:
        data = hdus[name].data
        return {c: np.array(data[c]).astype(data[c].dtype.newbyteorder("=")) for c in data.columns.names}


def has_hdu(path, name):
    with _open(path) as hdus:
        return name in hdus


# --- geometry ---------------------------------------------------------------------------------------------------------


def solution_tables(solution):
    """The tables that hold a DispersionSolution."""
    rows = [solution[o] for o in solution]
    columns = dict(
        order=np.array([r.order for r in rows], np.int32),
        wavelength_min=np.array([r.wavelength_nm[0] for r in rows]),
        wavelength_max=np.array([r.wavelength_nm[1] for r in rows]),
        slit_min=np.array([r.slit_arcsec[0] for r in rows]),
        slit_max=np.array([r.slit_arcsec[1] for r in rows]),
        calibrated_min=np.array([(r.calibrated_nm or r.wavelength_nm)[0] for r in rows]),
        calibrated_max=np.array([(r.calibrated_nm or r.wavelength_nm)[1] for r in rows]),
        wavelength_error=np.array([r.wavelength_error_nm for r in rows]),
        degree_wavelength=np.array([r.along.shape[0] - 1 for r in rows], np.int32),
        degree_slit=np.array([r.along.shape[1] - 1 for r in rows], np.int32),
        along=_padded([r.along.ravel() for r in rows]),
        across=_padded([r.across.ravel() for r in rows]),
    )
    nm = {k: "nm" for k in columns if k.startswith(("wavelength", "calibrated"))}
    units = {**nm, "slit_min": "arcsec", "slit_max": "arcsec", "along": "pixel", "across": "pixel"}
    return [("SOLUTION", columns, {**units, "degree_wavelength": "1", "degree_slit": "1"})]


def _padded(rows):
    out = np.zeros((len(rows), max(map(len, rows))))
    for i, row in enumerate(rows):
        out[i, : len(row)] = row
    return out


def read_solution(path):
    """The DispersionSolution of a product."""
    header, t = read_header(path), read_table(path, "SOLUTION")
    orders = {}
    for i, order in enumerate(t["order"]):
        shape = t["degree_wavelength"][i] + 1, t["degree_slit"][i] + 1
        n = shape[0] * shape[1]
        orders[int(order)] = OrderSolution(
            int(order),
            (t["wavelength_min"][i], t["wavelength_max"][i]),
            (t["slit_min"][i], t["slit_max"][i]),
            t["along"][i][:n].reshape(shape),
            t["across"][i][:n].reshape(shape),
            (t["calibrated_min"][i], t["calibrated_max"][i]),
            float(t["wavelength_error"][i]),
        )
    return DispersionSolution(header["ESO SEQ ARM"], orders)


def trace_table(trace):
    """The table that holds an OrderTrace, or an OrderEdges (name EDGES)."""
    is_trace = isinstance(trace, OrderTrace)
    curves = dict(centre=trace.centre) if is_trace else dict(lower=trace.lower, upper=trace.upper)
    first = next(iter(curves.values()))
    orders = sorted(first)
    limits = trace.limits or dict.fromkeys(orders, trace.along_px)
    columns = dict(
        order=np.array(orders, np.int32),
        along_min=np.full(len(orders), float(trace.along_px[0])),
        along_max=np.full(len(orders), float(trace.along_px[1])),
        first=np.array([limits[o][0] for o in orders], float),
        last=np.array([limits[o][1] for o in orders], float),
        **{name: _padded([curve[o] for o in orders]) for name, curve in curves.items()},
    )
    return ("TRACE" if is_trace else "EDGES", columns, {k: "pixel" for k in columns if k != "order"})


def read_trace(path):
    """The OrderTrace of a product."""
    t = read_table(path, "TRACE")
    orders = [int(o) for o in t["order"]]
    return OrderTrace(
        read_header(path)["ESO SEQ ARM"],
        (t["along_min"][0], t["along_max"][0]),
        {o: t["centre"][i] for i, o in enumerate(orders)},
        {o: (t["first"][i], t["last"][i]) for i, o in enumerate(orders)},
    )


def read_edges(path):
    """The OrderEdges of a product."""
    t = read_table(path, "EDGES")
    orders = [int(o) for o in t["order"]]
    return OrderEdges(
        read_header(path)["ESO SEQ ARM"],
        (t["along_min"][0], t["along_max"][0]),
        {o: t["lower"][i] for i, o in enumerate(orders)},
        {o: t["upper"][i] for i, o in enumerate(orders)},
        {o: (t["first"][i], t["last"][i]) for i, o in enumerate(orders)},
    )


# --- failures and sidecars --------------------------------------------------------------------------------------------


def write_json(path, content):
    """JSON with sorted keys and plain numbers; NaN becomes null."""
    text = json.dumps(_plain(content), indent=1, sort_keys=True, allow_nan=False) + "\n"
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf8")


def _plain(value):
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_plain(v) for v in value]
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(value) if np.isfinite(value) else None
    return value


def write_tombstone(path, reason):
    """A small file in place of a product that could not be made: it says why, and every reader refuses it."""
    path = Path(path)
    if path.suffix == ".fits":
        header = fits.Header()
        header[f"HIERARCH {FAILED_CARD}"] = " ".join(reason.split())[:400]
        write_hdus(path, [fits.PrimaryHDU(header=header)])
    else:
        with atomic_path(path) as temporary:
            temporary.write_text(f"# not made: {reason}\n", encoding="utf8")
