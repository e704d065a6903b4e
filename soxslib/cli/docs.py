"""`soxs docs`: the documentation that is made from the models."""

from pathlib import Path

from soxslib.config.document import settings_text


def add_arguments(parser):
    parser.add_argument("path", nargs="?", default="docs/settings.md")


def main(options):
    Path(options.path).write_text(settings_text(), encoding="utf8")
    print(f"wrote  {options.path}")
    return 0
