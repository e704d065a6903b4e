"""How long a run waits: between two looks at jobs of a cluster never longer than the option says, and not at its end."""

import gc
import threading
from types import SimpleNamespace

from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor

from soxslib.catalogue.polls import PAUSE, end_at_once, keep_polls_steady


def test_no_pause_is_longer_than_the_option_says(monkeypatch):
    monkeypatch.setattr(RemoteExecutor, PAUSE, getattr(RemoteExecutor, PAUSE))  # put back afterwards
    settings = SimpleNamespace(seconds_between_status_checks=10)
    executor = SimpleNamespace(workflow=SimpleNamespace(remote_execution_settings=settings))
    keep_polls_steady()
    keep_polls_steady()  # a Snakefile may be read twice
    pause = getattr(RemoteExecutor, PAUSE)
    for wanted, kept in ((3, 3), (10, 10), (180, 10)):
        pause.fset(executor, wanted)
        assert pause.fget(executor) == kept


def test_a_run_does_not_wait_for_timers_of_its_scheduler():
    timer = threading.Timer(600, lambda: None)
    timer.start()
    try:
        end_at_once()
        timer.join(timeout=10)
        assert not timer.is_alive() and gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()
