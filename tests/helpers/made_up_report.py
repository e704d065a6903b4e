"""A made-up night for the report: sidecars and spectra without any reduction, as many targets as asked for."""

import json
import os
from datetime import datetime
from pathlib import Path

import numpy as np

from soxslib.catalogue.guardrails import limits_rules
from soxslib.catalogue.tasks import Problem, Task
from soxslib.config.user import check_config
from soxslib.datamodel import MergedSpectrum, Quality, RectifiedOrder
from soxslib.instruments import load_instrument
from soxslib.io import products, rectified, spectra
from soxslib.io.cards import Header
from soxslib.qc.verdicts import LIMITS_FILE

NIGHT = "2026-01-27"
MJD = (datetime(2026, 1, 28, 1) - datetime(1858, 11, 17)).total_seconds() / 86400
GRIDS = {"VIS": (350.0, 853.0, 0.02), "NIR": (796.0, 2032.0, 0.04)}
LINE_NM = 656.28


def metric(name, value, unit="", order=None):
    return {"name": name, "value": value, "unit": unit, "meaning": f"meaning of {name.lower()}", "order": order}


def header(arm):
    cards = {"INSTRUME": "SOXS", "ESO SEQ ARM": arm, "EXPTIME": 600.0, "OBJECT": "SN"}
    out = Header()
    for key, value in cards.items():
        out[key if len(key) <= 8 else f"HIERARCH {key}"] = value
    return out


def spectrum(arm, rng, calibrated, stride=1):
    """A continuum with an emission line, a gap, and a telluric band; errors are those of its noise."""
    first, last, step = GRIDS[arm]
    wave = np.arange(first, last, step * stride)
    level = 300 * (wave / 600.0) ** -1.5 * (1 + 6 * np.exp(-0.5 * ((wave - LINE_NM) / 0.6) ** 2))
    error = np.full(wave.size, 9.0)
    flux = rng.normal(level, error)
    quality = np.where((wave > 758) & (wave < 772), int(Quality.TELLURIC), 0)
    gap = (wave > 1360) & (wave < 1400)
    flux[gap], quality = np.nan, np.where(gap, int(Quality.GAP), quality)
    scale = 1e-18 if calibrated else 1.0
    zero = np.zeros(wave.size)
    sky = 50 + 400 * np.exp(-0.5 * ((wave - 557.73) / 0.1) ** 2)
    extra = {"flux_calibrated": True, "systematic_error": 0.03 * flux * scale} if calibrated else {}
    return MergedSpectrum(
        wave, flux * scale, error * scale, quality.astype(np.uint16), sky * scale, (zero, zero), zero, **extra
    )


def straight_orders(arm, rng):
    """Two orders with a trace in the middle of the slit."""
    numbers = list(load_instrument("SOXS").arm(arm)["orders"].items())[:2]
    slit = np.linspace(-5.5, 5.5, 41)
    out = []
    for number, facts in numbers:
        wave = np.linspace(*facts["wavelength_nm"], 1500)
        flux = rng.normal(0, 3, (41, 1500)) + 80 * np.exp(-0.5 * (slit / 0.5) ** 2)[:, None]
        out.append(RectifiedOrder(number, wave, slit, flux, np.full(flux.shape, 9.0), np.zeros(flux.shape, np.uint16)))
    return out


