"""Small simulated exposures through the science recipes, with what the simulator knows of them."""

from types import SimpleNamespace

import numpy as np
from numpy.polynomial import legendre

from soxslib.config.settings import settings_for
from soxslib.datamodel import Frame, MasterFlat, OrderEdges
from soxslib.datamodel.geometry import to_unit
from soxslib.numerics.flexure import OrderShift
from soxslib.recipes.combine import extract_source, relative_throughput
from soxslib.recipes.science import reduce_exposure

STAR = dict(name="SN", type="continuum", mag=17.0)


def settings(arm="VIS", **changes):
    """Settings of stare, trimmed to a small frame."""
    return SimpleNamespace(**{**settings_for("stare", arm), "trace_blocks": 10, **changes})


def reduced(small, expected_arcsec=0.0, flat=None, **changes):
    """The ReducedExposure of a SmallFrame with the true solution."""
    return reduce_exposure(small.frame, flat, small.solution, expected_arcsec, settings(small.bench.arm, **changes))


def flat_before(small, moved=None):
    """The MasterFlat of a SmallFrame's bench as it was before the slit's image moved across by {order: px}."""
    moved = moved or {}
    bench, (height, width) = small.bench, small.frame.shape
    half, limits = 0.5 * bench.data["slit_length_arcsec"], (0.0, width - 1.0)
    lower, upper, light = {}, {}, {}
    for order in small.solution:
        wave = np.linspace(*small.solution[order].wavelength_nm, 3000)
        edges = []
        for end in (-half, half):
            along, across = small.solution[order].position(wave, end)
            on = (along > -20) & (along < width + 20)
            edges.append(legendre.legfit(to_unit(along[on], limits), across[on], 5))
        edges.sort(key=lambda c: c[0])
        lower[order], upper[order] = (e - moved.get(order, 0.0) * np.eye(6)[0] for e in edges)
        fraction = np.linspace(-0.06, 1.06, 200)
        sign = np.sign(
            small.solution[order].position(wave[1500], half)[1] - small.solution[order].position(wave[1500], -half)[1]
        )
        light[order] = fraction, bench.slit_transmission(sign * (2.0 * fraction - 1.0) * half)
    one = np.ones((height, width))
    frame = Frame(one, 1e-8 * one, np.zeros(one.shape, np.uint16), small.frame.exposure)
    edges = OrderEdges(bench.arm, limits, lower, upper, dict.fromkeys(lower, limits))
    return MasterFlat(frame, edges, {o: np.ones(width) for o in lower}, light)


def unmoved(exposure):
    """{order: OrderShift} of no shift."""
    return {order: OrderShift(0.0, 0.01, 0.0, 0.0, "none") for order in exposure.windows}


def spectra(exposures, source=0, **changes):
    """[OrderSpectrum] of a source in exposures that did not move."""
    throughput = relative_throughput(exposures, [0] * len(exposures))
    return extract_source(exposures, [unmoved(e) for e in exposures], throughput, source, settings(**changes))


def truth(small, spectrum, target=0):
    """True counts of a target at the samples of a spectrum, with the transmission of the slit's place."""
    seen = small.light.orders[spectrum.order].targets[target]
    grid = small.light.orders[spectrum.order].grid
    k = np.argsort(grid.wavelength_nm)
    per_nm = (seen.spectrum / (grid.span_nm * 20))[k]  # the fine grid has 20 samples a pixel
    through = small.bench.slit_transmission(np.median(seen.slit_arcsec))
    return np.interp(spectrum.wavelength_nm, grid.wavelength_nm[k], per_nm) * spectrum.pixel_nm * through


def inner(spectrum, margin=20):
    """Samples away from the ends, with good quality."""
    keep = (spectrum.quality == 0) & np.isfinite(spectrum.flux) & np.isfinite(spectrum.wavelength_nm)
    keep[:margin] = keep[-margin:] = False
    return keep
