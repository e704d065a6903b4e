"""Which jobs start first when there are more than processors: those that the longest chain waits for."""

QUICK = {"response", "flux_calibration"}  # take a second, and then a spectrum is ready
AHEAD = 100  # more than any chain is long


def priorities_of(tasks):
    """{key of a task: priority}, the number of tasks in the longest chain of needs that begins with it.

    The response waits for the standard, and every spectrum for the response: so the standard's flat comes before that of
    another slit, and a standard before a target. Quick steps come before all others. Tasks are in the cascade's order, each
    after all that it needs.
    """
    maker = {path: task.key for task in tasks for path in task.outputs.values()}
    length = {task.key: 1 for task in tasks}
    for task in reversed(tasks):
        for paths in task.inputs.values():
            for key in {maker[path] for path in paths if path in maker}:
                length[key] = max(length[key], length[task.key] + 1)
    return {task.key: length[task.key] + AHEAD * (task.step in QUICK) for task in tasks}
