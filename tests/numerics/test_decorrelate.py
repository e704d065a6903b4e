"""Right answers: the covariance of samples whose information matrix is known, and their sum."""

import numpy as np
import pytest

from soxslib.numerics.decorrelate import decorrelated

COUPLING = (0.25, -0.08)


def information(diagonal):
    """Upper bands of D^1/2 (1 + E) D^1/2."""
    bands = np.zeros((4, diagonal.size))
    bands[-1] = diagonal
    for d, e in enumerate(COUPLING, 1):
        bands[-1 - d, d:] = e * np.sqrt(diagonal[d:] * diagonal[:-d])
    return bands


def dense(bands):
    n = bands.shape[1]
    return sum(np.diag(bands[-1 - d, d:], d) + (np.diag(bands[-1 - d, d:], -d) if d else 0) for d in range(4)).reshape(
        n, n
    )


@pytest.mark.parametrize("diagonal", [np.full(60, 0.04), np.geomspace(0.01, 0.1, 60)])
def test_errors_are_independent_and_true(diagonal):
    bands = information(diagonal)
    matrix = np.array([decorrelated(row, bands, np.ones(60, bool))[0] for row in np.eye(60)]).T
    covariance = matrix @ np.linalg.inv(dense(bands)) @ matrix.T
    _, variance = decorrelated(np.zeros(60), bands, np.ones(60, bool))
    assert np.diag(covariance) == pytest.approx(variance, rel=0.01)
    correlation = covariance / np.sqrt(np.outer(variance, variance))
    assert np.abs(correlation - np.eye(60))[5:-5, 5:-5].max() < 0.02


def test_a_bright_line_keeps_its_sum():
    x = np.arange(80.0)
    line = 1e5 * np.exp(-0.5 * ((x - 40.3) / 1.2) ** 2) / (1.2 * np.sqrt(2 * np.pi))
    samples, _ = decorrelated(line, information(1.0 / (50.0 + line)), np.ones(80, bool))
    assert samples.sum() == pytest.approx(line.sum(), rel=1e-3)


def test_what_is_not_to_be_mixed_stays_alone():
    values, mixed = np.zeros(40), np.ones(40, bool)
    values[20], mixed[20] = 1e6, False
    samples, variance = decorrelated(values, information(np.full(40, 1.0)), mixed)
    assert samples[20] == pytest.approx(1e6)
    assert np.abs(np.delete(samples, 20)).max() < 1e-6
    assert np.all(np.isfinite(variance))


def test_without_information_the_variance_is_infinite():
    diagonal = np.full(40, 1.0)
    diagonal[30:] = 0.0
    samples, variance = decorrelated(np.ones(40), information(diagonal), np.ones(40, bool))
    assert np.all(np.isinf(variance[30:]))
    assert np.all(samples[30:] == 0)
