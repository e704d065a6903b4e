"""Products on disk: images, tables, solutions; written atomically, with checksums and units, the same bytes every time."""

import json
from functools import lru_cache
from pathlib import Path

import numpy as np

from soxslib.datamodel import DispersionSolution, Frame, OrderEdges, OrderSolution, OrderTrace
from soxslib.errors import ReductionError
from soxslib.instruments import load_instrument
from soxslib.io.atomic import atomic_path
from soxslib.io.cards import Header
from soxslib.io.hdus import Hdu, Opened, write
from soxslib.io.keywords import exposure_of

FAILED_CARD = "ESO PRO FAILED"


def is_turned(header):
    """True when images of this arm are stored with the dispersion along y, and so are turned on reading and writing."""
    arm = load_instrument(str(header["INSTRUME"])).arm(header["ESO SEQ ARM"])
    return arm["detector"]["dispersion_axis"] == "y"


def write_hdus(path, hdus):
    """Writes HDUs atomically with checksums."""
    with atomic_path(path) as temporary:
        write(temporary, hdus)


def image_hdu(name, image, unit, header=None, turned=False):
    """An image HDU with its unit; `turned` images are stored as the detector is read out."""
    header = Header(header or ())
    if unit:
        header["BUNIT"] = unit
    return Hdu(header, name, image=image, turned=turned)


def table_hdu(name, columns, units):
    """A table HDU of {column: array}; `units` by column name."""
    return Hdu(name=name, columns=columns, units=units)


def read_header(path):
    """Primary header of a product; a ReductionError when the product stands for a failed step."""
    return _open(path).headers[0].copy()


def _open(path):
    """The opened file, kept: who reads a product asks for its parts one by one."""
    path = Path(path)
    try:
        status = path.stat()
        return _opened(path, status.st_mtime_ns, status.st_size)
    except OSError as error:
        raise ReductionError(f"{path}: cannot be read ({error}); delete it and run again") from error


@lru_cache(maxsize=32)
def _opened(path, changed_ns, size):
    opened = Opened(path)
    if FAILED_CARD in opened.headers[0]:
        raise ReductionError(f"{path.name}: was not made: {opened.headers[0][FAILED_CARD]}")
    return opened


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
        image_hdu(name, image, unit, header if i == 0 else None, turned) for i, (name, image, unit) in enumerate(images)
    ]
    write_hdus(path, [*hdus, *extra])


def read_frame(path):
    """The Frame of an image product."""
    header, images = read_images(path, ("FLUX", "QUAL", "ERRS"))
    errors = images["ERRS"].astype(np.float32, copy=False)
    exposure = exposure_of(header, Path(path).name)
    return Frame(images["FLUX"], errors * errors, images["QUAL"].astype(np.uint16), exposure)


def read_images(path, names):
    """(header, {name: array [y, x]}) of an image product, turned; names that it lacks are left out."""
    opened = _open(path)
    header = opened.headers[0].copy()
    turned = is_turned(header)
    return header, {n: opened.image(n, turned) for n in names if n in opened}


# --- tables -----------------------------------------------------------------------------------------------------------


def write_tables(path, tables, header):
    """Tables [(name, {column: array}, {column: unit})] after an empty primary HDU that carries the header."""
    write_hdus(path, [Hdu(header), *(table_hdu(*t) for t in tables)])


def read_table(path, name=1):
    """{column: array} of one table of a product."""
    return _open(path).table(name)


def has_hdu(path, name):
    return name in _open(path)


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
        write_hdus(path, [Hdu(Header([(FAILED_CARD, " ".join(reason.split())[:400])]))])
    else:
        with atomic_path(path) as temporary:
            temporary.write_text(f"# not made: {reason}\n", encoding="utf8")
