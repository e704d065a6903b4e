"""Which figures a night gets, and what each is drawn from: products, and the raw frame behind them."""

from soxslib.errors import ReductionError

NEEDS = {  # what a step's figure shows beside the step's own products, by the name of the task's input
    "dispersion_solution": ("raw",),
    "order_trace": ("raw",),
    "master_flat": ("raw",),
    "spatial_solution": ("raw",),
    "response": ("orders",),
}
UNDRAWN = ("text", "verdict")  # outputs that no figure shows


def figure_of(task):
    """Path of a task's figure; its vector form stands beside it as .pdf."""
    return f"qc/{task.night}/{task.step}/{task.stem}.png"


def figure_inputs(night):
    """Input function of the rule that draws: {name: path} of a task's products and of what else its figure shows."""

    def inputs(wildcards):
        task = night.task(wildcards.step, wildcards)
        out = {name: path for name, path in task.outputs.items() if name not in UNDRAWN}
        for name in NEEDS.get(task.step, ()):
            if not task.inputs.get(name):
                raise ReductionError(f"{task.step} {task.stem}: its plan lacks the input {name!r}; run again")
            out[name] = task.inputs[name][-1]  # the frame of a set that a recipe uses alone is its last
        return out

    return inputs


def figures(night):
    """Figures of all selected tasks; none when the config turns plots off."""
    return [figure_of(task) for task in night.selected] if night.config.plots else []
