"""What every workflow script does around its step: inputs in, products out, failures told instead of raised."""

import gc
import json
import logging
import os
import sys
import traceback
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

from soxslib import __version__
from soxslib.errors import ReductionError
from soxslib.io import products, provenance
from soxslib.io.atomic import write_word
from soxslib.io.keywords import exposure_of
from soxslib.io.raw import open_raw_header, read_raw
from soxslib.qc import Metric, header_cards
from soxslib.qc.verdicts import rejection, verdict_word

log = logging.getLogger("soxslib")

CONDITIONS = (
    "mjd", "exposure_s", "ndit", "slit", "object_name", "airmass", "seeing_arcsec", "rotator_deg", "detector_temperature_k",
    "bench_temperature_c",
)  # fmt: skip


def sidecar_of(product, suffixes=()):
    """The metrics file that belongs to a product of any suffix."""
    path = Path(product)
    name = next((path.name[: -len(s)] for s in sorted(suffixes, key=len, reverse=True) if path.name.endswith(s)), None)
    return path.with_name(f"{name if name is not None else path.name.split('.')[0]}.qc.json")


class Job:
    """One job of the workflow: its inputs, outputs and settings, and a record of what it used."""

    def __init__(self, step, inputs, outputs, params):
        self.step = step
        self.inputs = inputs  # {name: [path]}: raw frames under "raw", ranked candidates under a calibration's name
        self.outputs = outputs  # {name: path}, with "metrics" the sidecar
        self.params = params  # plain: arm, settings ...
        self.settings = SimpleNamespace(**params.get("settings", {}))
        self.used, self.passed_over, self.warnings = [], [], []  # [(path, category)], [(path, reason)], [str]

    @property
    def raw_paths(self):
        return self.inputs.get("raw", [])

    def read_raws(self):
        """All raw frames, in the plan's order."""
        return list(self.each_raw())

    def each_raw(self, wanted=None):
        """The raw frames one after another, in the plan's order: of many, no more than one need be in memory.

        wanted(exposure): which to read, all without it. A frame that cannot be read is passed over with a warning.
        """
        is_any = False
        for path in self.raw_paths:
            try:
                if wanted and not wanted(exposure_of(open_raw_header(path), Path(path).name)):
                    is_any = True
                    continue
                frame = read_raw(path)
            except ReductionError as error:
                if str(error) not in self.warnings:
                    self.warn(str(error))
                continue
            is_any = True
            yield frame
            del frame  # before the next is read
        if not is_any:
            raise ReductionError(
                f"{self.step}: none of its {len(self.raw_paths)} raw frames can be read: {self.warnings[-1]}"
            )

    @property
    def exposure(self):
        """Exposure of the first raw frame whose header can be read."""
        return self.exposures[0]

    @cached_property
    def exposures(self):
        """Exposures of the raw frames whose headers can be read, one at least."""
        found, errors = [], []
        for path in self.raw_paths:
            try:
                found.append(exposure_of(open_raw_header(path), Path(path).name))
            except ReductionError as error:
                errors.append(str(error))
        if not found:
            raise ReductionError(f"{self.step}: none of its {len(errors)} raw frames can be read: {errors[-1]}")
        return found

    def calibration(self, name, read):
        """read(path) of the first candidate of a calibration that was made and passed its checks; None without one."""
        return next(self._used(name, read), None)

    def calibrations(self, name, read, only=None):
        """read(path) of all usable candidates of a calibration (of those named in `only`), in their order of rank."""
        return list(self._used(name, read, only))

    def candidates(self, name, read):
        """{path: read(path)} of all usable candidates of a calibration, in their order of rank; that is no use of them."""
        return dict(self._usable(name, read))

    def _used(self, name, read, only=None):
        for path, content in self._usable(name, read, only):
            self.use(path)
            yield content

    def _usable(self, name, read, only=None):
        for path in self.inputs.get(name, []):
            if only is not None and path not in only:
                continue
            reason = unusable(path)
            if reason is None:
                try:
                    content = read(path)
                except ReductionError as error:
                    reason = str(error)
                else:
                    yield path, content
                    continue
            self.passed_over.append((str(path), reason))
            log.warning("%s: passed over %s: %s", self.step, Path(path).name, reason)

    def use(self, path):
        """Records a calibration as used."""
        if str(path) not in [p for p, _ in self.used]:
            self.used.append((str(path), products.read_header(path).get("ESO PRO CATG", "")))

    def warn(self, text):
        self.warnings.append(text)
        log.warning("%s", text)

    def header(self, category, raw_path=None, metrics=()):
        """Header of a product, with provenance and quality control."""
        raw_path = raw_path or self.raw_paths[0]
        raw_header = open_raw_header(raw_path)
        header = provenance.product_header(
            raw_header,
            step=self.step,
            category=f"{category}_{self.params['arm']}",
            raws=[(Path(p).name, str(raw_header.get("ESO DPR TYPE", ""))) for p in self.raw_paths],
            calibrations=self.used,
            parameters=self.params.get("settings", {}) or {"none": "none"},
        )
        for i, (path, reason) in enumerate(self.passed_over, 1):
            header[f"HIERARCH ESO PRO REC1 PASSED{i}"] = f"{Path(path).name}: {reason}"[:200]
        for card, value in header_cards(metrics).items():
            header[card] = value
        return header

    def write_metrics(self, metrics, **facts):
        """The sidecar of a step that succeeded."""
        self._write_sidecar("ok", metrics=[m.as_dict() for m in [*metrics, *self._temperatures()]], **facts)

    def _temperatures(self):
        """[Metric] that every step has."""
        detector, bench = (self.conditions.get(k) for k in ("detector_temperature_k", "bench_temperature_c"))
        out = [] if detector is None else [Metric("DETECTOR TEMP", detector, "K", "temperature of the detector")]
        return out + ([] if bench is None else [Metric("CPATH TEMP", bench, "C", "temperature of the common path")])

    @cached_property
    def conditions(self):
        """{fact: value} of the first raw frame, for trends; {} when it cannot be read."""
        try:
            exposure = exposure_of(open_raw_header(self.raw_paths[0]), Path(self.raw_paths[0]).name)
        except (ReductionError, IndexError):
            return {}
        return {name: getattr(exposure, name) for name in CONDITIONS}

    def fail(self, reason):
        """Tombstones for every product and a sidecar with the reason."""
        log.error("%s", reason)
        for name, path in self.outputs.items():
            if name not in ("metrics", "verdict"):
                products.write_tombstone(path, reason)
        self._write_sidecar("failed", reason=reason, metrics=[])

    def _write_sidecar(self, status, **content):
        content = dict(
            step=self.step,
            arm=self.params.get("arm"),
            stem=self.params.get("stem"),
            status=status,
            raw=[Path(p).name for p in self.raw_paths],
            used=[p for p, _ in self.used],
            passed_over=[dict(path=p, reason=r) for p, r in self.passed_over],
            warnings=self.warnings,
            conditions=self.conditions,
            version=__version__,
            **content,
        )
        products.write_json(self.outputs["metrics"], content)
        if "verdict" in self.outputs:
            write_word(self.outputs["verdict"], verdict_word(content))


