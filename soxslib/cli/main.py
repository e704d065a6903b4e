"""`soxs`: what a user types beside `snakemake`."""

import argparse
import sys
from importlib import import_module

from soxslib import __version__
from soxslib.errors import ReductionError

# name -> (module with add_arguments and main, one line of help); modules are read when their command is asked for
COMMANDS = {
    "init": ("soxslib.cli.init", "make a directory ready for reduction: Snakefile, config.yaml, profiles"),
    "plan": ("soxslib.cli.plan", "show what will be reduced with which calibrations, and what is missing and why"),
    "explain": (
        "soxslib.cli.explain",
        "show everything a product was made from: frames, calibrations, settings, checks",
    ),
    "sof": ("soxslib.cli.sof", "write the set of files of a product, which the config can fix an association with"),
    "report": ("soxslib.cli.report", "write the report of what there is so far"),
    "watch": ("soxslib.cli.watch", "reduce frames as they arrive"),
    "simulate": ("soxslib.simulate", "make a raw night with known truth"),
    "accuracy": ("soxslib.simulate.report", "compare the products of a simulated night with its truth"),
    "docs": ("soxslib.cli.docs", "write docs/settings.md from the settings models"),
}


def main(arguments=None):
    """Exit status of a command; what goes wrong is one line."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        return _run(arguments) or 0
    except ReductionError as error:
        print(f"soxs: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # `soxs plan | head`
        return 0


def _run(arguments):
    command = next((word for word in arguments if not word.startswith("-")), None)
    parser = argparse.ArgumentParser(prog="soxs", description="Reduction of SOXS spectra with Snakemake.")
    parser.add_argument("--version", action="version", version=f"soxs {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (module, text) in COMMANDS.items():
        sub = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        if name == command:
            import_module(module).add_arguments(sub)
    options = parser.parse_args(arguments)
    return import_module(COMMANDS[options.command][0]).main(options)
