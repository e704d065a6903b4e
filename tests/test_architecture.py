"""Layers point down only, names agree, and a job imports little: rules that are not tested decay."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from soxslib.config.settings import CONFIGURED

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "soxslib"
MODULES = sorted(p for p in PACKAGE.rglob("*.py") if "workflow_files" not in p.parts)

# what a layer may import from the package; itself and soxslib.errors always
ALLOWED = {
    "datamodel": set(),
    "instruments": set(),
    "kernels": set(),
    "numerics": {"datamodel", "kernels"},
    "recipes": {"datamodel", "numerics", "instruments"},
    "io": {"datamodel", "instruments", "kernels", "numerics", "recipes"},  # an edge: it writes what recipes return
    "config": {"instruments", "qc", "recipes"},  # recipes hold the defaults of their shared parts: jobs need no models
}
# third-party modules that only some layers may import
KEPT_TO = {
    "sqlalchemy": {"catalogue"},
    "pydantic": {"config"},
    "snakemake": {"catalogue"},
    "astropy.io": {"io", "simulate"},
}


def imports_of(path):
    """Names of the modules that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def layer_of(name):
    return name.split(".")[1] if name.count(".") else ""


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_arrows_point_down(path):
    layer = path.relative_to(PACKAGE).parts[0]
    if layer not in ALLOWED:
        return
    used = {layer_of(n) for n in imports_of(path) if n.startswith("soxslib.")}
    used -= {layer, "errors", "__version__", "workflow_dir"}
    assert used <= ALLOWED[layer], f"{layer} imports {used - ALLOWED[layer]}"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_libraries_stay_where_they_belong(path):
    layer = path.relative_to(PACKAGE).parts[0]
    for library, layers in KEPT_TO.items():
        found = any(name == library or name.startswith(f"{library}.") for name in imports_of(path))
        assert not found or layer in layers, f"{library} belongs in {', '.join(sorted(layers))}"


def test_no_algorithm_knows_an_arm():
    for layer in ("numerics", "recipes"):
        for path in (PACKAGE / layer).rglob("*.py"):
            words = {n.value for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Constant)}
            assert not words & {"VIS", "NIR", "UVB"}, f"{path.name} names an arm"


@pytest.mark.parametrize("step", CONFIGURED)
def test_a_step_has_one_name_everywhere(step):
    for name in (f"scripts/{step}.py", f"soxslib/recipes/{step}.py", f"soxslib/config/steps/{step}.py", f"soxslib/qc/{step}.py",
                 f"tests/recipes/test_{step}.py"):  # fmt: skip
        assert (ROOT / name).exists(), name


@pytest.mark.parametrize("step", CONFIGURED)
def test_scripts_are_short(step):
    assert len((ROOT / "scripts" / f"{step}.py").read_text().splitlines()) <= 45


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_modules_and_functions_are_of_readable_size(path):
    text = path.read_text()
    assert len(text.splitlines()) <= 330, "split the module: 300 lines read well"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno - node.lineno < 60, f"{node.name} is {node.end_lineno - node.lineno + 1} lines long"


@pytest.mark.parametrize("step", CONFIGURED)
def test_a_job_imports_no_heavy_library(step):
    code = f"import sys, soxslib.job, soxslib.recipes.{step}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    heavy = {"pydantic", "sqlalchemy", "pandas", "matplotlib", "snakemake", "astropy.table", "astropy.coordinates"}
    assert not heavy & set(done.stdout.split())
