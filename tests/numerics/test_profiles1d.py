import numpy as np
from scipy.special import erf

from soxslib.numerics.profiles1d import fit_profiles
from tests.helpers.pulls import assert_unit_pulls


def cuts(rng, n=1500, sigma=0.75, light=4000.0):
    position = np.broadcast_to(np.arange(-7.0, 8.0), (n, 15))
    centre = rng.uniform(-1, 1, n)
    edges = np.arange(-7.5, 8.0)
    model = light * np.diff(0.5 * erf((edges[None] - centre[:, None]) / sigma / np.sqrt(2)), axis=1) + 30.0
    flux = rng.poisson(model) + rng.normal(0, 4.0, model.shape)
    return position, centre, model, flux


def fit(position, flux, variance, full=None):
    full = np.zeros(flux.shape, bool) if full is None else full
    start = np.zeros(len(flux))
    return fit_profiles(
        position, flux, variance, full, start_centre=start, start_sigma=1.0, sigma_limits=(0.3, 4), reach=3
    )


def test_centres_reach_the_cramer_rao_bound_with_true_errors(rng):
    position, centre, model, flux = cuts(rng)
    fits = fit(position, flux, model + 16)
    assert fits.is_good.all()
    assert_unit_pulls(fits.centre, centre, fits.error**2, tolerance=0.05)
    assert 0.9 < np.median(fits.chi2) < 1.1


def test_full_pixels_are_lower_limits(rng):
    position, centre, model, flux = cuts(rng, light=60_000.0)
    well = 9000.0
    full = flux > well
    fits = fit(position, np.minimum(flux, well), model + 16, full)
    assert full.any(1).all() and fits.is_good.mean() > 0.98
    assert (
        np.abs(fits.centre - centre)[fits.is_good].max() < 0.05
    )  # the wings of 60 000 electrons; clipped fits are 0.2 off


def test_poison_where_the_variance_is_zero_changes_nothing(rng):
    position, _, model, flux = cuts(rng, n=50)
    variance = model + 16
    variance[:, 2] = 0
    poisoned = flux.copy()
    poisoned[:, 2] = np.nan
    np.testing.assert_array_equal(fit(position, flux, variance).centre, fit(position, poisoned, variance).centre)
