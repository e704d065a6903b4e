"""`soxs watch`: reduces frames as they arrive. Calibrations are made as soon as they are there, so that a science frame
finds them ready; a new science frame goes first, and what runs then is let finish and put off. No figure is drawn before
a spectrum."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from soxslib import workflow_dir
from soxslib.catalogue.arrivals import Arrivals
from soxslib.catalogue.database import update_index
from soxslib.catalogue.open import plan_file, read_night
from soxslib.catalogue.pairs import STEP as BOTH_ARMS
from soxslib.catalogue.refresh import INDEX, index_is_stale
from soxslib.catalogue.summary import ABSENT, result_of
from soxslib.config.user import read_config
from soxslib.errors import ReductionError
from soxslib.report.build import FOLDER, build
from soxslib.report.gather import FOLLOWS, SKY

NEWEST = "spectra of new frames"


def add_arguments(parser):
    parser.add_argument("night", nargs="?", default=".", help="the night directory (default: here)")
    parser.add_argument("--cores", type=int, default=os.cpu_count(), help="cores to use (default: all)")
    parser.add_argument("--poll", type=float, default=1.0, metavar="S", help="look for files this often [s]")
    parser.add_argument(
        "--settle", type=float, default=2.0, metavar="S", help="a file unchanged for so long is whole [s]"
    )
    parser.add_argument(
        "--rest", type=float, default=30.0, metavar="S", help="make everything else after so long a pause [s]"
    )
    parser.add_argument("--stop-after", type=float, metavar="S", help="end when nothing has happened for so long [s]")


def main(options):
    if not os.path.isdir(options.night):
        raise ReductionError(f"{options.night} is no directory; name the one that `soxs init` was given")
    os.chdir(options.night)
    try:
        Watch(options).run()
    except KeyboardInterrupt:
        print("watch: ended")
    return 0


class Watch:
    """The loop: look for files, plan, reduce what is most urgent, refresh the report."""

    def __init__(self, options):
        self.options, self.config = options, read_config()
        self.arrivals = Arrivals(self.config.raw, options.settle)
        self.fresh = set()  # frames that have come since the watch began
        self.tried = set()  # tasks with their frames that have been asked for: a defect is not tried for ever
        self.is_complete = False  # everything has been made since the last frame
        self.last_event = time.monotonic()

    def run(self):
        self.arrivals.take_all()
        self._say(f"watching {', '.join(self.config.raw)}: {len(self.arrivals.whole)} frames are there")
        while True:
            self._look()
            urgent, paths = self._most_urgent()
            now = time.monotonic()
            if paths:
                self._make(paths, urgent)
                self.last_event = time.monotonic()
            elif not self.is_complete and now - self.last_event >= self.options.rest:
                self.is_complete = self._make(["all"], "everything else")
                self.last_event = time.monotonic()
            elif self.options.stop_after and self.is_complete and now - self.last_event >= self.options.stop_after:
                return
            else:
                time.sleep(self.options.poll)

    def _look(self):
        """Paths of new frames, told."""
        fresh = self.arrivals.look(time.monotonic())
        for path in fresh:
            self._say(f"new: {Path(path).name}")
        if fresh:
            self.fresh.update(fresh)
            self.is_complete, self.last_event = False, time.monotonic()
        return fresh

    def _most_urgent(self):
        """(word, sidecars to be made), each asked for once."""
        if index_is_stale(self.config):
            update_index(INDEX, self.config.raw)
        night = read_night(plan_file(self.config), self.config)
        pending = [t for t in night.jobs if _is_pending(t) and _mark(t) not in self.tried]
        word, tasks = most_urgent(pending, self.fresh)
        self.tried.update(map(_mark, tasks))
        return word, [t.outputs["metrics"] for t in tasks]

    def _make(self, targets, word):
        """Whether Snakemake made targets to the end; stopped in favour of new frames, unless it makes those of new ones."""
        self._say(f"making {word}" + (f": {len(targets)}" if word != "everything else" else ""))
        command = [
            sys.executable,
            "-m",
            "snakemake",
            "--cores",
            str(self.options.cores),
            "--keep-going",
            "--quiet",
            "all",
        ]
        command += ["--rerun-incomplete", "--rerun-triggers", "mtime", "params", "input"]
        if not Path("Snakefile").exists():
            command += ["--snakefile", str(workflow_dir() / "Snakefile")]
        Path("logs").mkdir(exist_ok=True)
        begun, is_stopped = time.monotonic(), False
        with open("logs/watch.log", "a", encoding="utf8") as log:
            process = subprocess.Popen(
                [*command, "--", *targets], stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
            try:
                while process.poll() is None:
                    time.sleep(min(self.options.poll, 0.5))
                    if self._look() and word != NEWEST and not is_stopped:
                        process.terminate()  # Snakemake lets running jobs finish
                        is_stopped = True
            except KeyboardInterrupt:
                os.killpg(process.pid, signal.SIGINT)
                process.wait()
                raise
        self._report()
        told = "put off for new frames" if is_stopped else f"done in {time.monotonic() - begun:.0f} s"
        self._say(f"{word}: {told}")
        if is_stopped:
            self.tried.clear()
        return not is_stopped

    def _report(self):
        try:
            build(plan_file(self.config), FOLDER, self.config.instrument)
        except (OSError, ReductionError) as error:  # the next refresh will do
            self._say(f"report: {error}")

    def _say(self, text):
        print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def most_urgent(pending, fresh):
    """(word, tasks): of those to be made the spectra of new frames, else all spectra, else the calibrations."""
    spectra = [t for t in pending if t.step in (*SKY, *FOLLOWS, BOTH_ARMS)]
    newest = [t for t in spectra if fresh.intersection(t.inputs["raw"])]
    if newest:
        return NEWEST, newest
    return ("spectra", spectra) if spectra else ("calibrations" if pending else "", pending)


def _is_pending(task):
    """Whether a task has not been made of the frames it consists of now."""
    result = result_of(task)
    return result.status == ABSENT or result.sidecar.get("raw") != [Path(p).name for p in task.inputs["raw"]]


def _mark(task):
    return task.key, tuple(task.inputs["raw"])
