"""Dense algebra gives the right answers; scipy's package must do where its compiled routines cannot be loaded by themselves."""

import numpy as np
import pytest

from soxslib.numerics import lapack


def no_file(path, pattern):
    return iter(())


def broken_file(tmp_path):
    (tmp_path / "_flapack.so").write_bytes(b"not a library")
    return lambda path, pattern: iter([tmp_path / "_flapack.so"])


@pytest.fixture(params=["by itself", "no file", "broken file"])
def routines(request, monkeypatch, tmp_path):
    """LAPACK as it is found."""
    if request.param != "by itself":
        glob = no_file if request.param == "no file" else broken_file(tmp_path)
        monkeypatch.setattr(lapack.Path, "glob", glob)
    lapack._routines.cache_clear()
    yield
    lapack._routines.cache_clear()


def test_solutions_are_those_of_dense_algebra(routines, rng):
    n = 12
    half = np.tril(np.triu(rng.standard_normal((n, n))), 2)
    matrix, right = half @ half.T + np.eye(n), rng.standard_normal(n)
    bands = np.zeros((3, n))
    for offset in range(3):
        bands[2 - offset, offset:] = np.diagonal(matrix, offset)
    matrix = np.triu(np.tril(matrix, 2), -2) + n * np.eye(n)
    bands[2] += n
    expected = np.linalg.solve(matrix, right)
    assert lapack.solve_banded(bands, right) == pytest.approx(expected)
    assert lapack.cho_solve_banded(lapack.cholesky_banded(bands), right) == pytest.approx(expected)
    assert lapack.cho_solve(lapack.cho_factor(matrix), right) == pytest.approx(expected)


def test_an_undetermined_problem_is_told(routines):
    with pytest.raises(np.linalg.LinAlgError, match="not positive"):
        lapack.solve_banded(np.array([[0.0, 0.0], [1.0, -1.0]]), np.ones(2))