class MadeUpNight:
    """A night directory with a written-down plan, sidecars, and spectra; the current directory must be its own."""

    def __init__(self, targets=2, arms=("VIS", "NIR"), with_files=True, stride=1):
        self.rng = np.random.default_rng(5)
        self.tasks, self.problems, self.with_files, self.stride = [], [], with_files, stride
        self.models = {}
        self.put_limits({})
        self.flats = {arm: self._flats(arm) for arm in arms}
        for number in range(targets):
            for arm in arms:
                self._target(number, arm)
        stem = "20260128T080000_VIS_1X1_1_STARE_OBJ_SLIT1_0_300_0S_LOST"
        self.problems.append(
            Problem(f"stare {stem}", "no spatial solution: not observed", "stare", "VIS", NIGHT, stem, "LOST")
        )

    def put_limits(self, limits):
        products.write_json(LIMITS_FILE, limits_rules(check_config({"limits": limits}), load_instrument("SOXS")))

    @property
    def plan(self):
        """Path of the plan."""
        content = {
            "tasks": [vars(t) for t in self.tasks],
            "problems": [vars(p) for p in self.problems],
            "notes": ["one <frame> & more"],
        }
        products.write_json(".soxs/plan.json", content)
        return Path(".soxs/plan.json")

    def _sidecar(self, task, *metrics, status="ok", **facts):
        conditions = {
            "mjd": task.mjd,
            "rotator_deg": 12.0,
            "detector_temperature_k": 150.0,
            "exposure_s": 600.0,
            "ndit": 1,
        }
        content = dict(
            step=task.step, arm=task.arm, stem=task.stem, status=status, metrics=list(metrics), conditions=conditions
        )
        raw = [Path(p).name for p in task.inputs["raw"]]
        products.write_json(
            task.outputs["metrics"], {**content, "raw": raw, "used": [], "passed_over": [], "warnings": [], **facts}
        )

    def _flats(self, arm):
        out = []
        for hour, saturated in ((16, 0.4), (17, 0.0)):
            stem = f"20260127T{hour}0000_{arm}_MFLAT"
            folder = f"reduced/{NIGHT}/master_flat/{stem}"
            outputs = {"product": f"{folder}.fits", "metrics": f"{folder}.qc.json", "verdict": f"{folder}.verdict"}
            task = Task(
                "master_flat", arm, NIGHT, stem, "", "flat", MJD + (hour - 25) / 24, {"raw": [f"raw/{stem}"]}, outputs
            )
            self._sidecar(task, metric("SATURATED FRAC", saturated), metric("FLAT SNR", 150.0, order=11))
            self.tasks.append(task)
            out.append(task.product)
        return out

    def _target(self, number, arm):
        stem = f"20260128T{number // 60 + 1:02d}{number % 60:02d}00_{arm}_STARE_OBJ_SN{number:03d}"
        folder, name = f"reduced/{NIGHT}/stare/{stem}", f"SN{number:03d}"
        raw, mjd = {"raw": [f"raw/{stem}.fits"]}, MJD + number / 1440
        suffixes = {
            "orders": "_EXTRACTED_ORDERS.fits",
            "merged": "_EXTRACTED_MERGED.fits",
            "rectified": "_RECTIFIED.fits",
            "metrics": ".qc.json",
        }
        sky = Task("stare", arm, NIGHT, stem, name, "science", mjd, raw | {"master_flat": self.flats[arm]},
                   {k: folder + s for k, s in suffixes.items()})  # fmt: skip
        suffixes = {"fluxcal": "_FLUXCAL.fits", "metrics": "_FLUXCAL.qc.json"}
        flux = Task(
            "flux_calibration",
            arm,
            NIGHT,
            stem,
            name,
            "science",
            mjd,
            raw,
            {k: folder + s for k, s in suffixes.items()},
        )
        bad, good = self.flats[arm]
        history = dict(used=[good], passed_over=[{"path": bad, "reason": "SATURATED FRAC is 0.4, 0 to 0.02 is needed"}])
        chi2 = 1.8 if number == 1 else 1.0
        self._sidecar(sky, metric("SNR MEDIAN", 30.0), metric("EXTRACTION CHI2", chi2, order=11), **history)
        self._sidecar(flux, metric("SYSTEMATIC ERROR", 0.03))
        self.tasks += [sky, flux]
        if self.with_files:
            self._write(sky.outputs["merged"], arm, "counts")
            self._write(flux.outputs["fluxcal"], arm, "flux")
            self._write(sky.outputs["rectified"], arm, "image")

    def _write(self, path, arm, kind):
        """A product; one of each kind is written, the others are links to it."""
        if (arm, kind) in self.models:
            os.link(self.models[arm, kind], path)
            return
        if kind == "image":
            rectified.write_rectified(path, straight_orders(arm, self.rng), header(arm))
        else:
            spectra.write_merged(path, spectrum(arm, self.rng, kind == "flux", self.stride), header(arm))
        self.models[arm, kind] = path


def read_state(folder):
    return json.loads((Path(folder) / ".state.json").read_text())
