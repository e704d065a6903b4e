"""The page of a target: its spectrum to look into, straightened images, calibrations, metrics."""

from html import escape
from pathlib import Path

from soxslib.report.gather import slug
from soxslib.report.html import age_text, chip, page, plural, qc_tables, table, time_text, words

UP = "../../"  # from a target's page to the night's directory
HELP = (
    "Drag to move, wheel or pinch to zoom, double-click for all. Keys: ← → read off, shift with ← → to move, "
    "+ − to zoom, 0 for all."
)


def target_page(target, story, payloads, pictures):
    """HTML of a target. payloads: {(stem, kind): spectrum}; pictures: {stem: (file, strips)}; None for what lacks."""
    body = [_heading(target), _trouble(target), _viewer(target, payloads), _arms(target), _both_arms(target)]
    body += [_observation(o, story, pictures.get(o.sky.task.stem)) for o in target.observations]
    data = {"name": target.name, "arms": payloads["arms"], "series": _series(target, payloads)}
    crumbs = [(target.name, "#")]
    return page(
        f"{target.name} {target.night}",
        "".join(body),
        scripts=("plot.js", "target.js"),
        data=data,
        root="../",
        crumbs=crumbs,
    )


def _heading(target):
    kind = "standard" if target.is_standard else "target"
    return f"<h1>{escape(target.name)} {chip(target.state)}</h1><p class=sub>{kind} of the night of {target.night}</p>"


def _trouble(target):
    if not target.reasons:
        return ""
    return f"<ul class=reasons>{''.join(f'<li>{escape(r)}</li>' for r in target.reasons)}</ul>"


def _series(target, payloads):
    """Spectra in the page: calibrated where they are, counts always."""
    out = []
    for o in target.observations:
        for kind in ("flux", "counts"):
            if found := payloads.get((o.sky.task.stem, kind)):
                label = f"{o.sky.task.arm} {time_text(o.sky.task.mjd)[11:]}"
                content = {k: v for k, v in found.items() if k != "spark"}
                out.append({"arm": o.sky.task.arm, "stem": o.sky.task.stem, "kind": kind, "label": label, **content})
    return out


def _arms(target):
    """How well two arms agree where they overlap."""
    out = ""
    for o in target.observations:
        if o.flux and (value := o.flux.metric("ARM RATIO")) is not None:
            text = f"{o.flux.task.arm} {time_text(o.flux.task.mjd)[11:]} over the other arm where they overlap"
            out += f"<p>{escape(text)}: {value:.3f} ± {o.flux.metric('ARM RATIO ERROR'):.3f}</p>"
    return out


def _both_arms(target):
    """Links to spectra of both arms, with what was done to join them."""
    out = ""
    for item in target.both_arms:
        if item.result.status == "made":
            scaled, scale = item.metric("ARM SCALED"), item.metric("ARM SCALE")
            done = "not scaled" if scale is None or scaled == "none" else f"{scaled} multiplied by {scale:.3f}"
            link = f'<a href="{UP}{escape(item.task.outputs["fluxcal"])}">both arms in one spectrum</a>'
            out += f"<p>{link}: {escape(done)}</p>{_warnings(item)}"
    return out


def _viewer(target, payloads):
    if not any(isinstance(key, tuple) and payloads[key] for key in payloads):
        return "<p class=empty>There is no spectrum to show.</p>"
    return (
        '<section class="viewer" aria-label="Spectrum"><div class="tools" id="tools"></div>'
        '<div class="plot"><canvas id="spectrum" tabindex="0" role="application" '
        f'aria-label="Spectrum of {escape(target.name)}. {HELP}"></canvas></div>'
        '<p class="readout" id="readout" role="status" aria-live="polite">Point at the spectrum to read it off.</p>'
        f"<p class=help>{HELP} Two bins are joined to one.</p></section>"
    )


def _observation(observation, story, picture):
    sky = observation.sky
    task = sky.task
    facts = [plural(len(task.inputs["raw"]), "frame"), f"{words(task.step)}", f"{time_text(task.mjd)} UT"]
    facts += _conditions(sky.sidecar.get("conditions", {}))
    parts = [
        f'<section class="obs"><h2>{escape(task.arm)} · {time_text(task.mjd)[11:]} {chip(observation.state)}</h2>',
        f"<p class=sub>{' · '.join(facts)}</p>",
        _picture(task, picture),
        _products(observation),
        _plots(observation),
        "<h3>Calibrations</h3>",
        calibrations_table(observation.items, story, "../"),
    ]
    for item in observation.items:
        is_open = " open" if item is sky else ""
        title = f"<summary><h3>Quality: {words(item.task.step)}</h3> {chip(item.state)}</summary>"
        content = qc_tables(item.sidecar, story.limits, story.bands[task.arm]) or f"<p>{escape(item.reason)}</p>"
        parts.append(f"<details{is_open}>{title}{_warnings(item)}{content}</details>")
    raw = "".join(f"<li>{escape(Path(p).name)}</li>" for p in task.inputs["raw"])
    parts.append(f"<details><summary><h3>Raw frames</h3></summary><ul class=files>{raw}</ul></details></section>")
    return "".join(parts)


