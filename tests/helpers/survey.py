"""A survey of many nights as header-only frames: what index and plan cost grows with them, pixels do not matter."""

from datetime import datetime, timedelta

from stubs import make_night

FIRST_EVENING = datetime(2026, 1, 1)
FILLER = {f"ESO TEL AMBI FACT{i}": round(0.37 * i, 2) for i in range(250)}  # true headers have some 300 cards


def write_survey(folder, frames, first=FIRST_EVENING):
    """Evenings of the nights written, `frames` frames in all: both arms, 27 frames a night."""
    evening, left, evenings = first, frames, []
    while left:
        stubs = make_night(evening=evening)[:left]
        for stub in stubs:
            stub.cards = FILLER | (stub.cards or {})
            stub.write(folder)
        evenings.append(evening.date().isoformat())
        left -= len(stubs)
        evening += timedelta(days=1)
    return evenings
