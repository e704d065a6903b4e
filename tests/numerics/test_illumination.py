"""The right answer is the slope that was put in."""

import numpy as np
import pytest

from soxslib.numerics.illumination import corrected_slit_light
from tests.helpers.tilted_order import tilted_order


def test_a_slope_of_the_illumination_is_found(rng):
    order = tilted_order(rng, lambda u: 0.0 * u, lambda u: 1000.0 + 0.0 * u)
    position = np.linspace(-1, 1, 40)[:, None] + np.zeros((1, 300))
    light = np.ones_like(position)
    data = order.pixels.data * (1 + 0.03 * position)
    usable = np.ones(light.shape, bool)
    out = corrected_slit_light(position, light, data, order.sky, order.variance, usable, priors=(0.02, 0.02, 0.05))
    assert out == pytest.approx(1 + 0.03 * position, abs=3e-3)  # 5 sigma of 12 000 pixels of 3 %
