"""Settings of a step for one arm: default < instrument < its arm < the user's < the user's for that arm."""

import difflib
from importlib import import_module
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, ValidationError

from soxslib.errors import ReductionError
from soxslib.instruments import load_instrument

STEPS = (
    "master_bias",
    "master_dark",
    "dispersion_solution",
    "order_trace",
    "master_flat",
    "spatial_solution",
    "stare",
    "nod",
    "offset",
    "response",
    "flux_calibration",
)
CONFIGURED = (*STEPS, "both_arms")  # and what is made of two arms' products, outside of the plan


class StepSettings(BaseModel):
    """Base of every step's settings: unknown keys are errors, values are checked."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)
    # Raise it in a step's model when its recipe gives other results than the release before: products are made anew.
    revision: ClassVar[int] = 1


def model_of(step):
    """The settings model of a step."""
    return import_module(f"soxslib.config.steps.{step}").Settings


def instrument_settings(step, instrument="SOXS"):
    """{arm or 'all': {key: value}}: what an instrument sets differently from the models."""
    source = load_instrument(instrument)
    content = source.yaml("settings.yaml").get(step) or {}
    common = {key: value for key, value in content.items() if key not in source.data["arms"]}
    return {"all": common} | {arm: content[arm] for arm in source.data["arms"] if content.get(arm)}


def settings_for(step, arm, user=None, instrument="SOXS"):
    """Checked settings of a step and arm as a plain dict.

    `user`: the step's part of the user's configuration: {key: value, ARM: {key: value}}.
    Raises ReductionError, one line, that names the key at fault and the nearest valid one.
    """
    source = load_instrument(instrument)
    arms = set(source.data["arms"])
    merged = {}
    for level in (source.yaml("settings.yaml").get(step) or {}, user or {}):
        merged.update({k: v for k, v in level.items() if k not in arms})
        merged.update(level.get(arm) or {})
    model = model_of(step)
    try:
        return model(**merged).model_dump()
    except ValidationError as error:
        raise ReductionError(_one_line(step, arm, model, error.errors()[0])) from None


def _one_line(step, arm, model, error):
    key = ".".join(str(part) for part in error["loc"]) or "?"
    where = f"config: settings.{step}.{key}"
    if error["type"] == "extra_forbidden":
        near = difflib.get_close_matches(key, model.model_fields, n=1, cutoff=0.0)
        return f"{where} is not a setting of {step}; did you mean {near[0]!r}?"
    return f"{where} (arm {arm}) is {error.get('input')!r}: {error['msg'].lower()}"


def revision_of(step):
    """Revision of a step's recipe: part of its jobs' params, so that a release that changes results makes them anew."""
    return model_of(step).revision
