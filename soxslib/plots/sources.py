"""What a figure is drawn from: a task's products and its sidecar on disk."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from soxslib.datamodel import Exposure
from soxslib.errors import ReductionError
from soxslib.io import products
from soxslib.io.keywords import exposure_of
from soxslib.io.raw import read_raw


@dataclass(frozen=True)
class Facts:
    """What titles and axes need to know of a product."""

    instrument: str
    arm: str
    exposure: Exposure

    @property
    def target(self):
        """Name of what was observed."""
        return self.exposure.target_name or self.exposure.object_name or "target"

    @property
    def subtitle(self):
        """One line: arm, slit, time, exposure."""
        e = self.exposure
        time = f"{e.ndit} × {e.exposure_s:g} s" if e.ndit > 1 else f"{e.exposure_s:g} s"
        binning = "" if e.binning == (1, 1) else f"binning {e.binning[0]}×{e.binning[1]} (across × along)"
        return " · ".join(t for t in (f"{self.instrument} {self.arm}", e.slit, ", ".join(e.lamps), time, binning) if t)


@dataclass(frozen=True)
class Sources:
    """A task on disk: {name: path} of its products, its raw frames, its step and stem."""

    step: str
    stem: str
    paths: dict
    raw: tuple = ()

    @cached_property
    def sidecar(self):
        """The sidecar's content; a ReductionError when there is none."""
        path = Path(self.paths["metrics"])
        try:
            return json.loads(path.read_text(encoding="utf8"))
        except (OSError, ValueError) as error:
            raise ReductionError(f"{path.name}: cannot be read ({type(error).__name__}); run the step again") from error

    @property
    def failure(self):
        """Why the step failed, or None."""
        return self.sidecar.get("reason", "failed") if self.sidecar.get("status") == "failed" else None

    def facts(self, name):
        """The Facts of one product."""
        header = products.read_header(self.paths[name])
        instrument, arm = str(header["INSTRUME"]).strip(), str(header["ESO SEQ ARM"]).strip()
        return Facts(instrument, arm, exposure_of(header, Path(self.paths[name]).name))

    def metric(self, name, order=None, default=float("nan")):
        """Value of a metric of the sidecar."""
        for m in self.sidecar.get("metrics", []):
            if m["name"] == name and m.get("order") == order:
                return default if m["value"] is None else m["value"]
        return default

    def by_order(self, name):
        """{order: value} of a metric."""
        found = (m for m in self.sidecar.get("metrics", []) if m["name"] == name and m.get("order") is not None)
        return {int(m["order"]): m["value"] for m in found if m["value"] is not None}

    def last_raw(self):
        """The step's last raw frame as a backdrop [ADU], dispersion along axis 1; None when it cannot be read."""
        try:
            return read_raw(self.raw[-1]).adu if self.raw else None
        except ReductionError:
            return None
