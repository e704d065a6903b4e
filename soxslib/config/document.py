"""Texts made from the settings models: the commented config.yaml of a night and docs/settings.md."""

import textwrap
import typing

from soxslib.config.settings import CONFIGURED, instrument_settings, model_of
from soxslib.config.user import Pin, Select, UserConfig

_INTRO = """\
# What is reduced here and how. Everything is optional; what is commented out shows the defaults.
# A mistake in this file is told in one line before anything runs.
"""
_EXAMPLES = {
    "select": "{arms: [VIS], nights: ['2026-01-*'], targets: [SN2026abc], modes: [nod]}",
    "exclude": "[SOXS.2026-01-27T16:00:02.585]",
    "pin": "[{calibration: master_flat, use: 20260127T160340_VIS_1X1_1_MFLAT_QTH_SLIT1_0_20_0S, target: '*_SN1'}]",
    "sof": "[20260128T004621_VIS_1X1_1_NOD_OBJ_SLIT1_0_600_0S_SN1.sof]",
    "limits": "{master_flat: {SATURATED FRAC: {fail: [0, 0.05]}, NIR: {FLAT SNR: {each: {warn: [50, null]}}}}}",
    "calibrations": "[../2026-01-26/reduced]",
}


def config_text():
    """The commented config.yaml that `soxs init` writes."""
    lines = [_INTRO]
    for name, info in UserConfig.model_fields.items():
        if name in ("settings", "night"):
            continue
        lines.append(f"# {info.description}")
        default = _EXAMPLES.get(name) or _yaml(info.default)
        lines.append(f"# {name}: {default}\n")
    lines.append("# Settings of the steps; below an arm's name for that arm only. Types and bounds: docs/settings.md")
    lines.append("# settings:")
    for step in CONFIGURED:
        lines.append(f"#   {step}:")
        for name, field in model_of(step).model_fields.items():
            lines.append(f"#     {name}: {_yaml(field.get_default(call_default_factory=True))}")
            lines += textwrap.wrap(
                field.description or "", 110, initial_indent="#       # ", subsequent_indent="#       # "
            )
    return "\n".join(lines) + "\n"


def settings_text(instrument="SOXS"):
    """docs/settings.md: every key with type, default, bounds and meaning."""
    lines = [
        "# Configuration",
        "",
        "Made from the models by `soxs docs`; do not edit. `config.yaml` stands in the night directory; the order is",
        "default < instrument < its arm < yours < yours for an arm. Unknown keys, wrong types and values out of bounds are",
        "errors.",
        "",
    ]
    for title, model in (("Keys", UserConfig), ("select", Select), ("pin", Pin)):
        lines += _table(title, model, {})
    lines += [
        "## Settings",
        "",
        "Below `settings:`, by step; `settings: {stare: {NIR: {key: value}}}` holds for one arm.",
        "",
    ]
    for step in CONFIGURED:
        lines += _table(step, model_of(step), instrument_settings(step, instrument))
    return "\n".join(lines).rstrip() + "\n"


def _table(title, model, overrides):
    lines = [f"### {title}", "", "| key | type | default | bounds | meaning |", "|---|---|---|---|---|"]
    for name, field in model.model_fields.items():
        default = "required" if field.is_required() else f"`{_yaml(field.get_default(call_default_factory=True))}`"
        others = {arm: values[name] for arm, values in overrides.items() if name in values}
        default += "".join(f", {arm}: `{_yaml(value)}`" for arm, value in others.items())
        meaning = (field.description or "").replace("|", "\\|")
        lines.append(f"| `{name}` | {_type(field.annotation)} | {default} | {_bounds(field)} | {meaning} |")
    return [*lines, ""]


def _bounds(field):
    signs = {"gt": ">", "ge": ">=", "lt": "<", "le": "<=", "min_length": "at least", "max_length": "at most"}
    found = [f"{sign} {getattr(m, key)}" for m in field.metadata for key, sign in signs.items() if hasattr(m, key)]
    return ", ".join(found)


def _type(annotation):
    if typing.get_origin(annotation) is typing.Literal:
        return " or ".join(f"`{value}`" for value in typing.get_args(annotation))
    text = getattr(annotation, "__name__", str(annotation)) if not typing.get_args(annotation) else str(annotation)
    return text.replace("soxslib.config.user.", "").replace("typing.", "").replace("|", "or")


def _yaml(value):
    """A value as it is written in YAML, on one line."""
    if hasattr(value, "model_dump"):
        value = {key: item for key, item in value.model_dump().items() if item}
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_yaml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_yaml(item) for item in value) + "]"
    return str(value)
