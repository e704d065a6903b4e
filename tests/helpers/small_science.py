"""Small simulated exposures through the science recipes, with what the simulator knows of them."""

from types import SimpleNamespace

import numpy as np

from soxslib.config.settings import settings_for
from soxslib.numerics.flexure import OrderShift
from soxslib.recipes.combine import extract_source, relative_throughput
from soxslib.recipes.science import reduce_exposure

STAR = dict(name="SN", type="continuum", mag=17.0)


def settings(arm="VIS", **changes):
    """Settings of stare, trimmed to a small frame."""
    return SimpleNamespace(**{**settings_for("stare", arm), "trace_blocks": 10, **changes})


def reduced(small, expected_arcsec=0.0, **changes):
    """The ReducedExposure of a SmallFrame with the true solution."""
    return reduce_exposure(small.frame, None, small.solution, expected_arcsec, settings(small.bench.arm, **changes))


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
