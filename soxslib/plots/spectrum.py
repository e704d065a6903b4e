"""Curves of spectra: thinned, with their errors, their flags, and the atmosphere."""

import numpy as np

from soxslib.datamodel import Quality
from soxslib.plots import style
from soxslib.plots.atmosphere import mark_atmosphere

WORTH_A_MARK = (  # flags that touch single samples: shown where they are
    (Quality.BAD | Quality.HOT | Quality.COLD, "bad pixel", "#888888"),
    (Quality.SATURATED | Quality.NONLINEAR, "saturated", "#CC79A7"),
    (Quality.COSMIC_RAY, "cosmic ray", "#D55E00"),
    (Quality.POOR_SKY | Quality.INTERPOLATED, "weak estimate", "#56B4E9"),
    (Quality.EXTRAPOLATED | Quality.NO_CALIBRATION | Quality.GAP, "not calibrated", "#222222"),
)


def spectrum_axes(axes, low_nm, high_nm, facts):
    """Panels above one another that share a wavelength axis, with the atmosphere marked in all."""
    for i, panel in enumerate(axes):
        panel.set_xlim(low_nm, high_nm)
        mark_atmosphere(panel, facts, low_nm, high_nm, lines=i == 0)
        panel.tick_params(labelbottom=i == len(axes) - 1)


def curve(axes, wave, flux, error, colour, *, quality=None, count=700, systematic=None):
    """A spectrum as mean of blocks, with the error of one sample as band and the samples' range as light shade."""
    flux = flux if quality is None else np.where((quality & int(Quality.GAP)) > 0, np.nan, flux)
    x, mean = style.blocks(wave, count), style.blocks(flux, count)
    low, high = -style.blocks(-flux, count, style.quiet_max), style.blocks(flux, count, style.quiet_max)
    sigma = np.sqrt(style.blocks(np.square(error), count))
    extra = None if systematic is None else style.blocks(np.abs(systematic), count)
    axes.fill_between(x, low, high, color=colour, alpha=0.16, lw=0)
    if extra is not None:
        axes.fill_between(x, mean - extra, mean + extra, color=style.BAD, alpha=0.35, lw=0)
    axes.fill_between(x, mean - sigma, mean + sigma, color=colour, alpha=0.32, lw=0)
    axes.plot(x, mean, color=colour, lw=0.8)
    axes.axhline(0, color=style.FAINT, lw=0.5, zorder=0)
    return x, mean


def quality_row(axes, wave, quality, most=1500):
    """Samples with a flag, as ticks along the top of a panel, a colour for each kind; the kinds' names stand below."""
    named = [t.get_text() for t in axes.texts]
    for i, (bits, label, colour) in enumerate(WORTH_A_MARK):
        at = wave[(quality & int(bits)) > 0]
        if at.size == 0:
            continue
        at = at[:: max(at.size // most, 1)]
        y = np.full(at.size, 0.97 - 0.05 * i)
        style.dots(axes, at, y, color=colour, size=2.5, marker="|", mew=0.5, transform=axes.get_xaxis_transform())
        if label not in named:
            x = 0.006 + 0.0078 * sum(len(t) + 2 for t in named)
            axes.text(x, 0.06, label, color=colour, fontsize=6.5, transform=axes.transAxes, va="bottom")
            named.append(label)
