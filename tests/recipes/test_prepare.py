from dataclasses import replace

import numpy as np
import pytest

from soxslib.datamodel import Frame, MasterBias, MasterDark, Quality
from soxslib.errors import ReductionError
from soxslib.recipes.prepare import bias_drift_e, prepare
from tests.helpers import detector_frames as made
from tests.helpers.pulls import assert_unit_pulls

QUIET = np.zeros(made.SHAPE, np.float32)
NO_FLAGS = np.zeros(made.SHAPE, np.uint16)


def true_bias():
    structure = made.bias_structure().astype(np.float32)
    return MasterBias(Frame(structure, QUIET, NO_FLAGS, made.exposure()), made.READ_E, 1100.0)


def true_dark(seconds, level):
    frame = Frame(QUIET + np.float32(level), QUIET, NO_FLAGS, made.exposure("NIR", exposure_s=seconds))
    return MasterDark(frame, made.READ_E)


@pytest.mark.parametrize("level", [0.0, 20.0, 500.0, 60_000.0])
def test_flux_and_errors_are_true_at_every_level(rng, level):
    frame = prepare(made.raw(rng, QUIET + level, structure_e=made.bias_structure()), true_bias())
    assert_unit_pulls(frame.flux, level, frame.variance)
    np.testing.assert_allclose(frame.floor, made.READ_E**2, rtol=1e-3)


def test_a_drift_of_the_pedestal_does_no_harm(rng):
    drift = 1000 + np.linspace(0, 20, made.SHAPE[1])
    frame = prepare(made.raw(rng, QUIET, pedestal_adu=drift, structure_e=made.bias_structure()), true_bias())
    assert abs(frame.flux.mean()) < 0.1
    assert np.std(frame.flux.mean(0)) < 0.45  # 3.8 / sqrt(140) = 0.32, strips smoothed over 60 columns

    level = MasterBias(true_bias().frame, made.READ_E, 1100.0)
    without = prepare(made.raw(rng, QUIET, structure_e=made.bias_structure(), strips=False), level)
    assert abs(without.flux.mean()) < 0.1  # the master remembers the level


def test_the_drift_since_the_bias_is_told_where_both_have_strips(rng):
    master = MasterBias(true_bias().frame, made.READ_E, 1100.0)
    raw = made.raw(rng, QUIET, pedestal_adu=1012.0)
    noise_e = made.READ_E / np.sqrt(raw.prescan.size + raw.overscan.size)
    assert bias_drift_e(raw, master) == pytest.approx(1012.0 * raw.exposure.gain_e_adu - 1100.0, abs=5 * noise_e + 0.02)
    assert np.isnan(bias_drift_e(raw, None))
    assert np.isnan(bias_drift_e(made.raw(rng, QUIET, strips=False), master))


def test_without_a_bias_the_strips_are_used_and_said_so(rng, caplog):
    frame = prepare(made.raw(rng, QUIET))
    assert abs(frame.flux.mean()) < 0.1 and "no master bias" in caplog.text
    np.testing.assert_allclose(np.median(frame.floor), made.READ_E**2, rtol=0.03)  # measured in the strips


def test_a_pixel_without_a_number_is_bad(rng):
    is_bad = np.zeros(made.SHAPE, bool)
    is_bad[20, 30] = True
    raw = replace(made.raw(rng, QUIET, structure_e=made.bias_structure()), is_bad=is_bad)
    np.testing.assert_array_equal(prepare(raw, true_bias()).quality > 0, is_bad)
    assert prepare(raw, true_bias()).quality[20, 30] == Quality.BAD


def test_darks_are_interpolated_in_time_never_scaled(rng):
    frame = prepare(
        made.raw(rng, QUIET + 30.0, pedestal_adu=0.0, strips=False, arm="NIR", exposure_s=20.0),
        None,
        [true_dark(10.0, 20.0), true_dark(30.0, 40.0), true_dark(300.0, 900.0)],
    )
    assert abs(frame.flux.mean()) < 0.1
    assert_unit_pulls(frame.flux, 0.0, frame.variance)


@pytest.mark.parametrize("ndit", [1, 4])
def test_noise_of_averaged_integrations(rng, ndit):
    cube = [made.raw(rng, QUIET + 50.0, pedestal_adu=0.0, strips=False).adu for _ in range(ndit)]
    first = made.raw(rng, QUIET, strips=False, arm="NIR", exposure_s=10.0, ndit=ndit)
    frame = prepare(replace(first, adu=np.mean(cube, axis=0)), None, [true_dark(10.0, 0.0)])
    assert_unit_pulls(frame.flux, 50.0, frame.variance)


def test_saturated_pixels_and_their_bled_neighbours_are_flagged(rng):
    light = np.zeros(made.SHAPE)
    light[50, 300:303] = 200_000
    quality = prepare(made.raw(rng, light), true_bias()).quality
    flagged = np.argwhere(quality & Quality.SATURATED)
    assert flagged.min(0).tolist() == [49, 298] and flagged.max(0).tolist() == [51, 304]


def test_flags_of_the_masters_are_carried_on(rng):
    flags = NO_FLAGS.copy()
    flags[3, 4] = Quality.HOT
    bias = MasterBias(Frame(QUIET, QUIET, flags, made.exposure()), 3.8, 1100.0)
    assert prepare(made.raw(rng, QUIET), bias).quality[3, 4] == Quality.HOT


def test_a_master_of_another_binning_is_refused(rng):
    frame = made.raw(rng, QUIET, binning=(2, 1))
    with pytest.raises(ReductionError, match=r"binning \(2, 1\).*it needs one of its binning"):
        prepare(frame, true_bias())
