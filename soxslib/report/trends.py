"""The page of trends: any metric of any step against time, temperature or rotator angle, over all nights."""

from soxslib.report.gather import FOLLOWS, SKY, slug
from soxslib.report.html import embedded, page
from soxslib.report.target import calibration_file

DATA = "trends"  # folder of the steps' numbers, each a script that the page adds when it is asked for
CONDITIONS = ("mjd", "rotator_deg", "detector_temperature_k", "bench_temperature_c")


def trends_page(story, styles):
    """HTML of the page; the numbers are in files of their own. styles: {arm: [[order, name, colour]]}, bluest first."""
    made = [i for i in story.items if i.sidecar.get("metrics")]
    steps = {}
    for item in made:
        steps.setdefault(item.task.step, {}).setdefault(item.task.arm, 0)
        steps[item.task.step][item.task.arm] += 1
    body = (
        "<h1>Trends</h1><p class=sub>Every product of every night known here. Dashed lines: limits; rings: outside "
        "the limits, or more than five sigma from the median.</p>"
        '<section class="viewer" aria-label="Trend"><div class="tools" id="tools"></div>'
        '<div class="plot"><canvas id="trend" tabindex="0" role="application" aria-label="Metric against time. '
        "Drag to move, wheel or pinch to zoom, double-click for all. Keys: ← → read off, + − to zoom, 0 for all, "
        'Enter opens the product."></canvas></div><p class="readout" id="readout" role="status" aria-live="polite">'
        "Point at a value to read it off.</p></section>"
    )
    data = {"steps": {step: sorted(arms) for step, arms in steps.items()}, "folder": DATA, "orders": styles}
    return page("Trends", body, scripts=("plot.js", "trends.js"), data=data, crumbs=[("trends", "#")])


def trend_files(story):
    """{step: text of the script that hands its numbers to the page}."""
    by_step = {}
    for item in story.items:
        if item.sidecar.get("metrics"):
            by_step.setdefault(item.task.step, []).append(item)
    return {
        step: f"trendData({embedded(step)},{embedded(_table(items, story.limits))});\n"
        for step, items in by_step.items()
    }


def _table(items, limits):
    """{arm: {tasks: [[label, link, conditions]], metrics: {name: {unit, meaning, limits, values by order}}}}."""
    out = {}
    for item in sorted(items, key=lambda i: i.task.mjd):
        arm = out.setdefault(item.task.arm, {"tasks": [], "metrics": {}})
        arm["tasks"].append(_task(item))
        row = len(arm["tasks"])
        own = limits.get(item.task.step, {}).get(item.task.arm, {})
        for m in item.sidecar["metrics"]:
            if isinstance(m["value"], (int, float)) and not isinstance(m["value"], bool):
                _put(arm["metrics"], m, own, row)
    for arm in out.values():
        for metric in arm["metrics"].values():
            for values in metric["values"].values():
                values += [None] * (len(arm["tasks"]) - len(values))
    return out


def _put(metrics, m, own, row):
    entry = metrics.setdefault(
        m["name"], {"unit": m["unit"], "meaning": m["meaning"], "limits": _levels(own.get(m["name"], {})), "values": {}}
    )
    values = entry["values"].setdefault("" if m["order"] is None else str(m["order"]), [])
    values += [None] * (row - 1 - len(values))
    values.append(float(f"{m['value']:.5g}"))


def _levels(limits):
    each = limits.get("each", {})
    return {
        "whole": [limits.get("warn"), limits.get("fail")],
        "each": [each.get("warn"), each.get("fail")],
    }


def _task(item):
    task, c = item.task, item.sidecar.get("conditions", {})
    if task.step in SKY + FOLLOWS:
        link = f"target/{slug(f'{task.night}_{task.target or task.stem}')}.html"
    else:
        link = f"calibration/{calibration_file(item)}"
    values = [c.get(name) for name in CONDITIONS]
    values[0] = values[0] if values[0] is not None else task.mjd
    return [task.stem, link, *(None if v is None else round(v, 5) for v in values)]
