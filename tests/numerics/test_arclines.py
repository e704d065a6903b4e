"""Fits of spots: answers from finely sampled Gaussians summed over pixels, error bounds from the Fisher information."""

import numpy as np
import pytest

from soxslib.numerics.arclines import blend_shift, cut_stamps, fit_spots, paint_spots, spot_model

READ_NOISE = 4.0
FINE = 41


def sampled_spot(shape, p):
    """Slow oracle: the tilted Gaussian at FINE x FINE points of each pixel."""
    flux, along, across, wx, wy, tilt, background = p
    y = (np.arange(shape[0] * FINE) + 0.5) / FINE - 0.5
    x = (np.arange(shape[1] * FINE) + 0.5) / FINE - 0.5
    dy = y[:, None] - across
    dx = x[None, :] - along - tilt * dy
    density = np.exp(-0.5 * (dx / wx) ** 2 - 0.5 * (dy / wy) ** 2) / (2 * np.pi * wx * wy)
    return flux * density.reshape(shape[0], FINE, shape[1], FINE).sum(axis=(1, 3)) / FINE**2 + background


def spots(rng, n, shape, flux=20000.0, tilt=0.2):
    p = np.empty((n, 7))
    p[:, 0] = flux
    p[:, 1] = (shape[1] - 1) / 2 + rng.uniform(-0.5, 0.5, n)
    p[:, 2] = (shape[0] - 1) / 2 + rng.uniform(-0.5, 0.5, n)
    p[:, 3], p[:, 4], p[:, 5], p[:, 6] = 0.8, 0.7, tilt, 10.0
    return p


def fit(stamps, good, p, rng, freedom=0.1, steps=6):
    start = p.copy()
    start[:, 0] *= 1.2
    start[:, 1:3] += 0.3 * rng.normal(size=(len(p), 2))
    sd = np.column_stack([p[:, 3] * freedom, p[:, 4] * freedom, np.full(len(p), freedom)])
    floor = np.full(stamps.shape, READ_NOISE**2)
    first = fit_spots(stamps, floor, good, start, sd, photon_scale=1.0, steps=steps)
    return fit_spots(stamps, floor, good, first.table, sd, photon_scale=1.0, steps=3)


@pytest.mark.parametrize("tilt", [0.0, 0.25, -0.3])
def test_model_is_the_gaussian_summed_over_pixels(rng, tilt):
    for p in spots(rng, 5, (5, 7), tilt=tilt):
        exact = sampled_spot((5, 7), p)
        # what the tilt widens within a row is left out: below 1 % of the peak
        assert np.abs(spot_model((5, 7), p[None])[0] - exact).max() < (0.01 if tilt else 2e-4) * exact.max()


@pytest.mark.parametrize("flux", [500.0, 5000.0, 100000.0])
def test_centres_reach_the_cramer_rao_bound_with_true_errors(rng, flux):
    n, shape = 600, (5, 7)
    p = spots(rng, n, shape, flux, tilt=0.0)
    clean = spot_model(shape, p)
    stamps = rng.poisson(clean) + READ_NOISE * rng.normal(size=clean.shape)
    fits = fit(stamps, np.ones(clean.shape, bool), p, rng)
    found = np.stack([fits.along, fits.across], axis=1)
    error = found - p[:, 1:3]
    bound = cramer_rao(shape, p)
    assert fits.usable.all()
    scatter = 5 / np.sqrt(2 * n)  # 5 sigma of a standard deviation
    assert (error.std(axis=0) < (1.1 + scatter) * bound).all()
    np.testing.assert_allclose((error / fits.error[:, 1:3]).std(axis=0), 1.0, atol=scatter)
    assert (np.abs(error.mean(axis=0)) < 5 * bound / np.sqrt(n)).all()
    assert abs(np.median(fits.chi2) - 1) < 0.1


def cramer_rao(shape, p, h=1e-4):
    """Bound of the errors of both centres when flux, centres and background are free and the shape is known."""
    bounds = []
    for one in p[:20]:
        free = [0, 1, 2, 6]
        steps = [np.eye(7)[k] * h * (one[0] if k == 0 else 1) for k in free]
        d = np.array(
            [(spot_model(shape, (one + s)[None]) - spot_model(shape, (one - s)[None]))[0].ravel() for s in steps]
        )
        d /= np.array([2 * h * (one[0] if k == 0 else 1) for k in free])[:, None]
        variance = READ_NOISE**2 + spot_model(shape, one[None])[0].ravel()
        bounds.append(np.sqrt(np.diag(np.linalg.inv((d / variance) @ d.T)))[1:3])
    return np.median(bounds, axis=0)


