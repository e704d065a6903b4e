"""Reduction of SOXS spectra: algorithms, data model and the workflow that uses them."""

from pathlib import Path

__version__ = "0.1.0"


def workflow_dir():
    """Directory that holds the Snakefile, rules/ and scripts/: inside the wheel, else the checkout's root."""
    package = Path(__file__).resolve().parent
    packed = package / "workflow_files"
    return packed if (packed / "Snakefile").exists() else package.parent
