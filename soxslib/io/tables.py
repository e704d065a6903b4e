"""Text tables of published numbers (ECSV with simple columns), read without astropy's table machinery: that costs a second."""

import shlex
from pathlib import Path

import numpy as np

from soxslib.errors import ReductionError


def read_ecsv(path):
    """{column: array} of a table, numbers as float64, all else as text."""
    lines = [s for s in Path(path).read_text(encoding="utf8").splitlines() if s and not s.startswith("#")]
    rows = [shlex.split(s) if '"' in s else s.split() for s in lines]
    names, rows = rows[0], rows[1:]
    if any(len(row) != len(names) for row in rows):
        raise ReductionError(f"{path}: rows differ in length from its {len(names)} columns; restore the table")
    return {name: _typed(values) for name, values in zip(names, zip(*rows, strict=True), strict=True)}


def _typed(values):
    try:
        return np.array(values, float)
    except ValueError:
        array = np.array(values)
        return array == "True" if set(values) <= {"True", "False"} else array
