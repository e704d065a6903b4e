"""Right answers: the light that the exposures were made of, and where the ray was put."""

from dataclasses import replace

import numpy as np
import pytest

from soxslib.numerics import optimal
from soxslib.numerics.agreement import unlike_others
from tests.helpers.tilted_order import line, tilted_order

LIMITS = dict(reject_sigma=5.0, scale_error=0.1, shift_error_px=0.15)


def seen(order, scale=1.0):
    """What `optimal_counts` takes of an order whose sky is known."""
    pixels = replace(order.pixels, data=order.pixels.data - order.sky)
    return pixels, order.profile * scale, order.variance, np.zeros(order.counts.size)


def others_of(exposures):
    return optimal.optimal_counts(exposures, exposures[0][0].data.shape[1])


def with_line(u):
    return 200.0 + line(150.0, 1.2, 20_000.0)(u)


def test_a_ray_under_the_core_is_told_by_the_other_exposure(rng):
    one, other = (tilted_order(rng, lambda u: 100.0 + 0.0 * u, lambda u: 500.0 + 0.0 * u) for _ in range(2))
    row = np.argmax(one.profile[:, 100])
    one.pixels.data[row - 1 : row + 2, 100:102] += np.array([[150.0], [700.0], [150.0]])
    hit = unlike_others(*seen(one)[:3], others_of([seen(other)]), **LIMITS)
    assert hit[row, 100:102].all()
    assert not unlike_others(*seen(other)[:3], others_of([seen(one)]), **LIMITS).any()  # it is not the one that is hit


@pytest.mark.parametrize("n", [1, 3])
def test_noise_and_bright_lines_are_no_rays(rng, n):
    """Also where the exposures differ in level by 5 % and in wavelength by a tenth of a pixel."""
    moved = lambda u: 1.05 * with_line(u + 0.1)
    one = tilted_order(rng, moved, lambda u: 50.0 + 0.0 * u)
    others = [seen(tilted_order(rng, with_line, lambda u: 50.0 + 0.0 * u)) for _ in range(n)]
    assert unlike_others(*seen(one)[:3], others_of(others), **LIMITS).sum() == 0


def test_what_the_others_did_not_see_is_left(rng):
    one, other = (tilted_order(rng, lambda u: 100.0 + 0.0 * u, lambda u: 50.0 + 0.0 * u) for _ in range(2))
    one.pixels.data[18:22, 100:103] += 1e4
    other.pixels.good[:, 95:108] = False
    assert not unlike_others(*seen(one)[:3], others_of([seen(other)]), **LIMITS)[:, 99:104].any()
