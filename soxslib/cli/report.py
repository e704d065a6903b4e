"""`soxs report`: the report of what there is so far, without running anything."""

import os

from soxslib.catalogue.open import plan_file
from soxslib.config.user import read_config
from soxslib.report.build import FOLDER, build


def add_arguments(parser):
    parser.add_argument("night", nargs="?", default=".", help="the night directory (default: here)")


def main(options):
    os.chdir(options.night)
    config = read_config()
    story = build(plan_file(config), FOLDER, config.instrument)
    print(f"{FOLDER}/index.html: {len(story.targets)} targets, {len(story.calibrations)} calibrations")
    return 0
