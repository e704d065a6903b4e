"""Pieces of pages: texts made safe, states, tables of metrics, the page around them."""

import json
from functools import cache
from html import escape
from pathlib import Path

from soxslib import __version__
from soxslib.qc.verdicts import range_text, state_of

ASSETS = Path(__file__).parent / "assets"
MARKS = {"pass": ("✓", "pass"), "warn": ("▲", "warn"), "fail": ("✕", "fail"), "none": ("–", "not run")}


@cache
def asset(name):
    """Text of a style or script."""
    return (ASSETS / name).read_text(encoding="utf8")


def page(title, body, *, scripts=(), data=None, root="", crumbs=()):
    """A whole page that needs no other file. root: path to the report's own directory; crumbs: [(text, link)]."""
    links = [("report", f"{root}index.html"), *crumbs]
    path = " › ".join(f'<a href="{escape(link)}">{escape(text)}</a>' for text, link in links)
    payload = "" if data is None else f'<script type="application/json" id="data">{embedded(data)}</script>'
    code = "".join(f"<script>{asset(name)}</script>" for name in ("page.js", *scripts))
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f"<style>{asset('report.css')}</style></head><body>"
        f'<header class="top"><nav aria-label="Where am I">{path}</nav><span class="grow"></span>'
        f'<a href="{root}trends.html">trends</a>'
        '<button id="theme" type="button" aria-label="Light or dark">◐</button></header>'
        f"<main>{body}</main><footer>soxslib {__version__}</footer>{payload}{code}</body></html>\n"
    )


def embedded(data):
    """JSON that can stand in a script element."""
    return json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def chip(state, text=None):
    """A state as a mark and a word: never by colour alone."""
    mark, word = MARKS[state]
    return (
        f'<span class="chip {state}"><b aria-hidden="true">{mark}</b> {escape(word if text is None else text)}</span>'
    )


def words(step):
    return escape(step.replace("_", " "))


def number(value):
    """A value as people read it."""
    if value is None:
        return "–"
    if isinstance(value, (bool, str, int)):
        return escape(str(value))
    size = abs(value)
    if size != 0 and (size < 1e-3 or size >= 1e6):
        return f"{value:.2e}"
    return f"{value:.4g}" if size < 1e4 else f"{value:.0f}"


def table(heads, rows, kind=""):
    """A table in a frame that scrolls by itself on a narrow screen. Cells are HTML."""
    head = "".join(f"<th scope=col>{h}</th>" for h in heads)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    content = f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
    return f'<div class="scroll" tabindex="0"><table class="{kind}">{content}</table></div>'


def qc_tables(sidecar, limits, bands):
    """Metrics of a product with their limits: the whole product's, then each order's. bands: {order: name}, in order."""
    metrics = sidecar.get("metrics", [])
    own = limits.get(sidecar.get("step"), {}).get(sidecar.get("arm"), {})
    whole = [m for m in metrics if m["order"] is None]
    rows = [_whole_row(m, own.get(m["name"], {})) for m in whole]
    out = table(["metric", "value", "state", "warns outside", "fails outside", "meaning"], rows, "qc") if rows else ""
    return out + _orders_table([m for m in metrics if m["order"] is not None], own, bands)


def _whole_row(metric, limits):
    state, _ = state_of(metric, limits)
    name = f'<span class="name">{escape(metric["name"])}</span>'
    ranges = [range_text(limits[level]) if limits.get(level) else "" for level in ("warn", "fail")]
    value = f"{number(metric['value'])} <small>{escape(metric['unit'])}</small>"
    return [name, value, chip(state) if state != "none" else "", *ranges, escape(metric["meaning"])]


def _orders_table(metrics, own, bands):
    """Orders in columns, as `bands` has them."""
    present = {m["order"] for m in metrics}
    orders = [o for o in bands if o in present] + sorted(present - set(bands))
    if not orders:
        return ""
    names = list(dict.fromkeys(m["name"] for m in metrics))
    found = {(m["name"], m["order"]): m for m in metrics}
    rows = []
    for name in names:
        first = next(m for m in metrics if m["name"] == name)
        limits = own.get(name, {})
        cells = [_order_cell(found.get((name, order)), limits) for order in orders]
        each = limits.get("each", {})
        ranges = ", ".join(
            f"{level}s outside {range_text(each[level])}" for level in ("warn", "fail") if each.get(level)
        )
        title = escape(f"{first['meaning']}{'; ' + ranges if ranges else ''}")
        unit = f" <small>{escape(first['unit'])}</small>" if first["unit"] else ""
        rows.append([f'<span class="name" title="{title}">{escape(name)}</span>{unit}', *cells])
    return "<h4>By order</h4>" + table(["metric", *(_order_name(o, bands) for o in orders)], rows, "qc orders")


def _order_name(order, bands):
    band = str(bands.get(order, order))
    return str(order) if band == str(order) else f"{escape(band)} <small>({order})</small>"


def plural(count, word):
    return f"{count} {word}{'' if count == 1 else 's'}"


def _order_cell(metric, limits):
    if metric is None:
        return ""
    state, _ = state_of(metric, limits)
    mark = f' <b aria-label="{state}">{MARKS[state][0]}</b>' if state in ("warn", "fail") else ""
    return f'<span class="v {state}">{number(metric["value"])}{mark}</span>'


def age_text(days):
    """How far a calibration is from what it serves."""
    hours = abs(days) * 24
    size = f"{hours * 60:.0f} min" if hours < 2 else f"{hours:.1f} h" if hours < 48 else f"{hours / 24:.1f} d"
    return f"{size} {'later' if days > 0 else 'earlier'}"


def time_text(mjd):
    """UTC of an MJD to the minute."""
    from datetime import datetime, timedelta

    return (datetime(1858, 11, 17) + timedelta(days=mjd)).strftime("%Y-%m-%d %H:%M")
