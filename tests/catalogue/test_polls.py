"""The pause between two looks at the jobs of a cluster: what the option says is the most, whatever a plugin wants."""

from types import SimpleNamespace

from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor

from soxslib.catalogue.polls import PAUSE, keep_polls_steady


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
