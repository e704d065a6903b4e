"""Positive definite systems, dense and banded, by LAPACK.

scipy brings LAPACK, but its package takes four tenths of a second to import: more than many a step needs for its work. Its
compiled routines are loaded by themselves where they are found, and by the package where they are not.
"""

import importlib.util
from functools import cache
from pathlib import Path

import numpy as np


@cache
def _routines():
    """The module of LAPACK's routines."""
    place = importlib.util.find_spec("scipy").submodule_search_locations[0]
    for path in Path(place, "linalg").glob("_flapack*.so"):
        spec = importlib.util.spec_from_file_location("scipy.linalg._flapack", path)
        try:
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
        except ImportError:  # a release of scipy that wants its package first
            break
        return module
    from scipy.linalg import lapack

    return lapack


def _checked(result, info):
    if info != 0:
        raise np.linalg.LinAlgError(f"the {info}. leading minor is not positive: the problem is not determined")
    return result


def cholesky_banded(bands, *, lower=False):
    """Cholesky factor, in the same layout, of a matrix in upper (last row: the diagonal) or lower bands (first row)."""
    return _checked(*_routines().dpbtrf(bands, lower=lower))


def cho_solve_banded(factor, right, *, lower=False):
    """Solution for one or more right-hand sides, from the factor."""
    return _checked(*_routines().dpbtrs(factor, right, lower=lower))


def solve_banded(bands, right):
    """Solution of a positive definite system in upper bands."""
    return _checked(*_routines().dpbsv(bands, right)[1:])


def cho_factor(matrix):
    """Lower Cholesky factor of a dense matrix; what stands above its diagonal has no meaning."""
    return _checked(*_routines().dpotrf(matrix, lower=True, clean=False))


def cho_solve(factor, right):
    """Solution for one or more right-hand sides, from the lower factor."""
    return _checked(*_routines().dpotrs(factor, right, lower=True))
