"""Small arc frames with known geometry: the published format of one instrument arm, moved, stretched and distorted."""

from dataclasses import replace
from functools import cache
from types import SimpleNamespace

import numpy as np

from soxslib.config.settings import settings_for
from soxslib.datamodel import DispersionSolution, Exposure, RawFrame
from soxslib.instruments import load_instrument
from soxslib.io.tables import read_arc_tables
from soxslib.numerics.arclines import paint_spots
from soxslib.numerics.arcsolution import corrected
from soxslib.recipes.arcs import line_list, nominal_solution, order_limits, predicted

SHAPES = {"VIS": (808, 4096), "NIR": (2040, 2040)}
PEDESTAL_ADU, READ_NOISE_E = 1000.0, 4.0
WIDTH = (0.75, 0.65)  # sigma along and across, px


@cache
def tables(arm="VIS"):
    return read_arc_tables(load_instrument("SOXS"), arm)


def settings(step, arm="VIS", **user):
    return SimpleNamespace(**settings_for(step, arm, user))


@cache
def nominal(arm="VIS"):
    facts = load_instrument("SOXS").arm(arm)
    return nominal_solution(arm, facts, tables(arm).pinholes, order_limits(facts, 0.02))


def true_solution(arm="VIS", along_px=0.0, across_px=0.0):
    """The published format moved, with a stretch, a tilt and a ripple that differ from order to order."""
    orders = {}
    for i, o in enumerate(nominal(arm)):
        f = 1 + 0.3 * np.sin(i)
        along = np.array(
            [[along_px + f, 0.3 * f], [1.5 * f, 0], [-0.5, 0], [0.2 * f, 0], [0.1, 0], [0.1, 0], [0.03 * f, 0]]
        )
        orders[o] = corrected(nominal(arm)[o], along, np.array([[across_px - f, 0.05], [0.3, 0.0]]))
    return DispersionSolution(arm, orders)


def slit_positions(arm="VIS"):
    return np.unique(tables(arm).pinholes["slit_arcsec"])


def arc_frame(solution, slit_arcsec, rng, binning=(1, 1), light=1.0, slit="MULTPIN", vignetted=None):
    """A RawFrame of an arc. vignetted: {order: slit positions without light}."""
    arm = solution.arm
    lines = line_list(tables(arm).pinholes, tables(arm).atlas, order_limits(load_instrument("SOXS").arm(arm), 0.02))
    image = np.zeros(SHAPES[arm])
    for o in solution:
        lit = np.setdiff1d(slit_arcsec, (vignetted or {}).get(o, ()))
        k = lines.of(o)
        place, i, s = predicted(solution[o], lines.wavelength_nm[k], lit)
        # the strengths of lines without one in the atlas differ like those of a lamp
        flux = np.where(np.isfinite(lines.intensity[k]), lines.intensity[k], 10 ** (2.5 + 2 * np.modf(k * 0.618)[0]))
        tilt = 0.8 * np.sign(solution[o].across[0, 1]) * solution[o].along[0, 1] / abs(solution[o].across[0, 1])
        spot = np.column_stack([light * flux[i], place, np.tile([*WIDTH, tilt, 0.0], (len(i), 1))])
        image += paint_spots(image.shape, spot, (5, 6))
    b = binning
    image = image.reshape(image.shape[0] // b[0], b[0], image.shape[1] // b[1], b[1]).sum(axis=(1, 3))
    adu = np.minimum(rng.poisson(image) + READ_NOISE_E * rng.normal(size=image.shape) + PEDESTAL_ADU, 65535)
    exposure = Exposure(
        file="ARC.fits", instrument="SOXS", arm=arm, category="CALIB", type="LAMP,WAVE",
        technique="ECHELLE,MULTI-PINHOLE",
        exposure_s=30.0, mjd=61000.0, binning=binning, read_noise_e=READ_NOISE_E, slit=slit, lamps=("ThAr",),
    )  # fmt: skip
    strip = PEDESTAL_ADU + READ_NOISE_E * rng.normal(size=(50 // b[0], image.shape[1]))
    return RawFrame(adu.astype(np.float32), exposure, strip.astype(np.float32), strip[::-1].astype(np.float32))


def map_error(found, true, slit_limit=5.3):
    """{order: (errors along [px], errors of the slit position [arcsec])} over each order's lines' range."""
    out = {}
    for o in true:
        low, high = found[o].calibrated_nm or found[o].wavelength_nm
        w, s = np.meshgrid(np.linspace(low, high, 60), np.linspace(-slit_limit, slit_limit, 7))
        (a, b), (c, d) = found[o].position(w, s), true[o].position(w, s)
        out[o] = np.abs(a - c), np.abs(b - d) / np.abs(true[o].across[0, 1] / 5.5)
    return out


def without_lamp(raw, rng):
    """The frame without light: noise, and some cosmic rays."""
    adu = PEDESTAL_ADU + READ_NOISE_E * rng.normal(size=raw.adu.shape)
    y, x = rng.integers(0, adu.shape[0], 60), rng.integers(0, adu.shape[1] - 3, 60)
    for i in range(3):
        adu[y, x + i] += rng.uniform(50, 2000, 60)
    return replace(raw, adu=adu.astype(np.float32), exposure=replace(raw.exposure, slit="BLANK"))
