"""The report's first page: what was observed, reduced, failed and why, at a glance."""

import math
from collections import Counter
from html import escape

from soxslib.report.gather import FOLLOWS, SKY, count_states
from soxslib.report.html import chip, page, plural, table, time_text, words
from soxslib.report.target import calibration_file


def overview_page(story, sparks, written):
    """HTML of the first page. sparks: {slug: {arm: thumbnail}}; written: text of when."""
    nights = sorted({i.task.night for i in story.items} | {p.night for p in story.problems if p.night}, reverse=True)
    bodies = [_night(night, story, sparks) for night in nights]
    sections = (
        bodies
        if len(nights) == 1
        else [_folded(*pair, k == 0) for k, pair in enumerate(zip(nights, bodies, strict=True))]
    )
    body = (
        f"<h1>{_title(nights)}</h1><p class=sub>{written}</p>" + _filter(story) + "".join(sections) + _leftovers(story)
    )
    return page(f"SOXS {_title(nights)}", body, scripts=("overview.js",))


def _title(nights):
    if not nights:
        return "No night yet"
    return f"Night of {nights[0]}" if len(nights) == 1 else f"{len(nights)} nights, {nights[-1]} to {nights[0]}"


def _filter(story):
    if len(story.targets) < 8:
        return ""
    return (
        '<div class="filter"><label>Find <input id="find" type="search" placeholder="name, arm, state"></label>'
        '<span id="found" role="status"></span></div>'
    )


def _folded(night, body, is_open):
    return f'<details class="night"{" open" if is_open else ""}><summary><h2>{night}</h2></summary>{body}</details>'


def _night(night, story, sparks):
    targets = [t for t in story.targets if t.night == night]
    calibrations = [i for i in story.calibrations if i.task.night == night]
    body = _numbers(targets, calibrations, [i for i in story.items if i.task.night == night])
    body += _timeline([i for i in story.items if i.task.night == night])
    science = [t for t in targets if not t.is_standard]
    for title, group in (("Targets", science), ("Standards", [t for t in targets if t.is_standard])):
        if group:
            body += f"<h3>{title}</h3>" + table(
                ["target", "state", "observed", "S/N", "spectrum", "why"],
                [_target_row(t, sparks.get(t.slug, {})) for t in group],
                "targets",
            )
    return body + _calibrations(calibrations)


def _numbers(targets, calibrations, items):
    """What an observer asks first, as large numbers."""
    science = [t for t in targets if not t.is_standard]
    calibrated = sum(1 for i in items if i.task.step == "flux_calibration" and i.result.status == "made")
    spectra = sum(1 for i in items if i.task.step in SKY)
    states = Counter(t.state for t in targets)
    cals = count_states(calibrations)
    cells = [
        (
            f"{len(science)}",
            "target" if len(science) == 1 else "targets",
            plural(len(targets) - len(science), "standard"),
        ),
        (f"{calibrated}<small>/{spectra}</small>", "spectra flux-calibrated", ""),
        (f"{states['fail']}", "failed", f"{states['warn']} to look at" if states["warn"] else ""),
        (
            f"{cals['pass'] + cals['warn']}<small>/{len(calibrations)}</small>",
            "calibrations usable",
            f"{cals['fail']} failed" if cals["fail"] else "",
        ),
    ]
    more = lambda text: f"<small{'' if 'standard' in text else ' class=warn'}>{escape(text)}</small>"
    body = "".join(f"<div><b>{value}</b><span>{label}</span>{more(text)}</div>" for value, label, text in cells)
    return f'<div class="numbers">{body}</div>'


def _target_row(target, spark):
    link = f'<a class="target" href="target/{target.slug}.html">{escape(target.name)}</a>'
    seen = "<br>".join(
        f"{escape(o.sky.task.arm)} {words(o.sky.task.step)} {time_text(o.sky.task.mjd)[11:]}"
        for o in target.observations
    )
    snr = "<br>".join(f"{escape(o.sky.task.arm)} {_ratio(o.sky.metric('SNR MEDIAN'))}" for o in target.observations)
    reasons = target.reasons
    why = (
        escape(reasons[0]) + (f" <small>and {len(reasons) - 1} more</small>" if len(reasons) > 1 else "")
        if reasons
        else ""
    )
    return [link, chip(target.state), seen, snr, _thumbnail(spark), why]


def _ratio(value):
    return "–" if value is None else f"{value:.0f}" if value >= 10 else f"{value:.1f}"


def _thumbnail(spark):
    """The arms' spectra as a small drawing, side by side."""
    if not any(spark.values()):
        return ""
    paths = []
    for k, arm in enumerate(sorted(spark, reverse=True)):
        paths.append(f'<path class="{escape(arm)}" d="{_path(spark[arm], 62 * k)}"/>')
    width = 62 * len(spark)
    size = f'viewBox="0 0 {width} 24" width="{width}" height="24"'
    return f'<svg class="spark" {size} aria-hidden="true">{"".join(paths)}</svg>'


def _path(values, left):
    pen, out = "M", []
    for i, v in enumerate(values):
        if v is None:
            pen = "M"
            continue
        out.append(f"{pen}{left + 60 * i / max(len(values) - 1, 1):.1f} {22 - 20 * v:.1f}")
        pen = "L"
    return "".join(out)


