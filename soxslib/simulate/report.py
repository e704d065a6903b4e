"""The accuracy of a reduced simulated night as a table for people."""

import json

import numpy as np

from soxslib.errors import ReductionError
from soxslib.io.atomic import atomic_path
from soxslib.simulate.accuracy import COLUMNS, measure_night

SHARP_PX = 0.02  # a shift of features known as well as this is shown


def add_arguments(parser):
    """The options of `soxs accuracy`."""
    parser.add_argument("night", help="directory of a simulated night (its truth/ is read)")
    parser.add_argument("reduced", nargs="?", help="directory of products (default: NIGHT/reduced)")
    parser.add_argument("--json", help="also write all numbers, order by order, to this file")


def main(args):
    """Prints the table."""
    reduced = args.reduced or f"{args.night}/reduced"
    spectra, maps = measure_night(args.night, reduced)
    if not spectra and not maps:
        raise ReductionError(
            f"{reduced}: no spectrum or wavelength map of this night; `soxs init {args.night}` and `snakemake` there make them"
        )
    print(table_of(spectra, maps))
    if args.json:
        with atomic_path(args.json) as tmp:
            tmp.write_text(json.dumps(dict(spectra=spectra, maps=maps), indent=1), encoding="utf8")
    return 0


def table_of(spectra, maps):
    """The table: medians over the orders of each product, and what the columns mean."""
    lines = ["| product | " + " | ".join(COLUMNS) + " |", "|---" * (len(COLUMNS) + 1) + "|"]
    lines += [_line(s) for s in sorted(spectra, key=lambda s: (s.get("arm", ""), s["name"]), reverse=True)]
    lines += [""] + [_map_line(m) for m in maps]
    lines += ["", *(f"{name}: {text}" for name, text in COLUMNS.items())]
    return "\n".join(lines)


def _line(spectrum):
    if "failed" in spectrum:
        return f"| {spectrum['name']}: {spectrum['failed']} |" + " |" * len(COLUMNS)
    orders = list(spectrum["orders"].values())

    def middle(name):
        values = [o[name] for o in orders if np.isfinite(o.get(name, np.nan))]
        return f"{np.median(values):.3f}" if values else "-"

    sharp = [abs(o["shift_px"]) for o in orders if o.get("shift_error_px", 1) < SHARP_PX]
    flux = spectrum["flux"]
    cells = [
        f"{sum(o['cover'] > 0.5 for o in orders)}/{len(orders)}", middle("cover"), middle("counts"), middle("snr"),
        middle("err"), middle("pull"), middle("dl_px"), f"{max(sharp):.3f}" if sharp else "-",
        *(f"{flux[k]:.3f}" if k in flux else "-" for k in ("ratio", "scatter")),
    ]  # fmt: skip
    name = f"{spectrum['arm']} {spectrum['object']} {spectrum['mode']} ({spectrum['exposures']})"
    return f"| {name} | " + " | ".join(cells) + " |"


def _map_line(found):
    if "failed" in found:
        return f"map {found['name']}: {found['failed']}"
    px = [o["wavelength_px"] for o in found["orders"].values()]
    slit = [o["slit_arcsec"] for o in found["orders"].values()]
    if not px:
        return f"map {found['name']}: no order of it agrees with the truth"
    return (
        f"map {found['name']}: {len(px)} orders, wavelength {np.median(px):.3f} px (worst {max(px):.3f}), "
        f'slit {np.median(slit):.3f}" (worst {max(slit):.3f}")'
    )
