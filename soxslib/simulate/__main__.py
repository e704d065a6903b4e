"""`python -m soxslib.simulate OUT` is `soxs simulate OUT`."""

import argparse

from soxslib.simulate import add_arguments, main

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="soxs simulate")
    add_arguments(parser)
    raise SystemExit(main(parser.parse_args()))
