"""Exposures that are there more than once: unpacked beside the packed file, or under another name. Each counts once."""


def without_copies(frames, preferred=()):
    """(the frames without copies of each other, a note on each copy). Independent of the order of `frames`.

    Of an exposure's files that one is used whose name is among the preferred ones, else the first by its path.
    """
    kept, notes = {}, []
    for frame in sorted(frames, key=lambda f: (f.entry.name not in preferred, f.path)):
        same = kept.setdefault(_identity(frame.exposure), [])
        original = next((f for f in same if _may_be_one(f.exposure, frame.exposure)), None)
        if original is None:
            same.append(frame)
            continue
        is_namesake = original.entry.name == frame.entry.name
        name, other = (frame.path, original.path) if is_namesake else (frame.entry.name, original.entry.name)
        notes.append(f"{name}: the same exposure as {other}, which is used")
    return [frame for same in kept.values() for frame in same], sorted(notes)


def _identity(exposure):
    """What copies of an exposure share: a detector starts one exposure at a time, two arms may start together."""
    return exposure.arm, exposure.mjd, exposure.type, exposure.exposure_s


def _may_be_one(one, other):
    """False where the archive tells two exposures apart; before it has taken a frame in, it has no name for it."""
    return not (one.archive_file and other.archive_file) or one.archive_file == other.archive_file
