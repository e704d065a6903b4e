"""How long a run waits: between two looks at its jobs on a cluster, and at its end."""

import gc
import sys
import threading

EXECUTORS = "snakemake_interface_executor_plugins.executors.remote"
PAUSE = "next_seconds_between_status_checks"


def keep_polls_steady():
    """Has no executor wait longer between two looks than the option --seconds-between-status-checks says.

    Slurm's plugin waits ten seconds longer after every look that finds no job done, up to three minutes: in a night of
    jobs of a minute that is much waiting after each of them. One look asks for all jobs at once.
    """
    if EXECUTORS not in sys.modules:  # nothing runs elsewhere
        return
    executor_class = sys.modules[EXECUTORS].RemoteExecutor
    given = getattr(executor_class, PAUSE)
    if getattr(given.fset, "is_steady", False):
        return

    def steady(executor, seconds):
        most = executor.workflow.remote_execution_settings.seconds_between_status_checks
        given.fset(executor, min(seconds, most))

    steady.is_steady = True
    setattr(executor_class, PAUSE, given.setter(steady))


def end_at_once():
    """Cancels the timers that Snakemake's scheduler leaves behind, and spares Python its last search for garbage.

    The process would wait up to a second for the ones and search a third of a second for what ends with it anyway.
    """
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):
            thread.cancel()
    gc.freeze()
