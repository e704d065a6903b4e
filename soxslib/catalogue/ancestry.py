"""What a product was made from, as its sidecar and those of its ancestors tell."""

import json
from dataclasses import dataclass
from pathlib import Path

from soxslib.errors import ReductionError

PRODUCTS = "reduced"


@dataclass(frozen=True)
class Origin:
    """A product's file, the sidecar that belongs to it, and its content."""

    path: str  # relative to the night's directory
    sidecar_path: str
    sidecar: dict

    @property
    def used(self):
        return self.sidecar.get("used", [])


def night_of_product(path):
    """(the night's directory, path below it) of a product."""
    full = Path(path).absolute()
    for parent in full.parents:
        if parent.name == PRODUCTS:
            return parent.parent, str(full.relative_to(parent.parent))
    raise ReductionError(f"{path}: is no product; name a file below the {PRODUCTS}/ of a night")


def origin_of(path, root="."):
    """The Origin of a product of any suffix: its sidecar has the longest stem that the product's name begins with."""
    path = Path(path)
    folder = Path(root) / path.parent
    if path.name.endswith((".qc.json", ".verdict")):
        path = path.with_name(path.name.removesuffix(".qc.json").removesuffix(".verdict") + ".fits")
    stems = [p.name.removesuffix(".qc.json") for p in folder.glob("*.qc.json")]
    fitting = [s for s in stems if path.name.startswith((f"{s}.", f"{s}_"))]
    if path.name.endswith("_2D.fits"):  # made with the flux calibration
        fitting += [s for s in stems if s == path.name.removesuffix("_2D.fits") + "_FLUXCAL"]
    if not fitting:
        raise ReductionError(f"{path}: has no sidecar (.qc.json) beside it; make it again with snakemake")
    sidecar = path.parent / f"{max(fitting, key=len)}.qc.json"
    content = json.loads((Path(root) / sidecar).read_text(encoding="utf8"))
    return Origin(str(path), str(sidecar), content)


def parents_of(origin, root="."):
    """Origins of the products that one was made with; of those whose sidecar is gone, the path alone."""
    out = []
    for path in origin.used:
        try:
            out.append(origin_of(path, root))
        except ReductionError:
            out.append(Origin(path, "", {}))
    return out
