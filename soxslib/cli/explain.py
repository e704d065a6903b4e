"""`soxs explain FILE`: everything a product rests on."""

import json
import os

from soxslib.catalogue.ancestry import night_of_product, origin_of, parents_of
from soxslib.config.settings import settings_for
from soxslib.errors import ReductionError
from soxslib.io.headers import read_header
from soxslib.qc.verdicts import PASS, judge, limits_in_force
from soxslib.report.html import age_text


def add_arguments(parser):
    parser.add_argument("file", help="a product, of any kind")


def main(options):
    root, path = night_of_product(options.file)
    if not (root / path).exists():
        raise ReductionError(f"{options.file}: there is no such file")
    os.chdir(root)
    print("\n".join(explain_lines(path)))
    return 0


def explain_lines(path):
    """Lines on a product and, indented below it, on all its ancestors; each is told once."""
    limits, seen, lines = limits_in_force()["limits"], set(), []

    def tell(origin, depth, child_mjd):
        pad = "    " * depth
        if origin.sidecar_path in seen and origin.sidecar:
            lines.append(f"{pad}{origin.path}  (see above)")
            return
        seen.add(origin.sidecar_path)
        mjd = origin.sidecar.get("conditions", {}).get("mjd")
        age = f"  ({age_text(mjd - child_mjd)})" if depth and mjd and child_mjd else ""
        lines.append(f"{pad}{origin.path}{age}")
        lines.extend(f"{pad}  {line}" for line in _facts(origin, limits))
        for parent in parents_of(origin):
            tell(parent, depth + 1, mjd)

    tell(origin_of(path), 0, None)
    return lines


def _facts(origin, limits):
    """Lines on one product."""
    s = origin.sidecar
    if not s:
        yield "made elsewhere: nothing is known of it but its header"
        return
    verdict = judge(s, limits)
    software = f"{s['step']} of soxslib {s['version']}" if "version" in s else s["step"]
    yield f"{software}, {s.get('arm')}: {verdict.state}"
    yield from (f"  {verdict.state if verdict.state != PASS else ''}: {reason}" for reason in verdict.reasons)
    yield from (f"warning: {text}" for text in s.get("warnings", []))
    yield "raw: " + ", ".join(s.get("raw", []))
    changed = changed_settings(origin)
    if changed is None:
        yield "settings: the header does not tell"
    else:
        yield "settings: " + (
            ", ".join(f"{k} = {v} (default {d})" for k, v, d in changed) if changed else "all default"
        )
    yield from (f"passed over: {p['path']}: {p['reason']}" for p in s.get("passed_over", []))


def changed_settings(origin):
    """[(name, value, default)] of settings unlike the instrument's, from the product's header; None without one."""
    step, arm = origin.sidecar.get("step"), origin.sidecar.get("arm")
    header = _header_of(origin)
    if header is None:
        return None
    plain = json.loads(json.dumps(settings_for(step, arm)))  # as a job gets them
    default = {k: str(v)[:60] for k, v in plain.items()}
    used, i = {}, 1
    while f"ESO PRO REC1 PARAM{i} NAME" in header:
        used[str(header[f"ESO PRO REC1 PARAM{i} NAME"])] = str(header.get(f"ESO PRO REC1 PARAM{i} VALUE", ""))
        i += 1
    return [(k, v, default[k]) for k, v in used.items() if k in default and v != default[k].strip()] if used else None


def _header_of(origin):
    if not origin.path.endswith(".fits"):
        stem = origin.sidecar_path.removesuffix(".qc.json")
        found = sorted(
            p for p in os.listdir(os.path.dirname(stem)) if p.startswith(os.path.basename(stem)) and p.endswith(".fits")
        )
        if not found:
            return None
        return read_header(os.path.join(os.path.dirname(stem), found[0]))[0]
    try:
        return read_header(origin.path)[0]
    except (ReductionError, OSError):
        return None
