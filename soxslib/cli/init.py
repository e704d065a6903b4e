"""`soxs init NIGHT`: a directory ready for `snakemake`. Raw files are not touched."""

from pathlib import Path

from soxslib import kernels, workflow_dir
from soxslib.config.document import config_text
from soxslib.errors import ReductionError


def add_arguments(parser):
    parser.add_argument("night", help="directory that holds the raw files (or its raw/ does); made when missing")
    parser.add_argument("--force", action="store_true", help="write files anew that are there already")


def main(options):
    night = Path(options.night)
    if night.exists() and not night.is_dir():
        raise ReductionError(f"{night} is a file; name the directory that holds the raw files")
    for name, text in _files().items():
        path = night / name
        if path.exists() and not options.force:
            print(f"kept   {path}")
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf8")
        print(f"wrote  {path}")
    kernels.build()  # before the first jobs would, each by itself
    print(f"next:  cd {night}; snakemake -n; snakemake --cores 4")
    return 0


def _files():
    """{name in the night directory: content}."""
    source = workflow_dir()
    return {
        "Snakefile": (source / "config" / "night.smk").read_text(encoding="utf8"),
        "config.yaml": config_text(),
        "profiles/default/config.yaml": (source / "profiles" / "default" / "config.yaml").read_text(encoding="utf8"),
        "slurm/config.yaml": (source / "profiles" / "slurm" / "config.yaml").read_text(encoding="utf8"),
    }
