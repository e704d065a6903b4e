from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from soxslib.config.settings import settings_for
from soxslib.datamodel import Quality, RawFrame
from soxslib.errors import ReductionError
from soxslib.qc.master_bias import measure
from soxslib.recipes.master_bias import master_bias
from soxslib.recipes.prepare import prepare
from tests.helpers import detector_frames as made
from tests.helpers.pulls import assert_unit_pulls

ZERO = np.zeros(made.SHAPE)


def settings(**changes):
    return SimpleNamespace(**settings_for("master_bias", "VIS", {"block_px": 64, **changes}))


def biases(rng, n, **options):
    return [made.raw(rng, ZERO, structure_e=made.bias_structure(), pedestal_adu=1000 + i, **options) for i in range(n)]


@pytest.mark.parametrize("n", [1, 2, 5])
def test_recovers_structure_and_read_noise(rng, n):
    result = master_bias(biases(rng, n), settings())
    truth = made.bias_structure()
    error = result.master.frame.flux - truth
    # a row profile has 3.8 / sqrt(640 n), a column profile 3.8 / sqrt(140 n) but only where it is significant
    assert np.std(error) < 0.25
    assert result.master.read_noise_e == pytest.approx(made.READ_E, rel=0.02)
    assert result.stack.noise_e == pytest.approx(made.READ_E / np.sqrt(n), rel=0.03)


@pytest.mark.parametrize("n", [1, 3])
def test_a_frame_that_it_is_subtracted_from_has_true_errors(rng, n):
    master = master_bias(biases(rng, n), settings()).master
    frame = prepare(made.raw(rng, ZERO + 5.0, structure_e=made.bias_structure()), master)
    assert_unit_pulls(frame.flux, 5.0, frame.variance)


def test_cosmic_rays_leave_no_trace(rng):
    frames = biases(rng, 3)
    hit = frames[1].adu.copy()
    hit[20:24, 30] += 5000
    spoiled = [frames[0], RawFrame(hit, frames[1].exposure, frames[1].prescan, frames[1].overscan), frames[2]]
    master = master_bias(spoiled, settings()).master
    assert np.abs(master.frame.flux[20:24, 30] - made.bias_structure()[20:24, 30]).max() < 5 * 3.8 / np.sqrt(2)


def test_a_pixel_without_a_number_in_one_frame_is_bad(rng):
    frames = biases(rng, 3)
    is_bad = np.zeros(made.SHAPE, bool)
    is_bad[20, 30] = True
    result = master_bias([frames[0], replace(frames[1], is_bad=is_bad), frames[2]], settings())
    assert result.master.frame.quality[20, 30] & Quality.BAD
    assert np.count_nonzero(result.master.frame.quality & Quality.BAD) < 5  # 90 000 pixels at 7.5 sigma


def test_hot_pixels_are_flagged_and_kept(rng):
    light = ZERO.copy()
    light[10, 50:60] = 60.0  # 27 sigma of the mean
    frames = [made.raw(rng, light, lit=False) for _ in range(3)]
    frame = master_bias(frames, settings()).master.frame
    assert (frame.quality[10, 50:60] & Quality.HOT).all()
    np.testing.assert_allclose(frame.flux[10, 50:60], 60.0, atol=5 * 3.8 / np.sqrt(3))
    assert np.count_nonzero(frame.quality) < 10 + 5  # 90 000 pixels at 6 sigma


def test_a_light_leak_is_left_out(rng):
    frames = [*biases(rng, 3), made.raw(rng, np.linspace(0, 40, made.SHAPE[0])[:, None] + ZERO, file="leak.fits")]
    result = master_bias(frames, settings())
    assert list(result.stack.excluded) == ["leak.fits"]
    assert {m.name: m.value for m in measure(result)}["N EXCLUDED"] == 1


def test_too_few_frames(rng):
    with pytest.raises(ReductionError, match="1 usable frames, 3 needed"):
        master_bias(biases(rng, 1), settings(min_frames=3))
