"""The response put into a simulated flat is the truth."""

from types import SimpleNamespace

import numpy as np
import pytest

from soxslib.numerics.flatfield import factorise
from soxslib.recipes.windows import across_response

ROWS, COLUMNS, TILT = 44, 1500, 0.25  # columns a row
LOWER, UPPER = 1.6, 41.8
OPTIONS = dict(knot_px=100, n_nodes=41, margin=0.06, clip_sigma=6, clip_ratio=0.12, misfit=0.08)


def flat_and_cutout(rng, response, lamp, light=3e5):
    """(flat as `across_response` reads it, cutout, height) of an order with tilted lines."""
    x, y = np.meshgrid(np.arange(float(COLUMNS)), np.arange(float(ROWS)))
    fraction = (y - LOWER) / (UPPER - LOWER)
    height = 2 * fraction - 1
    wavelength = x + TILT * (y - 0.5 * (LOWER + UPPER))
    expected = np.where(np.abs(height) < 1, light * lamp(wavelength) * response(x, height), 0.0)
    floor = np.full(x.shape, 14.0)
    flux = expected + rng.normal(0, np.sqrt(expected + floor))
    factors = factorise(flux, floor, 1.0, np.ones(x.shape, bool), fraction, **OPTIONS)
    edges = SimpleNamespace(at=lambda order, along: (np.full(along.shape, LOWER), np.full(along.shape, UPPER)))
    flat = SimpleNamespace(lean={1: factors.lean}, blaze={1: factors.blaze}, edges=edges)
    cutout = SimpleNamespace(
        order=1, columns=np.arange(COLUMNS), rows=y, wavelength_nm=wavelength, slit_arcsec=height * 6.0,
        is_inside=np.abs(height) < 0.97,
    )  # fmt: skip
    return flat, cutout, height


def lean(x, height):
    """A response that leans across the order, one way here and the other there; its mean over the order is the slit's."""
    return 1.0 + 0.03 * np.sin(2 * np.pi * x / 750.0) * height + 0.01 * np.cos(2 * np.pi * x / 500.0) * height**2


def blaze(w):
    return np.exp(-(((w - 750.0) / 500.0) ** 2))


def test_what_leans_with_the_detector_is_response_and_what_leans_with_the_lamp_is_not(rng):
    flat, cutout, height = flat_and_cutout(rng, lean, blaze)
    found, truth = across_response(cutout, flat, (1, 1)), lean(np.arange(COLUMNS)[None, :], height)
    use = cutout.is_inside & (np.abs(np.arange(COLUMNS) - 750) < 600)
    assert np.std(truth[use]) > 0.01
    assert np.std((found / truth)[use]) < 0.002


@pytest.mark.parametrize("first", [0, 120])  # an order that begins on the detector
def test_a_lamp_through_an_even_detector_is_no_response(rng, first):
    lamp = lambda w: blaze(w) * np.where(w < first, 1e-3, 1.0)
    flat, cutout, _ = flat_and_cutout(rng, lambda x, h: 1.0, lamp)
    found = across_response(cutout, flat, (1, 1))[:, first:]
    assert np.abs(found[cutout.is_inside[:, first:]] - 1.0).max() < 0.01


def test_an_order_that_the_flat_lacks_is_even():
    cutout = SimpleNamespace(order=2)
    assert across_response(cutout, SimpleNamespace(lean={}), (1, 1)) == 1.0