def _timeline(items):
    """When what was observed: a bar for each set, a row for each arm; hours without frames are left out."""
    bars = [(i, *_span(i)) for i in items if i.task.step not in FOLLOWS]
    if not bars:
        return ""
    parts = _parts([(start, end) for _, start, end in bars])
    place = _scale(parts)
    arms = sorted({b[0].task.arm for b in bars}, reverse=True)
    bottom = 24 * len(arms)
    marks = "".join(_bar(item, start, end, 24 * arms.index(item.task.arm), place) for item, start, end in bars)
    names = "".join(f'<text x="0" y="{24 * k + 16}">{escape(arm)}</text>' for k, arm in enumerate(arms))
    breaks = "".join(
        f'<text class="tick" x="{place(a) - 15:.0f}" y="{bottom / 2 + 4:.0f}">⋯</text>' for a, _ in parts[1:]
    )
    ticks = "".join(_tick(t, place(t), bottom) for part in parts for t in _ticks(*part))
    return (
        f'<div class="scroll"><svg class="timeline" viewBox="0 0 1000 {bottom + 20}" role="img" '
        f'aria-label="When the frames were taken, UT">{ticks}{breaks}{names}{marks}</svg></div>'
    )


def _bar(item, start, end, row, place):
    sky = item.task.step in SKY
    kind = ("sky" if item.task.role == "science" else "std") if sky else "cal"
    title = (
        f"{time_text(start)[11:]} {item.task.step.replace('_', ' ')} {item.task.target if sky else ''} ({item.state})"
    )
    top, height = (row + 2, 18) if sky else (row + 8, 6)
    width = max(place(end) - place(start), 3)
    return (
        f'<rect class="{kind} {item.state}" x="{place(start):.1f}" y="{top}" width="{width:.1f}" height="{height}">'
        f"<title>{escape(title)}</title></rect>"
    )


def _parts(spans, longest_gap=0.05):
    """[(start, end)] of the times without a gap longer than `longest_gap` days."""
    parts = []
    for start, end in sorted(spans):
        if parts and start - parts[-1][1] < longest_gap:
            parts[-1][1] = max(parts[-1][1], end)
        else:
            parts.append([start, end])
    return [(a - 0.002, b + 0.002) for a, b in parts]


def _scale(parts, left=40, right=995, gap=30):
    """Function from time to place: all parts to one scale, a gap between them."""
    unit = (right - left - gap * (len(parts) - 1)) / sum(b - a for a, b in parts)

    def place(mjd):
        at = left
        for a, b in parts:
            if mjd <= b or (a, b) == parts[-1]:
                return at + unit * (mjd - a)
            at += unit * (b - a) + gap
        return at

    return place


def _tick(mjd, x, bottom):
    return (
        f'<text class="tick" x="{x:.0f}" y="{bottom + 14}">{time_text(mjd + 1e-6)[11:]}</text>'
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{bottom}"/>'
    )


def _ticks(first, last):
    step = 10 if last - first < 0.05 else 30 if last - first < 0.17 else 60  # min
    minute = math.ceil(first * 1440 / step) * step
    while minute <= last * 1440:
        yield minute / 1440
        minute += step


def _span(item):
    """(start, end) of a set, as far as it is known."""
    c = item.sidecar.get("conditions", {})
    count = len(item.task.inputs["raw"])
    length = count * ((c.get("exposure_s") or 10.0) * (c.get("ndit") or 1) + 15.0) / 86400
    start = c.get("mjd") or item.task.mjd - 0.5 * length
    return start, start + length


def _calibrations(items):
    if not items:
        return ""
    order = {"fail": 0, "warn": 1, "none": 2, "pass": 3}
    ranked = sorted(items, key=lambda i: order[i.state])
    rows = [
        [
            words(i.task.step),
            escape(i.task.arm),
            f'<a href="calibration/{calibration_file(i)}">{escape(i.task.stem)}</a>',
            chip(i.state),
            escape(i.reason),
        ]
        for i in ranked
    ]
    states = count_states(items)
    told = " ".join(chip(s, f"{states[s]}") for s in ("pass", "warn", "fail", "none") if states[s])
    is_open = " open" if states["fail"] or states["warn"] else ""
    listed = table(["step", "arm", "made of", "state", "why"], rows)
    return f"<details{is_open}><summary><h3>Calibrations</h3> {told}</summary>{listed}</details>"


def _leftovers(story):
    """What cannot be made, and frames that cannot be used."""
    lost = [p for p in story.problems if p.is_lost]
    bad = [p for p in story.problems if not p.is_lost]
    out = ""
    for title, lines, is_open in (
        ("Cannot be made", [str(p) for p in lost], True),
        ("Frames that cannot be used", [str(p) for p in bad], True),
        ("Frames without use", story.notes, False),
    ):
        if lines:
            listed = "".join(f"<li>{escape(line)}</li>" for line in lines)
            head = f"<summary><h3>{title}</h3> ({len(lines)})</summary>"
            out += f"<details{' open' if is_open else ''}>{head}<ul class=reasons>{listed}</ul></details>"
    return out
