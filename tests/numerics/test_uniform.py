"""Against np.interp on the same grid."""

import numpy as np
import pytest

from soxslib.numerics.uniform import interpolated


@pytest.mark.parametrize("outside", [None, np.nan, 0.0])
def test_lines_between_samples(rng, outside):
    samples = rng.standard_normal(30)
    position = np.concatenate([rng.uniform(-3, 33, 500), [0.0, 29.0, 12.0, np.nan]]).reshape(12, 42)
    expected = np.interp(position, np.arange(30), samples, left=outside, right=outside)
    assert interpolated(position, samples, outside) == pytest.approx(expected, abs=1e-14, nan_ok=True)


def test_a_single_sample_is_known_where_it_stands():
    assert interpolated([0.0, 0.5, -1.0], [2.0], np.nan) == pytest.approx([2.0, np.nan, np.nan], nan_ok=True)
