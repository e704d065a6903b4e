"""python -m soxslib is the command soxs."""

import sys

from soxslib.cli.main import main

sys.exit(main())
