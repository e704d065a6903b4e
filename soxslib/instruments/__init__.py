"""An instrument is a folder of data: this reads it. No algorithm knows an instrument or an arm by name."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from soxslib.errors import NotReducedError, ReductionError

ROOT = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Instrument:
    """An instrument's data as read from its folder: `arms`, `keywords`, `frame_types`, `association` ..."""

    name: str
    folder: Path
    data: dict

    def arm(self, name):
        """Everything known of one arm: detector, orders, slit, tables, grids."""
        try:
            return self.data["arms"][name]
        except KeyError:
            raise ReductionError(f"{self.name} has no arm {name!r}, only {', '.join(self.data['arms'])}") from None

    def table_path(self, arm, kind):
        """Path of a table of an arm (or of the instrument, when the arm has none of its own)."""
        tables = {**self.data.get("tables", {}), **self.arm(arm).get("tables", {})}
        return self.folder / "tables" / tables[kind]

    def yaml(self, name):
        """Another YAML file of the instrument's folder, e.g. 'settings.yaml'; {} when it has none."""
        path = self.folder / name
        return _load(path) if path.exists() else {}


@cache
def _load(path):
    import yaml

    with open(path, encoding="utf8") as fh:
        return yaml.load(fh, getattr(yaml, "CSafeLoader", yaml.SafeLoader)) or {}


@cache
def load_instrument(name):
    """The instrument of this name (as in the header's INSTRUME, any case)."""
    folder = ROOT / name.lower()
    if not (folder / "instrument.yaml").exists():
        known = sorted(p.parent.name.upper() for p in ROOT.glob("*/instrument.yaml"))
        raise NotReducedError(f"unknown instrument {name!r}; this software knows {', '.join(known)}")
    return Instrument(name.upper(), folder, _load(folder / "instrument.yaml"))
