"""Which pixels are cosmic rays. The right answers are the pixels that were hit."""

import numpy as np

from soxslib.numerics.extraction import basis_of
from soxslib.numerics.hits import Hits


def rejected(z, rounds=3):
    """Pixels rejected of an untilted order whose residuals are z errors."""
    basis = basis_of(np.tile(np.arange(float(z.shape[1])), (z.shape[0], 1)), z.shape[1])
    hits = Hits(basis, np.ones(z.shape, bool), [np.ones(z.shape) / z.shape[0]])
    for _ in range(rounds):
        hits.rejected = hits.found(hits.pulls(z, np.zeros(z.shape), np.ones(z.shape), 0.0), 5.0, 3.0)
    return hits.rejected


def test_a_ray_is_rejected_with_what_it_left_between_its_ends():
    """Its middle fell on a source, whose counts took most of it; alone as little says nothing."""
    z = np.zeros((12, 60))
    z[3, 20], z[4, 20], z[5, 20] = 8.0, 2.0, 7.0
    z[6, 30], z[7, 31], z[8, 32] = 9.0, 1.5, 6.0  # on a diagonal
    z[3, 40], z[4, 45] = 2.0, 4.0
    expected = {(3, 20), (4, 20), (5, 20), (6, 30), (7, 31), (8, 32)}
    assert set(zip(*np.nonzero(rejected(z)), strict=True)) == expected


def test_what_touches_a_ray_is_part_of_it_from_a_lesser_height():
    z = np.zeros((12, 60))
    z[3, 20], z[3, 21], z[2, 20], z[4, 20] = 8.0, 3.5, 3.5, 2.5
    assert set(zip(*np.nonzero(rejected(z)), strict=True)) == {(3, 20), (3, 21), (2, 20)}


def test_noise_is_no_ray(rng):
    assert rejected(np.clip(rng.normal(size=(40, 2000)), -10, 4.9)).sum() == 0
