import numpy as np
import pytest

from soxslib.numerics.flatfield import factorise, intrinsic_scatter, shrunk_response
from tests.helpers.pulls import assert_unit_pulls

FLOOR = np.full((44, 1500), 14.0)
OPTIONS = dict(knot_px=100, n_nodes=41, margin=0.06, clip_sigma=6, clip_ratio=0.12, misfit=0.08)


def order(rng, light=20_000.0, prnu=0.015):
    x, y = np.meshgrid(np.arange(1500.0), np.arange(44.0))
    fraction = (y - 1.6 - 0.3 * x / 1500) / 40.2
    tilted = x + 8 * (fraction - 0.5)  # the slit's image is tilted against the columns
    lamp = light * np.exp(-(((tilted - 700) / 600) ** 2)) / (1 + np.exp(-(tilted - 60) / 12))
    slit = 1 + 0.02 * np.sin(9 * fraction) + 0.01 * np.cos(40 * fraction)
    response = 1 + prnu * rng.normal(size=x.shape)
    inside = (fraction > 0) & (fraction < 1)
    variance = np.where(inside, lamp * slit, 0) + 14.0
    flux = np.where(inside, lamp * slit * response, 0) + rng.normal(0, np.sqrt(variance))
    return fraction, lamp, slit, response, flux


def test_the_response_comes_out_to_the_photon_limit(rng):
    fraction, lamp, _, response, flux = order(rng)
    factors = factorise(flux, FLOOR, 1.0, np.ones(flux.shape, bool), fraction, **OPTIONS)
    lit = factors.usable & (lamp > 2000)
    # the model's own error is below the photon noise of one pixel, 0.7 per cent
    assert_unit_pulls(factors.ratio[lit], response[lit], factors.error[lit] ** 2, tolerance=0.06)
    assert intrinsic_scatter(factors.ratio, factors.error, factors.usable, least_pixels=500) == pytest.approx(
        0.015, rel=0.05
    )


def test_lamp_and_slit_come_out_apart(rng):
    fraction, lamp, _, _, flux = order(rng)
    factors = factorise(flux, FLOOR, 1.0, np.ones(flux.shape, bool), fraction, **OPTIONS)
    middle = lamp[np.argmin(np.abs(fraction - 0.5), axis=0), np.arange(1500)]
    bright = middle > 2000
    ratio = factors.blaze[bright] / middle[bright]
    assert np.std(ratio / ratio.mean()) < 0.005  # 1.5 per cent of response over 40 rows: 0.25 per cent
    nodes = factors.fraction
    truth = 1 + 0.02 * np.sin(9 * nodes) + 0.01 * np.cos(40 * nodes)
    kept = slice(4, -4)
    assert np.std(factors.illumination[kept] / truth[kept]) < 0.002


def test_dead_pixels_and_clusters_do_not_enter_the_model(rng):
    fraction, _, _, response, flux = order(rng)
    clean = factorise(flux, FLOOR, 1.0, np.ones(flux.shape, bool), fraction, **OPTIONS)
    dead = rng.random(flux.shape) < 0.002
    dead[10:25, 700:715] = True
    spoiled = factorise(np.where(dead, 0.1 * flux, flux), FLOOR, 1.0, np.ones(flux.shape, bool), fraction, **OPTIONS)
    assert np.median(np.abs(spoiled.model / clean.model - 1)[clean.usable]) < 1e-3
    lit = dead & spoiled.usable & (clean.model > 1000)
    assert (spoiled.ratio[lit] < 0.3).all() and lit.sum() > 100


def test_poison_under_the_mask_changes_nothing(rng):
    fraction, _, _, _, flux = order(rng)
    good = rng.random(flux.shape) > 0.01
    poisoned = np.where(good, flux, np.nan)
    one, two = (factorise(f, FLOOR, 1.0, good, fraction, **OPTIONS) for f in (flux, poisoned))
    np.testing.assert_array_equal(one.blaze, two.blaze)


def test_a_faint_flat_adds_no_noise(rng):
    truth = 1 + 0.01 * rng.normal(size=(100, 200))
    for error in (0.003, 0.1):
        ratio = truth + error * rng.normal(size=truth.shape)
        sigma = np.full(truth.shape, error)
        response, variance = shrunk_response(ratio, sigma, np.ones(truth.shape, bool), intrinsic=0.01, keep_sigma=5)
        assert np.std(response / truth) < min(error, 0.01) * 1.02
        assert_unit_pulls(response, truth, variance, tolerance=0.05)
