"""The page of a calibration: in what state it is and why, what it was made of, whom it serves."""

from html import escape
from pathlib import Path

from soxslib.report.gather import FOLLOWS, SKY, slug
from soxslib.report.html import age_text, chip, page, qc_tables, table, time_text, words
from soxslib.report.target import calibrations_table, plot_block


def calibration_page(item, story):
    """HTML of a calibration."""
    task = item.task
    reasons = "".join(f"<li>{escape(r)}</li>" for r in item.verdict.reasons) if item.state in ("warn", "fail") else ""
    warnings = "".join(f"<p class=warning>{escape(w)}</p>" for w in item.sidecar.get("warnings", []))
    quality = qc_tables(item.sidecar, story.limits, story.bands[task.arm])
    raw = "".join(f"<li>{escape(Path(p).name)}</li>" for p in task.inputs["raw"])
    body = (
        f"<h1>{words(task.step)} {escape(task.arm)} {chip(item.state)}</h1>"
        f"<p class=sub>{escape(task.stem)} · {time_text(task.mjd)} UT · night of {task.night}</p>"
        f"{f'<ul class=reasons>{reasons}</ul>' if reasons else ''}{warnings}"
        f"<h2>Quality</h2>{quality or f'<p class=empty>{escape(item.reason)}</p>'}"
        f"{plot_block(task, is_open=True)}<h2>Made with</h2>{calibrations_table([item], story, '../')}"
        f"<h2>Serves</h2>{_consumers(item, story)}"
        f"<details><summary><h3>Raw frames</h3></summary><ul class=files>{raw}</ul></details>"
    )
    return page(f"{task.step.replace('_', ' ')} {task.arm} {task.night}", body, root="../", crumbs=[(task.stem, "#")])


def _consumers(item, story):
    """Who used it, and who passed it over and why."""
    path, rows = item.task.product, []
    for other in story.items:
        reasons = {p["path"]: p["reason"] for p in other.sidecar.get("passed_over", [])}
        if path in other.sidecar.get("used", []):
            rows.append(_row(other, item, "used"))
        elif path in reasons:
            rows.append(_row(other, item, f"passed over: {escape(reasons[path])}"))
    return table(["step", "of", "age", "how"], rows) if rows else "<p class=empty>Nobody has used it.</p>"


def _row(other, item, how):
    task = other.task
    if task.step in SKY + FOLLOWS:
        link = f"../target/{slug(f'{task.night}_{task.target or task.stem}')}.html"
    else:
        link = slug(f"{task.step}_{task.stem}") + ".html"
    text = f"{task.target} {task.arm}" if task.step in SKY + FOLLOWS and task.target else task.stem
    return [words(task.step), f'<a href="{escape(link)}">{escape(text)}</a>', age_text(item.task.mjd - task.mjd), how]
