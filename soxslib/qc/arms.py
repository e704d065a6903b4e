"""How well two arms agree where their flux-calibrated spectra overlap: known when both have been made."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from soxslib import __version__
from soxslib.datamodel import Quality
from soxslib.errors import ReductionError
from soxslib.io.atomic import write_word
from soxslib.io.spectra import read_merged
from soxslib.qc.metric import Metric

KNOWN = Path(".soxs/arms.json")  # ratios of earlier runs, so that spectra that stay are read once
UNUSABLE = (
    int(~(Quality.TELLURIC | Quality.INTERPOLATED | Quality.EXTRAPOLATED | Quality.POOR_SKY | Quality.NONLINEAR))
    & 0xFFFF
)


def with_arms(results, product="fluxcal"):
    """The results, the metrics of those that overlap with a bluer arm's spectrum of the same target joined by ARM RATIO.

    Of several spectra of the other arm the one nearest in time counts.
    """
    made = [r for r in results if product in r.task.outputs and r.status == "made" and r.task.target]
    by_target = {}
    for result in made:
        by_target.setdefault((result.task.night, result.task.target.upper()), []).append(result)
    known, told, extra = _read(), {}, {}
    for group in by_target.values():
        for result in group:
            if other := _partner(result, group):
                pair = sorted([result.task.outputs[product], other.task.outputs[product]])
                key, stamp = "|".join(pair), [__version__, *(_stamp(p) for p in pair)]
                if key not in told:
                    is_known = known.get(key, {}).get("stamp") == stamp
                    told[key] = known[key] if is_known else {"stamp": stamp, **_compare(*pair)}
                if told[key]["redder"] == result.task.outputs[product]:
                    extra[result.task.key] = _metrics(told[key]["ratio"])
    if told != known:
        write_word(KNOWN, json.dumps(told, sort_keys=True))
    return [_joined(r, extra[r.task.key]) if r.task.key in extra else r for r in results]


def _joined(result, metrics):
    sidecar = {**result.sidecar, "metrics": [*result.sidecar.get("metrics", []), *metrics]}
    return replace(result, sidecar=sidecar)


def _metrics(ratio):
    value, error = ratio
    both = (
        Metric("ARM RATIO", value, "", "flux over that of the bluer arm"),
        Metric("ARM RATIO ERROR", error, "", "one sigma"),
    )
    return [m.as_dict() for m in both]


def _partner(red, made):
    """The result of another arm that is nearest in time; None without any."""
    others = [r for r in made if r.task.arm != red.task.arm]
    return min(others, key=lambda r: abs(r.task.mjd - red.task.mjd), default=None)


def _read():
    try:
        return json.loads(KNOWN.read_text(encoding="utf8"))
    except (FileNotFoundError, ValueError):
        return {}


def _stamp(path):
    try:
        stat = Path(path).stat()
    except OSError:
        return None
    return [stat.st_size, stat.st_mtime_ns]


def _compare(*paths):
    """{redder: path, ratio: [value, error]} of two spectra; no path when they do not overlap or cannot be read."""
    try:
        spectra = {path: read_merged(path)[0] for path in paths}
    except (ReductionError, KeyError, OSError):
        return {"redder": None, "ratio": None}
    blue, red = sorted(paths, key=lambda path: spectra[path].wavelength_nm[0])
    ratio = arms_ratio(spectra[blue], spectra[red])
    return {"redder": red if ratio else None, "ratio": ratio}


def arms_ratio(blue, red, bin_nm=1.0, least=5):
    """[flux of the red spectrum over the blue one's, error] where two flux-calibrated spectra overlap; None without."""
    low = max(blue.wavelength_nm[0], red.wavelength_nm[0])
    high = min(blue.wavelength_nm[-1], red.wavelength_nm[-1])
    edges = np.arange(low, high, bin_nm)
    if edges.size <= least:
        return None
    (fa, va), (fb, vb) = (_binned(s, edges) for s in (blue, red))
    with np.errstate(all="ignore"):
        weight = 1.0 / (va + vb)
    ok = np.isfinite(weight) & np.isfinite(fa) & np.isfinite(fb)
    if ok.sum() < least or np.sum(weight[ok] * fa[ok]) <= 0:
        return None
    top, bottom = np.sum(weight[ok] * fb[ok]), np.sum(weight[ok] * fa[ok])
    return [float(top / bottom), float(np.sqrt(weight[ok].sum()) / bottom)]


def _binned(spectrum, edges):
    """(mean flux, its variance) between edges, of good bins; NaN where there are none."""
    good = ((spectrum.quality & UNUSABLE) == 0) & np.isfinite(spectrum.flux) & (spectrum.error > 0)
    k = np.digitize(spectrum.wavelength_nm[good], edges) - 1
    inside = (k >= 0) & (k < edges.size - 1)
    count = lambda v: np.bincount(k[inside], v[good][inside], edges.size - 1)
    n = count(np.ones(spectrum.flux.size))
    with np.errstate(all="ignore"):
        return count(spectrum.flux) / n, count(spectrum.error**2) / n**2
