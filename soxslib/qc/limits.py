"""Limits of metrics as plain data: the instrument's with the user's laid over them."""

import difflib

from soxslib.errors import ReductionError

EVERY = "every_step"  # limits of metrics that every step measures
LEVELS = ("warn", "fail")
_WORDS = {"unit", "meaning", "each", *LEVELS}


def limits_table(instrument, user=None):
    """{step: {arm: {metric: {unit, meaning, warn, fail, each}}}} of an instrument, with the user's limits.

    `user`: {step: {metric: {warn: [low, high], fail: ..., each: {...}}, ARM: {metric: ...}}}.
    Raises ReductionError, one line, that names what is at fault and the nearest that exists.
    """
    content, arms = instrument.yaml("qc_limits.yaml"), list(instrument.data["arms"])
    check_limits(user or {}, content, arms)
    common = content.get(EVERY, {})
    steps = [name for name in content if name != EVERY]
    return {
        step: {arm: _of_arm({**common, **content[step]}, (user or {}).get(step, {}), arm, arms) for arm in arms}
        for step in steps
    }


def _of_arm(metrics, user, arm, arms):
    """{metric: limits} of one step and arm: both arms' < the arm's < the user's < the user's for the arm."""
    out = {}
    for name, entry in metrics.items():
        merged = {key: value for key, value in entry.items() if key in _WORDS}
        for level in (entry.get(arm), user.get(name), (user.get(arm) or {}).get(name)):
            merged = _laid_over(merged, level or {})
        out[name] = {key: value for key, value in merged.items() if key not in arms}
    return out


def _laid_over(base, top):
    each = {**base.get("each", {}), **top.get("each", {})}
    return {**base, **top, **({"each": each} if each else {})}


def check_limits(user, content, arms):
    """Raises ReductionError when the user's limits name a step, metric or level that is none, or are no ranges."""
    for step, metrics in user.items():
        known = {**content.get(EVERY, {}), **content.get(step, {})}
        if step not in content or step == EVERY:
            raise ReductionError(
                f"config: limits.{step} is no step; did you mean {_nearest(step, set(content) - {EVERY})!r}?"
            )
        for name, entry in _mapping(metrics, f"limits.{step}").items():
            where = f"limits.{step}.{name}"
            pairs = _mapping(entry, where).items() if name in arms else [(name, entry)]
            for metric, limits in pairs:
                if metric not in known:
                    raise ReductionError(
                        f"config: limits.{step}: {metric!r} is no metric with limits; "
                        f"did you mean {_nearest(metric, known)!r}?"
                    )
                _check_levels(limits, where if name not in arms else f"{where}.{metric}", with_each=True)


def _check_levels(limits, where, with_each):
    allowed = (*LEVELS, "each") if with_each else LEVELS
    for level, value in _mapping(limits, where).items():
        if level not in allowed:
            raise ReductionError(f"config: {where}.{level} is not one of {', '.join(allowed)}")
        if level == "each":
            _check_levels(value, f"{where}.each", with_each=False)
        elif value is not None and not _is_range(value):
            raise ReductionError(f"config: {where}.{level} is {value!r}; a range is [low, high], null for an open side")


def _is_range(value):
    is_number = lambda v: v is None or (isinstance(v, (int, float)) and not isinstance(v, bool))
    if not isinstance(value, list) or len(value) != 2 or not all(map(is_number, value)):
        return False
    return None in value or value[0] <= value[1]


def _mapping(value, where):
    if not isinstance(value, dict):
        raise ReductionError(f"config: {where} is {value!r}; it holds keys with values")
    return value


def _nearest(word, words):
    return difflib.get_close_matches(str(word), sorted(words), n=1, cutoff=0.0)[0]
