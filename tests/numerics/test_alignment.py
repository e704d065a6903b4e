"""Shift of a pattern: answers from the shift that was put in."""

import numpy as np
import pytest

from soxslib.numerics.alignment import nearest_peaks, vote_shift


def pattern(rng, n=60):
    return np.stack([rng.uniform(100, 3900, n), rng.uniform(280, 320, n)], axis=1)


@pytest.mark.parametrize("shift", [(37.3, -21.8), (-44.6, 5.1), (0.0, 0.0)])
def test_shift_is_found_among_many_false_peaks(rng, shift):
    predicted = pattern(rng)
    peaks = np.concatenate([predicted[:45] + shift + 0.5 * rng.normal(size=(45, 2)), pattern(rng, 400)])
    votes = vote_shift(predicted, peaks, reach=(60, 60), bin_px=1.0, blur_px=1.5)
    assert np.hypot(votes.along - shift[0], votes.across - shift[1]) < 1.5  # px, one bin and a half
    assert votes.hits > 5 * votes.by_chance


def test_stretch_is_found_with_the_shift(rng):
    predicted = pattern(rng)
    u = (predicted[:, 0] - 2000) / 2000
    peaks = predicted + np.stack([3.0 + 4.0 * u, np.full(len(u), -2.0)], axis=1)
    votes = vote_shift(predicted, peaks, reach=(8, 8), bin_px=0.5, blur_px=1.0, u=u, stretches=np.arange(-6, 6.5))
    assert abs(votes.stretch - 4) <= 1
    assert abs(votes.along - 3) < 1
    assert abs(votes.across + 2) < 1


def test_a_row_of_pinholes_is_not_taken_for_its_neighbour(rng):
    lines = rng.uniform(100, 3900, 40)
    offsets = 5.0 * np.arange(-4, 5)
    predicted = np.stack(np.meshgrid(lines, 300 + offsets, indexing="ij"), axis=-1).reshape(-1, 2)
    votes = vote_shift(predicted, predicted + (2.0, 6.0), reach=(20, 20), bin_px=0.5, blur_px=1.0)
    assert abs(votes.across - 6.0) < 0.6  # 9 of 9 pinholes there, 8 of 9 one spacing (5 px) off


def test_each_peak_serves_its_nearest_prediction_only():
    predicted = np.array([[10.0, 10.0], [12.0, 10.0], [50.0, 10.0]])
    peaks = np.array([[11.5, 10.0], [53.0, 10.0]])
    np.testing.assert_array_equal(nearest_peaks(predicted, peaks, (3.5, 2.0)), [-1, 0, 1])
    np.testing.assert_array_equal(nearest_peaks(predicted, peaks, (1.0, 2.0)), [-1, 0, -1])
    np.testing.assert_array_equal(nearest_peaks(predicted, peaks[:0], (1.0, 2.0)), [-1, -1, -1])
