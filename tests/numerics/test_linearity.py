import numpy as np
import pytest

from soxslib.numerics.linearity import photon_transfer


def pair(rng, gain_error=1.0, lost=0.0):
    light = np.linspace(1000, 45_000, 600)[None, :] * np.ones((400, 1))
    frames = []
    for _ in range(2):
        electrons = rng.poisson(light) + rng.normal(0, 7.0, light.shape)
        frames.append((electrons - lost * electrons**2) / gain_error)
    return frames


OPTIONS = dict(least_e=1500, n_bins=8, least_pixels=2000)


def run(frames):
    floor = np.full(frames[0].shape, 49.0)
    return photon_transfer(*frames, floor, np.ones(floor.shape, bool), **OPTIONS)


def test_gain_is_told_within_its_error(rng):
    assert run(pair(rng)).gain_ratio == pytest.approx(1.0, abs=0.015)  # 3 to 4 sigma
    assert run(pair(rng, gain_error=1.1)).gain_ratio == pytest.approx(1.1, abs=0.02)


def test_non_linearity_shows_as_curvature(rng):
    lost = 0.03 / 130_000  # 3 per cent at 130 000 electrons
    straight, bent = run(pair(rng)), run(pair(rng, lost=lost))
    assert abs(straight.curvature) < 4 * straight.curvature_error
    assert bent.curvature == pytest.approx(3 * lost * 1e4, abs=4 * bent.curvature_error)


def test_little_light_tells_nothing(rng):
    assert run([f * 0.01 for f in pair(rng)]) is None