def _conditions(c):
    names = (
        ("exposure_s", "{:g} s"), ("slit", "slit {}"), ("airmass", "airmass {:.2f}"),
        ("seeing_arcsec", "seeing {:.1f}″"), ("rotator_deg", "rotator {:.0f}°"),
    )  # fmt: skip
    return [escape(text.format(c[name])) for name, text in names if c.get(name) is not None]


def _warnings(item):
    return "".join(f"<p class=warning>{escape(text)}</p>" for text in item.sidecar.get("warnings", []))


def _picture(task, picture):
    if picture is None:
        return ""
    name, strips = picture
    labels = "".join(
        f'<span class="strip" style="top:{100 * s["top"]:.2f}%">'
        f"{escape(str(s['name']))} {s['first']:.0f}–{s['last']:.0f} nm</span>"
        for s in strips
    )
    return (
        '<h3>Sky-subtracted orders</h3><div class="scroll picture" tabindex="0"><div class="sheet">'
        f'<img loading="lazy" src="{escape(name)}" alt="Sky-subtracted orders of {escape(task.stem)}">'
        f"{labels}</div></div>"
        "<p class=help>Wavelength to the right, slit position upwards; dark is light. Each order has its own scale, "
        "asinh about its noise.</p>"
    )


def _products(observation):
    """Links to the files, for those that are there."""
    links = []
    for item in observation.items:
        for name, path in item.task.outputs.items():
            if Path(path).exists() and item.state != "none" and name not in ("verdict", "rectified"):
                links.append(f'<a href="{UP}{escape(path)}">{words(name)}</a>')
    return f'<p class="links">Files: {" · ".join(links)}</p>' if links else ""


def _plots(observation):
    return "".join(plot_block(item.task) for item in observation.items)


def plot_block(task, is_open=False):
    """The step's figure, where it has been drawn."""
    path = f"qc/{task.night}/{task.step}/{task.stem}.png"
    if not Path(path).exists():
        return ""
    vector = path.removesuffix("png") + "pdf"
    pdf = f' · <a href="{UP}{escape(vector)}">PDF</a>' if Path(vector).exists() else ""
    return (
        f"<details class=figure{' open' if is_open else ''}><summary><h3>Figure: {words(task.step)}</h3></summary>"
        "<p class=links>"
        f'<a href="{UP}{escape(path)}">full size</a>{pdf}</p><a href="{UP}{escape(path)}">'
        f'<img loading="lazy" src="{UP}{escape(path)}" alt="Figure of {words(task.step)}"></a></details>'
    )


def calibrations_table(items, story, root):
    """What was used, how old it is and in what state; what was passed over, and why; what is missing."""
    rows, by_path = [], story.by_path
    for item in items:
        task, used = item.task, item.sidecar.get("used", [])
        reasons = {p["path"]: p["reason"] for p in item.sidecar.get("passed_over", [])}
        for path in [*used, *(p for p in reasons if p not in used)]:
            rows.append(_calibration_row(path, task, by_path.get(path), reasons.get(path), root))
        for name, reason in task.missing.items():
            rows.append([words(name), "none", "", chip("warn", "missing"), escape(reason)])
    rows = [row for row in rows if row]
    unique = list({tuple(row): row for row in rows}.values())
    return (
        table(["calibration", "made of", "age", "state", "note"], unique, "cal")
        if unique
        else "<p class=empty>None used.</p>"
    )


def _calibration_row(path, task, source, reason, root):
    if source is None:
        return [
            words(Path(path).parent.name),
            escape(Path(path).name),
            "",
            "",
            f"from elsewhere{'; ' + escape(reason) if reason else ''}",
        ]
    if source.task.stem == task.stem and source.task.step != "response":
        return None  # its own spectrum
    link = f'<a href="{root}calibration/{calibration_file(source)}">{escape(source.task.stem)}</a>'
    note = f"<b>passed over:</b> {escape(reason)}" if reason else escape(source.verdict.reason)
    return [words(source.task.step), link, age_text(source.task.mjd - task.mjd), chip(source.state), note]


def calibration_file(item):
    """Name of a calibration's page."""
    return slug(f"{item.task.step}_{item.task.stem}") + ".html"
