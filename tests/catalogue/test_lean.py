"""Params written down without pandas read as with it, and tables of pandas are still told apart."""

import subprocess
import sys

CODE = """
import sys
from types import SimpleNamespace
from snakemake.persistence.file import FilePersistence
from soxslib.catalogue.lean import keep_pandas_out
persistence = FilePersistence.__new__(FilePersistence)
write = lambda value: type(persistence)._serialize_param.fget(persistence)(value)
values = [None, 1, 0.5, "VIS", [1, 2], {"clip": {"sigma": 5.0}}]
keep_pandas_out()
keep_pandas_out()  # a Snakefile may be read twice
lean = [write(value) for value in values]
assert "pandas" not in sys.modules
import pandas
assert [write(value) for value in values] == lean == [repr(value) for value in values]
assert write(pandas.Series([1, 2])) != write(pandas.Series([1, 3]))
"""


def test_params_are_written_without_pandas():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
