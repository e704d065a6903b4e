"""Figures of every step, drawn from products on disk in jobs of their own: nothing waits for them."""

import importlib
import logging

from soxslib.errors import ReductionError

log = logging.getLogger("soxslib")

MODULES = {"stare": "science", "nod": "science", "offset": "science"}  # steps that share a figure


def draw(sources):
    """The figure of a task; a card that says why when the task failed or its products cannot be drawn."""
    from soxslib.plots.card import card

    reason = None
    try:
        reason = sources.failure
        if reason is None:
            module = importlib.import_module(f"soxslib.plots.{MODULES.get(sources.step, sources.step)}")
            return module.plot(sources)
    except ReductionError as error:
        reason = str(error)
    except Exception as error:
        log.exception("%s %s: cannot be drawn", sources.step, sources.stem)
        reason = f"cannot be drawn ({type(error).__name__}: {error}); see the plot's log"
    log.warning("%s %s: %s", sources.step, sources.stem, reason)
    return card(sources.step, sources.stem, reason)


def make(sources, png, pdf):
    """Draws a task's figure and writes it as PNG and PDF."""
    from soxslib.plots import style

    with style.styled():
        style.save(draw(sources), png, pdf)
