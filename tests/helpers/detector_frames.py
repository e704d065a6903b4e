"""Small raw frames of a made-up detector part: everything is known, nothing depends on the simulator."""

import numpy as np
from scipy.special import erf

from soxslib.datamodel import DispersionSolution, Exposure, OrderSolution, OrderTrace, RawFrame

GAIN, READ_E = 1.1, 3.8
SHAPE = (140, 640)  # across, along


def exposure(arm="VIS", **facts):
    base = dict(
        file="SOXS.2026-01-27T16:00:00.000.fits", instrument="SOXS", arm=arm, category="CALIB", type="BIAS",
        technique="IMAGE", exposure_s=0.0, mjd=61067.0, gain_e_adu=GAIN, read_noise_e=READ_E,
    )  # fmt: skip
    return Exposure(**{**base, **facts})


def raw(rng, electrons, *, pedestal_adu=1000.0, structure_e=0.0, read_e=READ_E, strips=True, lit=True, **facts):
    """A RawFrame of expected electrons: Poisson light, read noise, pedestal, whole counts, the converter's limit."""
    light = rng.poisson(np.maximum(electrons, 0)) if lit else np.asarray(electrons)
    frame = (light + structure_e + rng.normal(0, read_e, SHAPE)) / GAIN + pedestal_adu
    strip = lambda: np.round(rng.normal(0, read_e, (50, SHAPE[1])) / GAIN + pedestal_adu)
    overscan = dict(prescan=strip(), overscan=strip()) if strips else {}
    return RawFrame(np.minimum(np.round(frame), 65_535), exposure(**facts), **overscan)


def bias_structure():
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    return 0.5 * np.sin(y * 1.7) + 0.6 * x / SHAPE[1] + 0.3 * np.cos(y / 40)


ORDERS = {1: 40.0, 2: 100.0}


def centre(order, along):
    """Centre of an order's slit."""
    u = np.asarray(along, float) / SHAPE[1]
    return ORDERS[order] + 3.0 * u - 2.0 * u**2


def trace():
    domain = (0.0, SHAPE[1] - 1.0)
    x = np.linspace(*domain, 50)
    unit = 2 * x / domain[1] - 1
    curves = {o: np.polynomial.legendre.legfit(unit, centre(o, x), 3) for o in ORDERS}
    return OrderTrace("VIS", domain, curves, dict.fromkeys(ORDERS, domain))


def solution(across_px=0.0):
    """A DispersionSolution whose slit's centre lies on the orders, or beside them."""
    nodes = np.polynomial.chebyshev.chebpts1(4)
    along = 0.5 * (SHAPE[1] - 1) * (nodes + 1)
    fit = lambda values: np.polynomial.chebyshev.chebfit(nodes, values, 3)[:, None]
    return DispersionSolution(
        "VIS",
        {
            o: OrderSolution(o, (500.0, 600.0), (-6.0, 6.0), fit(along), fit(centre(o, along) + across_px))
            for o in ORDERS
        },
    )


def gaussian_light(light, sigma):
    """Expected electrons of a pinhole in continuum light, `light` per column in each order."""
    y = np.arange(SHAPE[0])[:, None]
    x = np.arange(SHAPE[1])
    out = np.zeros(SHAPE)
    for order in ORDERS:
        z = [(y + d - centre(order, x)) / sigma / np.sqrt(2) for d in (-0.5, 0.5)]
        out += light * 0.5 * (erf(z[1]) - erf(z[0]))
    return out


def slit_light(light, half_px=16.0, blur=1.0):
    """Expected electrons of a slit in a lamp's light, `light` per pixel at the peak of the blaze, edges blurred."""
    y = np.arange(SHAPE[0])[:, None]
    x = np.arange(SHAPE[1])
    blaze = light * (0.3 + 0.7 * np.exp(-(((x - 300) / 200.0) ** 2)))
    out = np.zeros(SHAPE)
    for order in ORDERS:
        distance = y - centre(order, x)
        out += blaze * 0.5 * (erf((distance + half_px) / blur) - erf((distance - half_px) / blur))
    return out