def unusable(path):
    """Why a calibration must not be used (it failed, or its checks did), or None."""
    content = _sidecar(path)
    return rejection(content) if content else None


def checks_of(path):
    """What a whole product is judged by: {step, arm, metrics} of its sidecar, those of single orders left out."""
    content = _sidecar(path)
    whole = [m for m in content.get("metrics", []) if m.get("order") is None]
    return {key: content.get(key) for key in ("step", "arm")} | {"metrics": whole}


def _sidecar(path):
    """Content of the sidecar of a calibration or of extracted orders, {} without one."""
    sidecar = sidecar_of(path, ("_IMAGE.fits", "_RESP.fits", "_EXTRACTED_ORDERS.fits", "_BKGROUND.fits", ".fits"))
    return json.loads(sidecar.read_text(encoding="utf8")) if sidecar.exists() else {}


def _as_lists(items):
    return {name: [value] if isinstance(value, str) else list(value) for name, value in items}


def run(snakemake, main):
    """Runs main(job) for a Snakemake job. What cannot be reduced is told in sidecar, tombstones and log; the job succeeds,
    so that the rest of the night goes on; a defect of the software itself is told likewise, with its traceback in the log."""
    job = Job(
        snakemake.rule,
        _as_lists(snakemake.input.items()),
        {name: str(path) for name, path in snakemake.output.items()},
        dict(snakemake.params.items()),
    )
    _log_to(snakemake.log)
    try:
        _reduce(job, main, snakemake.log)
    except (MemoryError, OSError) as error:  # the machine's fault, not the data's: another try may go well
        log.info("%s", traceback.format_exc())  # for the log; on the screen one line
        log.error("%s: %s; what is done stays: mend that and run snakemake again", job.step, _of_machine(error))
        sys.exit(1)
    gc.freeze()  # all ends now: Python need not search for garbage first


def _reduce(job, main, logs):
    try:
        main(job)
    except ReductionError as error:
        job.fail(str(error))
    except (MemoryError, OSError):
        raise
    except Exception as error:
        log.error("%s", traceback.format_exc())
        job.fail(f"{job.step}: unexpected {type(error).__name__}: {error}; see {logs or 'the log'}")


def _of_machine(error):
    """One line on what the machine lacks."""
    if isinstance(error, MemoryError):
        return f"out of memory {error}".strip()
    return f"{error.strerror or error}" + (f": {error.filename}" if error.filename else "")


def _log_to(paths):
    handlers = [logging.StreamHandler(sys.stderr)]
    handlers[0].setLevel(logging.WARNING)
    if paths:
        Path(paths[0]).parent.mkdir(parents=True, exist_ok=True)
        handlers.append(logging.FileHandler(paths[0], mode="w", encoding="utf8"))
    logging.raiseExceptions = False  # a log on a full disk
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s", handlers=handlers, force=True)
