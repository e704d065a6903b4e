"""Right answers: sources put at known places."""

import numpy as np
import pytest

from soxslib.numerics import locate
from soxslib.numerics.cutout import cut_order
from soxslib.numerics.profile import moffat
from soxslib.simulate.small import small_bench

FIND = dict(seeing_arcsec=1.0, least_significance=5.0, least_fraction=0.02, most=3)
GRID = np.arange(-5.4, 5.4, 0.1)


def test_sources_are_found_the_brightest_first(rng):
    light = 100 * moffat(GRID - 1.23, 1.0) + 30 * moffat(GRID + 3.1, 1.0) + rng.normal(0, 1, GRID.size)
    found = locate.find_sources(GRID, light, np.ones(GRID.size), **FIND)
    assert [s.slit_arcsec for s in found] == pytest.approx([1.23, -3.1], abs=0.1)
    assert found[0].fwhm_arcsec == pytest.approx(1.0, rel=0.4)


def test_a_source_at_the_edge_is_found(rng):
    light = 100 * moffat(GRID - 5.0, 1.0) + rng.normal(0, 1, GRID.size)
    found = locate.find_sources(GRID, light, np.ones(GRID.size), **FIND)
    assert found[0].slit_arcsec == pytest.approx(5.0, abs=0.25)


def test_noise_is_no_source(rng):
    found = [locate.find_sources(GRID, rng.normal(0, 1, GRID.size), np.ones(GRID.size), **FIND) for _ in range(200)]
    assert sum(map(len, found)) <= 1


def blocks(rng, source_at, counts, noise=3.0):
    bench = small_bench((1,))
    solution = bench.solution[1]
    cutout = cut_order(
        solution, shape=bench.shape, binning=(1, 1), half_slit_arcsec=5.8, wavelength_nm=solution.wavelength_nm
    )
    image = counts * moffat(cutout.slit_arcsec - source_at, 1.0) + 20.0
    image = image + rng.normal(0, noise, image.shape)
    good = cutout.is_inside & (rng.uniform(size=image.shape) > 0.02)
    image[~good] = np.nan
    image[5::9, 3::17] += 1e5  # cosmic rays
    variance = np.full(image.shape, noise**2)
    return locate.block_profiles(cutout, image, variance, good, n_blocks=12, half_slit_arcsec=5.4)


def test_blocks_forget_cosmic_rays_and_sky(rng):
    b = blocks(rng, 0.5, 0.0)
    z = b.light / b.error
    assert np.nanmedian(np.abs(z)) < 2
    assert np.nanmax(np.abs(b.light)) < 5  # electrons: 3/sqrt(50) each, cosmic rays were 1e5


def test_block_centres_are_unbiased(rng):
    b = blocks(rng, 0.5, 60.0)
    _, shift, error, significance = locate.block_centres(b, 0.4, 1.0, least_significance=5.0, max_shift_arcsec=0.8)
    assert shift.size >= 10
    assert significance.min() > 5
    assert shift.mean() == pytest.approx(0.1, abs=4 * error.mean() / np.sqrt(shift.size) + 0.01)


TRACE = dict(common_degree=2, prior_arcsec=(0.3, 0.1, 0.03))


def centres(rng, order, error=0.02, n=20):
    lam = np.linspace(*RANGES[order], n)
    return lam, 0.1 * (lam - 600) / 200 + rng.normal(0, error, n), np.full(n, error)


RANGES = {1: (400.0, 500.0), 2: (500.0, 620.0), 3: (620.0, 800.0)}


def test_a_faint_order_goes_where_the_others_say(rng):
    trace = locate.fit_trace({1: centres(rng, 1), 3: centres(rng, 3)}, RANGES, 0.7, **TRACE)
    assert trace.mode == {1: "fit", 2: "transferred", 3: "fit"}
    lam = np.linspace(500, 620, 20)
    assert trace.at(2, lam) == pytest.approx(0.7 + 0.1 * (lam - 600) / 200, abs=0.06)
    assert trace.error_arcsec[2] > 3 * trace.error_arcsec[1]


def test_without_light_the_position_is_forced():
    trace = locate.fit_trace({}, RANGES, -1.5, **TRACE)
    assert set(trace.mode.values()) == {"forced"}
    assert trace.at(1, 450.0) == pytest.approx(-1.5, abs=1e-9)


def test_one_wild_block_does_not_bend_the_trace(rng):
    measured = {o: centres(rng, o) for o in RANGES}
    measured[2][1][3] += 2.0
    trace = locate.fit_trace(measured, RANGES, 0.0, **TRACE)
    assert trace.at(2, 560.0) == pytest.approx(-0.02, abs=0.02)
    found, used, scatter = trace.samples[2]
    assert (found, used) == (20, 19)
    assert scatter == pytest.approx(0.02, abs=5 * 0.02 / np.sqrt(2 * 19))  # the blocks' own error


def test_what_a_profile_explains_is_what_a_fit_of_it_takes_from_the_squares(rng):
    distance, light = rng.uniform(-4, 4, (3, 30)), rng.normal(0, 5, (3, 30))
    weight = np.where(rng.random((3, 30)) < 0.7, rng.uniform(0.1, 1, (3, 30)), 0.0)
    weight[2] = 0.0
    fwhm, beta = np.array([0.8, 1.4]), np.array([3.5, 2.6])
    expected = np.zeros(2)
    for k in range(2):
        for d, y, w in zip(distance, light, np.sqrt(weight), strict=True):
            fit = lambda *terms: np.linalg.lstsq(w[:, None] * np.stack(terms, axis=1), w * y, rcond=None)[0] @ terms
            left = lambda model: np.sum((w * (y - model)) ** 2)
            expected[k] += left(fit(np.ones(30))) - left(fit(np.ones(30), moffat(d, fwhm[k], beta[k])))
    assert locate.explained(distance, light, weight, fwhm, beta) == pytest.approx(expected, rel=1e-9)


def test_blocks_hold_medians_of_the_pixels_nearest_to_each_slit_position(rng):
    bench = small_bench((1,))
    solution = bench.solution[1]
    cutout = cut_order(
        solution, shape=bench.shape, binning=(1, 1), half_slit_arcsec=5.8, wavelength_nm=solution.wavelength_nm
    )
    flux, variance = rng.normal(size=cutout.slit_arcsec.shape), rng.uniform(1, 2, cutout.slit_arcsec.shape)
    good = rng.random(flux.shape) < 0.6
    flux[~good] = np.nan  # never read
    found = locate.block_profiles(cutout, flux, variance, good, n_blocks=7, half_slit_arcsec=5.4)
    width = cutout.columns.size // 7
    light = np.full(found.light.shape, np.nan)
    for (i, b), _ in np.ndenumerate(light):
        columns = np.arange(b * width, (b + 1) * width)
        rows = np.argmin(np.abs(cutout.slit_arcsec[:, columns] - found.slit_arcsec[i]), axis=0)
        used = (cutout.is_inside & good)[rows, columns]
        if used.sum() < 0.3 * width:
            assert found.error[i, b] == np.inf
            continue
        light[i, b] = np.median(flux[rows, columns][used])
        error = np.sqrt(variance[rows, columns][used].sum() * np.pi / 2) / used.sum()
        assert found.error[i, b] == pytest.approx(error)
        assert found.position[i, b] == pytest.approx(cutout.slit_arcsec[rows, columns][used].mean(), abs=1e-9)
    np.testing.assert_allclose(found.light, light - np.nanmedian(light, axis=0), atol=1e-12)
