from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from soxslib.config.settings import settings_for
from soxslib.datamodel import Quality
from soxslib.errors import ReductionError
from soxslib.qc.master_dark import measure
from soxslib.recipes.master_dark import master_dark
from tests.helpers import detector_frames as made
from tests.helpers.pulls import assert_unit_pulls


def settings(**changes):
    return SimpleNamespace(**settings_for("master_dark", "NIR", {"block_px": 64, **changes}))


def darks(rng, n, signal, row_noise=0.0, **facts):
    out = []
    for _ in range(n):
        rows = rng.normal(0, row_noise, (made.SHAPE[0], 1)) if row_noise else 0.0
        out.append(
            made.raw(
                rng, signal, pedestal_adu=0.0, structure_e=rows, strips=False, arm="NIR", exposure_s=100.0, **facts
            )
        )
    return out


def signal_with_hot_pixels(rng):
    signal = np.full(made.SHAPE, 4.0)
    hot = rng.random(made.SHAPE) < 0.004
    signal[hot] += rng.uniform(60, 3000, hot.sum())
    return signal, hot


@pytest.mark.parametrize("n", [1, 2, 4])
def test_hot_pixels_are_found_and_hardly_any_other(rng, n):
    signal, hot = signal_with_hot_pixels(rng)
    quality = master_dark(darks(rng, n, signal), settings()).master.frame.quality
    flagged = quality & Quality.HOT > 0
    assert flagged[hot].mean() >= 0.99
    assert (quality[~hot] > 0).sum() <= 1e-4 * hot.size + 4 * np.sqrt(1e-4 * hot.size)


@pytest.mark.parametrize("n", [2, 4])
def test_errors_are_true_for_dim_and_hot_pixels(rng, n):
    signal, hot = signal_with_hot_pixels(rng)
    frame = master_dark(darks(rng, n, signal), settings()).master.frame
    assert np.std((frame.flux - signal)[~hot]) < made.READ_E / np.sqrt(n) / 3  # the model of the structure serves
    assert_unit_pulls(frame.flux[hot], signal[hot], frame.variance[hot], tolerance=0.1)


def test_noise_of_rows_is_taken_out(rng):
    signal = np.full(made.SHAPE, 4.0)
    result = master_dark(darks(rng, 2, signal, row_noise=2.0), settings())
    assert result.row_noise_e == pytest.approx(2.0, rel=0.2)
    assert np.std(result.master.frame.flux.mean(1)) < 0.4


def test_read_noise_is_that_of_one_integration(rng):
    cube = [
        [made.raw(rng, np.full(made.SHAPE, 4.0), pedestal_adu=0.0, strips=False).adu for _ in range(4)]
        for _ in range(2)
    ]
    frames = [
        replace(darks(rng, 1, np.zeros(made.SHAPE), ndit=4)[0], adu=np.mean(integrations, axis=0))
        for integrations in cube
    ]
    result = master_dark(frames, settings())
    assert result.master.read_noise_e == pytest.approx(made.READ_E, rel=0.03)
    assert {m.name: m.value for m in measure(result)}["DARK LEVEL"] == pytest.approx(4.0, abs=0.2)


def test_darks_of_two_times_are_not_mixed(rng):
    frames = [*darks(rng, 1, np.zeros(made.SHAPE)), made.raw(rng, np.zeros(made.SHAPE), arm="NIR", exposure_s=20.0)]
    with pytest.raises(ReductionError, match="20 s x 1, 100 s x 1; make one master of each"):
        master_dark(frames, settings())