def test_bad_pixels_are_never_read(rng):
    p = spots(rng, 20, (5, 7))
    stamps = spot_model((5, 7), p)
    good = np.ones(stamps.shape, bool)
    good[:, 1, 4] = good[:, 3, 2] = False
    poisoned = np.where(good, stamps, np.nan)
    fits = fit(poisoned, good, p, rng)
    np.testing.assert_allclose(fits.along, p[:, 1], atol=1e-3)
    np.testing.assert_allclose(fits.flux, p[:, 0], rtol=1e-3)


def test_an_undersampled_spot_keeps_the_expected_width_and_is_placed(rng):
    n, shape = 300, (3, 3)
    p = spots(rng, n, shape, 5000.0, tilt=0.0)
    p[:, 3:5] = 0.37  # 2 x 2 binning of a spot of 1.7 px FWHM
    clean = spot_model(shape, p)
    fits = fit(rng.poisson(clean) + READ_NOISE * rng.normal(size=clean.shape), np.ones(clean.shape, bool), p, rng, 0.12)
    pull = (fits.along - p[:, 1]) / fits.error[:, 1]
    # a start half a pixel off does not always come home; the spot's chi-square tells
    assert 0.8 < pull[fits.chi2 < 5].std() < 1.2
    assert (fits.chi2 < 5).mean() > 0.9


def test_a_spot_without_light_is_not_usable_or_has_a_large_error(rng):
    p = spots(rng, 50, (5, 7))
    fits = fit(READ_NOISE * rng.normal(size=(50, 5, 7)), np.ones((50, 5, 7), bool), p, rng)
    assert (~fits.usable | (fits.signal_to_noise < 5)).all()


def test_painting_and_cutting_are_inverse():
    p = np.array([[1000.0, 30.3, 20.8, 0.8, 0.7, 0.1, 0.0]])
    image = paint_spots((40, 60), p, (6, 7))
    assert np.isclose(image.sum(), 1000, rtol=1e-4)
    stamps, inside, corner = cut_stamps(image, p[:, 1:3], (2, 3))
    p[:, 1:3] -= corner
    np.testing.assert_allclose(stamps, spot_model((5, 7), p))
    assert inside.all()


def test_stamps_beyond_the_edge_are_marked():
    image = np.arange(12.0).reshape(3, 4)
    stamps, inside, corner = cut_stamps(image, np.array([[0.0, 0.0]]), (1, 1))
    np.testing.assert_array_equal(corner, [[-1, -1]])
    np.testing.assert_array_equal(inside[0], [[False] * 3, [False, True, True], [False, True, True]])
    np.testing.assert_array_equal(stamps[0][1:, 1:], [[0, 1], [4, 5]])


@pytest.mark.parametrize(("ratio", "distance"), [(0.01, 0.8), (0.03, 2.0), (0.05, 1.5)])
def test_blend_shift_predicts_what_a_weak_neighbour_does_to_a_fit(rng, ratio, distance):
    shape, width = (9, 15), 0.8
    p = np.array([[1e5, 7.0, 4.0, width, width, 0.0, 0.0]])
    neighbour = p + np.array([[(ratio - 1) * 1e5, distance, 0, 0, 0, 0, 0]])
    stamps = spot_model(shape, p) + spot_model(shape, neighbour)
    # equal weights (no photon noise) and a fixed shape are what the formula assumes
    sd = np.full((1, 3), 1e-6)
    good = np.ones(stamps.shape, bool)
    fits = fit_spots(stamps, np.full(stamps.shape, 16.0), good, p, sd, photon_scale=0.0, steps=8)
    predicted = blend_shift(np.array([7.0, 7.0 + distance]), np.array([1.0, ratio]), width=width)[0]
    assert np.isclose(fits.along[0] - 7.0, predicted, rtol=0.25, atol=2e-4)  # first order, pixels neglected
