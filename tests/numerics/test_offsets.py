"""Right answers: the places of the simulated light."""

from dataclasses import replace

import numpy as np
import pytest

from soxslib.numerics import profile as prof
from soxslib.numerics.offsets import offsets


def off_trace(rng, offset, counts, thought):
    """(SlitLight of an order 3 that lies off its trace, profile): every sampling phase occurs in each block."""
    p = prof.analytic_profile(1.0, step_arcsec=0.25, half_width_arcsec=4.0, reference_nm=600.0)
    distance = np.linspace(-5, 5, 40)[:, None] + np.linspace(-0.25, 0.25, offset.size)
    expected = counts * 0.25 * p.at(distance - offset, 600.0, 3)
    variance = expected + 25.0
    data, weight = expected + rng.normal(0, np.sqrt(variance)), 1.0 / variance
    weight[5, :9], data[5, :9] = 0.0, np.nan  # never read
    one = np.ones(distance.shape)
    return prof.SlitLight(distance, 600.0 * one, 0.25 * one, thought * one, data, weight), p


def test_offsets_of_blocks_are_found_with_their_errors(rng):
    truth = np.linspace(-0.03, 0.03, 40)
    light_of_order, p = off_trace(rng, np.repeat(truth, 100), 500.0, 500.0)
    wavelength, offset, error, significance = offsets(0, [p], 3, [light_of_order], n_blocks=40)
    pulls = (offset - truth) / error
    assert abs(pulls.mean()) < 0.6 and 0.7 < pulls.std() < 1.4
    assert significance.min() > 100 and np.all(wavelength == 600.0)


def test_offsets_do_not_need_the_right_counts(rng):
    """Counts thought twice too high halve the step, and a step is less than the way: the next one gets there."""
    truth = np.linspace(0.05, 0.15, 20)
    light_of_order, p = off_trace(rng, np.repeat(truth, 100), 500.0, 1e3)
    assert offsets(0, [p], 3, [light_of_order], n_blocks=20)[1] == pytest.approx(0.5 * truth, abs=0.01)


@pytest.mark.parametrize("apart", [1.2, 2.5])
def test_sources_in_each_others_light_do_not_draw_each_other(rng, apart):
    """Each stands 0.05 arcsec off its trace, away from the other; of the fainter one's light each block has 6e4 electrons."""
    one, p = off_trace(rng, np.full(2000, -0.05), 1000.0, 1000.0)
    other = replace(one, distance_arcsec=one.distance_arcsec - apart, counts=0.6 * one.counts)
    light = np.nan_to_num(one.left) + 600.0 * 0.25 * p.at(other.distance_arcsec - 0.05, 600.0, 3)
    seen = [of.counts * 0.25 * p.at(of.distance_arcsec, 600.0, 3) for of in (one, other)]
    pair = [replace(one, left=light - seen[1]), replace(other, left=light - seen[0])]
    for k, truth in ((0, -0.05), (1, 0.05)):
        _, offset, error, _ = offsets(k, [p, p], 3, pair, n_blocks=20)
        assert np.mean(offset) == pytest.approx(truth, abs=0.006)
        assert 0.6 < np.std(offset) / np.mean(error) < 1.4
    alone = offsets(0, [p], 3, [replace(one, left=light)], n_blocks=20)[1]
    assert abs(np.mean(alone) + 0.05) > 0.015  # what the other does to a fit that does not know of it
