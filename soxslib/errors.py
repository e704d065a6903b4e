"""The one exception that a user is meant to read."""


class ReductionError(Exception):
    """What was found, what was needed and what to do, in one line, with the file and the numbers."""


class NotReducedError(ReductionError):
    """A frame that is sound but not this software's: another instrument, the acquisition camera, simulation mode."""
