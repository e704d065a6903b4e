import numpy as np
import pytest

from soxslib.numerics.structure import fit_structure, noise_about, row_offsets, shrunk
from tests.helpers.pulls import assert_unit_pulls


def scene(rng, noise):
    y, x = np.mgrid[:256, :512]
    truth = 0.8 * np.sin(x / 200) + 0.5 * y / 256 + rng.normal(0, 0.5, 256)[:, None]
    return truth, (truth + rng.normal(0, noise, truth.shape)).astype(np.float32)


def test_structure_is_found_and_adds_little_noise(rng):
    truth, image = scene(rng, 3.0)
    fit = fit_structure(image, np.ones(image.shape, bool), sigma=3.0, block_px=64, keep_rows=True)
    error = fit.model - truth
    # a row's mean has 3 / sqrt(512) = 0.13; a block's 3 / 64, interpolation of the sine's bow about 0.02
    assert error.std() < 0.16
    assert np.sqrt(fit.variance) == pytest.approx(error.std(), rel=0.35)


def test_insignificant_profiles_add_no_noise(rng):
    image = rng.normal(0, 3.0, (256, 512)).astype(np.float32)
    fit = fit_structure(image, np.ones(image.shape, bool), sigma=3.0, block_px=64, keep_rows=True)
    assert fit.model.std() < 0.08  # blocks alone: 3 / 64


def test_poison_under_the_mask_changes_nothing(rng):
    _, image = scene(rng, 3.0)
    good = np.ones(image.shape, bool)
    good[50:60, 100:110] = False
    options = dict(sigma=3.0, block_px=64, keep_rows=True)
    poisoned = image.copy()
    poisoned[~good] = np.nan
    np.testing.assert_array_equal(
        fit_structure(image, good, **options).model, fit_structure(poisoned, good, **options).model
    )


def test_row_offsets_are_those_put_in_less_their_smooth_part(rng):
    offsets = rng.normal(0, 1.0, 300)
    image = (offsets[:, None] + rng.normal(0, 5, (300, 2000)) + np.linspace(0, 30, 300)[:, None]).astype(np.float32)
    good = rng.random(image.shape) < 0.5
    found = row_offsets(image, good, smooth_px=25)
    # noise 5 / sqrt(1000) = 0.16; the smooth run over 89 rows takes 0.1 with it
    assert np.std((found - offsets)[50:-50]) < 0.25


@pytest.mark.parametrize("intrinsic", [0.0, 1.0, 6.0])
def test_shrunk_values_have_true_errors_whatever_the_scatter(rng, intrinsic):
    truth = rng.normal(0, intrinsic, (200, 300))
    image = truth + rng.normal(0, 3.0, truth.shape)
    variance = np.full(truth.shape, 9.0)
    value, error2, found = shrunk(
        image,
        np.zeros_like(truth),
        variance=variance,
        model_variance=0.01,
        good=np.ones(truth.shape, bool),
        keep_sigma=5,
    )
    assert found == pytest.approx(
        intrinsic**2, abs=0.2 + 0.05 * intrinsic**2
    )  # variance of 60 000, truncated at 5 sigma
    assert np.std(value - truth) <= 3.01  # never worse than what was measured
    if intrinsic > 0:
        assert_unit_pulls(value, truth, error2, tolerance=0.05)


def test_defects_keep_their_values(rng):
    image = rng.normal(0, 1.0, (100, 100))
    image[5, 5] = 500.0
    value, error2, _ = shrunk(
        image, np.zeros_like(image), variance=np.ones_like(image), model_variance=0.0,
        good=np.ones(image.shape, bool), keep_sigma=5,
    )  # fmt: skip
    assert value[5, 5] == 500.0 and error2[5, 5] == 1.0


def test_pixels_that_stand_out_have_the_noise_of_their_own_light(rng):
    model = np.full((20, 30), 10.0, np.float32)
    mean, count = (model + rng.normal(0, 2, model.shape)).astype(np.float32), np.full(model.shape, 3, np.float32)
    mean[4, 5] = 1000.0
    options = dict(read_variance=16.0, keep_sigma=6.0)
    residual, expected, variance = noise_about(mean, model, count, integrations=2, **options)
    assert np.array_equal(residual, mean - model)
    np.testing.assert_allclose(expected, (16 + 10 / 2) / 3, rtol=1e-6)
    assert variance[4, 5] == pytest.approx((16 + 1000 / 2) / 3) and np.sum(variance != expected) == 1
    np.testing.assert_allclose(noise_about(mean, model, count, integrations=np.inf, **options)[2], 16 / 3, rtol=1e-6)
