"""`soxs sof FILE`: the set of files a product was made from, in the form users know."""

import os
import sys
from pathlib import Path

from soxslib.catalogue.ancestry import night_of_product, origin_of
from soxslib.catalogue.scan import find_files
from soxslib.catalogue.sof import sof_lines
from soxslib.config.user import read_config
from soxslib.errors import ReductionError


def add_arguments(parser):
    parser.add_argument("file", help="a product, of any kind")
    parser.add_argument(
        "--output", "-o", metavar="SOF", help="write it there ('.': <stem>.sof here); default: print it"
    )


def main(options):
    root, path = night_of_product(options.file)
    if not (root / path).exists():
        raise ReductionError(f"{options.file}: there is no such file")
    here = Path.cwd()
    os.chdir(root)
    stem = origin_of(path).sidecar.get("stem") or Path(path).stem
    raws = {Path(p).name: os.path.normpath(p) for p in find_files(read_config().raw)}
    text = "\n".join([f"# {stem}", *sof_lines(path, raws)]) + "\n"
    if not options.output:
        sys.stdout.write(text)
        return 0
    target = here / (f"{stem}.sof" if options.output == "." else options.output)
    target.write_text(text, encoding="utf8")
    print(f"wrote  {target}")
    return 0
