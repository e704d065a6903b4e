"""Pass, warn or fail: metrics judged against limits when somebody reads them.

The limits a run was started with lie in .soxs/limits.json, so that jobs judge by the user's limits without being given
them: as a job's parameter they would make every recipe run again for a changed limit. Beside a calibration's sidecar
lies <stem>.verdict, one word, an input of all who may use the calibration. It is rewritten only when the word changes:
then, and only then, its consumers run again, and pass over a calibration that fails now or take one that passes now.
"""

import json
from dataclasses import dataclass
from pathlib import Path

PASS, WARN, FAIL, UNKNOWN = "pass", "warn", "fail", "none"  # none: nothing was measured
USABLE, REJECTED = "usable\n", "rejected\n"  # content of a .verdict file
LIMITS_FILE = ".soxs/limits.json"
_RANK = {UNKNOWN: -1, PASS: 0, WARN: 1, FAIL: 2}


@dataclass(frozen=True)
class Verdict:
    """State of a product, and a line for each metric beyond its limits, the worst first."""

    state: str
    reasons: tuple[str, ...] = ()

    @property
    def reason(self):
        """One line; '' when there is nothing to say."""
        more = len(self.reasons) - 1
        return "" if not self.reasons else self.reasons[0] + (f" and {more} more" if more > 0 else "")


def state_of(metric, limits):
    """(state, range that it is beyond or None) of one metric, a dict as in a sidecar, under its limits."""
    value, is_whole = metric.get("value"), metric.get("order") is None
    if not is_whole:
        limits = limits.get("each", {})
    if isinstance(value, (bool, str)) or not (limits.get("fail") or limits.get("warn")):
        return UNKNOWN, None
    if value is None:  # is not a number: what cannot be told of a whole product is no better than what is beyond
        return FAIL if is_whole and limits.get("fail") else WARN, None
    for state in (FAIL, WARN):
        if limits.get(state) and not _is_within(value, limits[state]):
            return state, limits[state]
    return PASS, None


def _is_within(value, limits):
    low, high = limits
    return (low is None or value >= low) and (high is None or value <= high)


def judge(sidecar, limits):
    """The Verdict on a sidecar's content. limits: {step: {arm: {metric: limits}}}.

    A response is no better than the extraction of its star, whose metrics it carries: where that fails as a whole it fails
    too."""
    if sidecar.get("status") == "failed":
        return Verdict(FAIL, (sidecar.get("reason") or "failed",))
    own = limits.get(sidecar.get("step"), {}).get(sidecar.get("arm"), {})
    found = []
    for metric in sidecar.get("metrics", []):
        state, beyond = state_of(metric, own.get(metric["name"], {}))
        if state in (WARN, FAIL):
            found.append((state, _sentence(metric, beyond)))
    if "extraction" in sidecar and (star := judge(sidecar["extraction"], limits)).state == FAIL:
        found.append((FAIL, f"its star: {star.reason}"))
    found.sort(key=lambda pair: -_RANK[pair[0]])
    worst = found[0][0] if found else PASS
    return Verdict(worst, tuple(text for _, text in found))


def _sentence(metric, beyond):
    name = metric["name"] + ("" if metric.get("order") is None else f" of order {metric['order']}")
    name += f" in {metric['file']}" if metric.get("file") else ""
    if metric.get("value") is None:
        return f"{name} could not be measured"
    return f"{name} is {metric['value']:.4g}, {range_text(beyond)} is needed"


def range_text(limits):
    """A range in words."""
    low, high = limits
    if low is None:
        return f"at most {high:g}"
    return f"at least {low:g}" if high is None else f"{low:g} to {high:g}"


def worst(states):
    """The worst of some states."""
    return max(states, key=_RANK.get, default=UNKNOWN)


# --- limits in force, and what follows from them ----------------------------------------------------------------------


def limits_in_force():
    """{"limits": table, "guarded": [step]} of this directory's run; without any nothing is judged."""
    try:
        return json.loads(Path(LIMITS_FILE).read_text(encoding="utf8"))
    except (FileNotFoundError, ValueError):
        return {"limits": {}, "guarded": []}


def rejection(sidecar, rules=None):
    """Why a product must not be used, or None: its step failed, or it is a calibration beyond the rules' limits."""
    if sidecar.get("status") == "failed":
        return sidecar.get("reason") or "failed"
    rules = limits_in_force() if rules is None else rules
    if sidecar.get("step") not in rules["guarded"]:
        return None
    verdict = judge(sidecar, rules["limits"])
    return verdict.reason if verdict.state == FAIL else None


def verdict_word(sidecar, rules=None):
    """Content of the .verdict file that belongs to a sidecar."""
    return USABLE if rejection(sidecar, rules) is None else REJECTED
