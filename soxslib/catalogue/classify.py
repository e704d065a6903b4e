"""What role a frame plays, by the instrument's frame types."""

from dataclasses import dataclass

from soxslib.catalogue.scan import Entry
from soxslib.instruments import load_instrument


@dataclass(frozen=True)
class Frame:
    """A raw frame with its role. step: for frames of the sky, by their mode; reason: why it has no role."""

    entry: Entry
    role: str | None
    step: str | None = None
    reason: str = ""

    @property
    def objection(self):
        """The reason without the file's name."""
        return self.reason.split(": ", 1)[-1]

    @property
    def exposure(self):
        return self.entry.exposure

    @property
    def path(self):
        return self.entry.path


def classify(entry, frame_types):
    """The Frame of a good entry; without a role, with the reason, when no frame type fits."""
    exposure = entry.exposure
    reason = f"{entry.name}: no use for DPR TYPE {exposure.type!r} with TECH {exposure.technique!r}"
    for kind in frame_types["frames"]:
        if not _fits(kind, exposure):
            continue
        objection = _objection(kind, exposure)
        if objection:
            return Frame(entry, None, None, f"{entry.name}: {objection}")
        if kind["role"] not in frame_types["sky_roles"]:
            return Frame(entry, kind["role"])
        step = frame_types["modes"].get(exposure.technique)
        if step is not None:
            return Frame(entry, kind["role"], step)
        reason = (
            f"{entry.name}: TECH {exposure.technique!r} is no mode of a spectrum ({', '.join(frame_types['modes'])})"
        )
    return Frame(entry, None, None, reason)


def _fits(kind, exposure):
    lamps_fit = exposure.lamps == () if kind.get("lamps") == "none" else True
    return (
        exposure.type in kind.get("type", [exposure.type])
        and exposure.technique in kind.get("technique", [exposure.technique])
        and exposure.arm in kind.get("arms", [exposure.arm])
        and lamps_fit
    )


def _objection(kind, exposure):
    """Why a frame of this type must not be used, or ''."""
    slit = kind.get("slit")
    if slit and exposure.slit and not exposure.slit.upper().startswith(slit):
        return f"{kind['role'].replace('_', ' ')} with the slit wheel at {exposure.slit}, not at {slit}: of no use"
    if slit == "SLIT" and exposure.slit and exposure.slit_width_arcsec is None:  # a long slit's name ends in its width
        card = load_instrument(exposure.instrument).data["slit_card"][exposure.arm]
        return (
            f"{kind['role'].replace('_', ' ')} whose header card {card} holds {exposure.slit!r}, a slit of no width; "
            f"exclude the frame or restore the card"
        )
    if slit and not exposure.exposure_s:  # who needs a slit takes in light
        role = kind["role"].replace("_", " ")
        return f"{role} whose header card EXPTIME holds 0; exclude the frame or restore the card"
    lamps = kind.get("lamps")
    wanted = lamps.get(exposure.arm) if isinstance(lamps, dict) else None
    if wanted and exposure.lamps and not set(wanted) & set(exposure.lamps):
        return f"{kind['role'].replace('_', ' ')} of lamp {'+'.join(exposure.lamps)}; {' or '.join(wanted)} is needed"
    return ""
