"""Which metrics the code of a step names: its module of soxslib.qc and those of the package that this one imports."""

import ast
import re
from pathlib import Path

import soxslib.qc

FOLDER = Path(soxslib.qc.__file__).parent
COMMON = FOLDER.parent / "job.py"  # what every step measures
WITHOUT = {"metric", "verdicts", "limits"}


def names_of(step):
    """Regular expressions of a step's metrics; parts that are put in at run time match anything."""
    return {pattern for path in (*_modules(step), COMMON) for pattern in _patterns(path)}


def is_measured(step, name):
    return any(re.fullmatch(pattern, name) for pattern in names_of(step))


def _modules(name, seen=()):
    path = FOLDER / f"{name}.py"
    if name in seen or name in WITHOUT or not path.exists():
        return []
    found = [path]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("soxslib.qc."):
            found += _modules(node.module.rsplit(".", 1)[1], (*seen, name))
    return found


def _patterns(path):
    """Every literal that could be a metric's name: words in upper case."""
    for node in ast.walk(ast.parse(path.read_text())):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and re.fullmatch("[A-Z][A-Z0-9 ]+", node.value)
        ):
            yield re.escape(node.value)
        elif isinstance(node, ast.JoinedStr):
            fixed = [part.value if isinstance(part, ast.Constant) else None for part in node.values]
            if fixed[0] and re.fullmatch("[A-Z][A-Z0-9 ]+", fixed[0]):
                yield "".join("[A-Z0-9]+" if part is None else re.escape(part) for part in fixed)
