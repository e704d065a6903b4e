"""The user's configuration of a night or workspace: which frames, which calibrations, which settings."""

import difflib
import os

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from soxslib.config.settings import CONFIGURED, STEPS, settings_for
from soxslib.config.strict import load_yaml
from soxslib.errors import ReductionError
from soxslib.instruments import load_instrument
from soxslib.qc.limits import check_limits

FILE = "config.yaml"


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Select(_Model):
    """What is reduced, with the calibrations it needs. Empty lists select everything."""

    arms: list[str] = Field([], description="arms to reduce, e.g. [VIS]")
    nights: list[str] = Field([], description="dates of the evening, YYYY-MM-DD; wildcards allowed, e.g. ['2026-01-*']")
    targets: list[str] = Field([], description="names of science targets or standards; wildcards allowed")
    modes: list[str] = Field([], description="observing modes: stare, nod, offset")

    @field_validator("nights", mode="before")
    @classmethod
    def _dates_as_text(cls, value):
        return [str(v) for v in value] if isinstance(value, list) else value  # YAML reads 2026-01-27 as a date

    @field_validator("modes")
    @classmethod
    def _known_modes(cls, value):
        return [_one_of(v, ["stare", "nod", "offset"]) for v in value]


class Pin(_Model):
    """One association that is fixed by hand."""

    calibration: str = Field(description="step that makes it, e.g. master_flat")
    use: list[str] = Field(min_length=1, description="product paths or stems, best first; wildcards allowed")
    arm: str | None = Field(None, description="only for this arm")
    target: str = Field("*", description="only for sets whose stem fits, e.g. '*_SN2026ABC'")

    @field_validator("use", mode="before")
    @classmethod
    def _as_list(cls, value):
        return [value] if isinstance(value, str) else value

    @field_validator("calibration")
    @classmethod
    def _known_step(cls, value):
        return _one_of(value, list(STEPS))


class UserConfig(_Model):
    """config.yaml of a night directory."""

    raw: list[str] = Field(
        [".", "raw"], min_length=1, description="directories (their own files) and globs with raw frames"
    )
    instrument: str = Field("SOXS", description="name of the instrument's folder of data")
    select: Select = Field(Select(), description="what to reduce; everything when empty")
    exclude: list[str] = Field([], description="raw frames or sets not to use: file names or stems; wildcards allowed")
    pin: list[Pin] = Field([], description="associations fixed by hand")
    sof: list[str] = Field(
        [], description="sets of files (`soxs sof`): each fixes the frames and calibrations of one set"
    )
    calibrations: list[str] = Field(
        [], description="directories of other nights whose products may serve as calibrations"
    )
    plots: bool = Field(False, description="draw figures of every step in every run; else `snakemake plots` draws them")
    settings: dict[str, dict] = Field(
        {}, description="settings that differ from their defaults, by step; an arm's below its name"
    )
    limits: dict[str, dict] = Field(
        {},
        description="limits of metrics that differ from the instrument's, by step and metric; an arm's below its name",
    )
    night: str | None = Field(
        None, description="short for select: nights, for the command line (--config night=2026-01-27)"
    )

    @field_validator("raw", "exclude", "sof", "calibrations", mode="before")
    @classmethod
    def _text_as_list(cls, value):
        return [value] if isinstance(value, str) else value

    @field_validator("plots", mode="before")
    @classmethod
    def _word_as_truth(cls, value):
        """--config plots=true arrives as a word."""
        return {"true": True, "false": False}.get(value.lower(), value) if isinstance(value, str) else value

    @field_validator("night", mode="before")
    @classmethod
    def _date_as_text(cls, value):
        return None if value is None else str(value)

    @property
    def nights(self):
        return [*self.select.nights, *([self.night] if self.night else [])]


def read_config(path=FILE, overrides=None):
    """The checked UserConfig of a file (when there is one) with overrides on top.

    Raises ReductionError, one line, that names the key at fault and the nearest valid one.
    """
    content = load_yaml(path) if os.path.exists(path) else {}
    return check_config(_merged(content, overrides or {}))


def check_config(content):
    """The UserConfig of a plain dict, all settings of all steps and arms checked."""
    try:
        config = UserConfig(**content)
    except ValidationError as error:
        raise ReductionError(_one_line(error.errors()[0])) from None
    except TypeError as error:
        raise ReductionError(f"config: {error}; keys are words") from None
    instrument = load_instrument(config.instrument)
    arms = list(instrument.data["arms"])
    for step, content in config.settings.items():
        if step not in CONFIGURED:
            raise ReductionError(f"config: settings.{step} is no step; did you mean {_nearest(step, CONFIGURED)!r}?")
        for key, value in content.items():
            if key in arms and step not in STEPS:
                raise ReductionError(
                    f"config: settings.{step}.{key}: {step} is not of one arm; put its keys one level up"
                )
            if key in arms and not isinstance(value, dict):
                raise ReductionError(f"config: settings.{step}.{key} is {value!r}; an arm holds settings, key: value")
    for arm in [*config.select.arms, *(p.arm for p in config.pin if p.arm)]:
        if arm not in arms:
            raise ReductionError(f"config: {arm!r} is no arm; did you mean {_nearest(arm, arms)!r}?")
    check_limits(config.limits, instrument.yaml("qc_limits.yaml"), arms)
    for step in config.settings:
        for arm in arms:
            settings_for(step, arm, config.settings[step], config.instrument)
    return config


def _merged(base, top):
    """`base` with the values of `top` laid over it, dicts key by key."""
    out = dict(base)
    for key, value in top.items():
        both = isinstance(value, dict) and isinstance(out.get(key), dict)
        out[key] = _merged(out[key], value) if both else value
    return out


def _nearest(word, words):
    return difflib.get_close_matches(str(word), list(words), n=1, cutoff=0.0)[0]


def _one_of(value, words):
    if value not in words:
        raise ValueError(f"not one of {', '.join(words)}; did you mean {_nearest(value, words)!r}?")
    return value


def _one_line(error):
    """A pydantic error as one sentence with the key and, for an unknown one, the nearest that exists."""
    path = [str(part) for part in error["loc"]]
    where = "config: " + ".".join(path)
    if error["type"] == "extra_forbidden":
        model = {"select": Select, "pin": Pin}.get(path[0], UserConfig) if len(path) > 1 else UserConfig
        return f"{where} is not a key; did you mean {_nearest(path[-1], model.model_fields)!r}?"
    if error["type"] == "missing":
        return f"{where} is missing"
    message = error["msg"].removeprefix("Value error, ")
    return f"{where} is {error['input']!r}: {message[0].lower()}{message[1:]}"
