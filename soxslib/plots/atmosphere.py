"""Telluric bands and night-sky lines, marked alike in every spectrum."""

import numpy as np

from soxslib.instruments import load_instrument
from soxslib.io.tables import read_ecsv
from soxslib.plots.style import SHADE


def telluric_bands(instrument, low_nm, high_nm):
    """[(first, last)] wavelength [nm] of the atmosphere's absorption bands within a range."""
    bands = load_instrument(instrument).yaml("standards.yaml").get("telluric_nm", [])
    return [(max(a, low_nm), min(b, high_nm)) for a, b in bands if b > low_nm and a < high_nm]


def sky_lines(instrument, arm, low_nm, high_nm, parts=12, most=6):
    """Wavelengths [nm] of the brightest sky emission lines of each part of a range, ascending."""
    table = read_ecsv(load_instrument(instrument).table_path(arm, "sky_lines"))
    wave, flux = table["wavelength"], table["flux"]
    edges = np.linspace(low_nm, high_nm, parts + 1)
    chosen = []
    for low, high in zip(edges, edges[1:], strict=False):
        inside = np.flatnonzero((wave >= low) & (wave < high))
        chosen.append(wave[inside[np.argsort(-flux[inside], kind="stable")[:most]]])
    return np.sort(np.concatenate(chosen))


def mark_atmosphere(axes, facts, low_nm, high_nm, lines=True):
    """Telluric bands as shades, the brightest sky lines as ticks along the bottom of a panel."""
    bands = telluric_bands(facts.instrument, low_nm, high_nm)
    if bands:
        axes.broken_barh(
            [(a, b - a) for a, b in bands], (0, 1), transform=axes.get_xaxis_transform(), color=SHADE, lw=0, zorder=0
        )
    if lines:
        wave = sky_lines(facts.instrument, facts.arm, low_nm, high_nm)
        axes.vlines(wave, 0, 0.035, transform=axes.get_xaxis_transform(), color="#7A5C00", lw=0.6, zorder=1)
