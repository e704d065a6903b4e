"""Header-only raw frames: what the scan, the plan and the workflow need, without pixels."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

SLIT_CARD = {"VIS": "ESO INS VISE NAME", "NIR": "ESO INS NISE NAME"}
LAMP_CARD = {
    "QTH": "Qth_Lamp",
    "DEUT": "Deut_Lamp",
    "THAR": "ThAr_Lamp",
    "ARGO": "Ar",
    "MERC": "Hg",
    "NEON": "Ne",
    "XENO": "Xe",
}


def card(key, value):
    """One header card of 80 characters."""
    if isinstance(value, bool):
        text = "T" if value else "F"
    elif isinstance(value, str):
        text = f"'{value}'"
    else:
        text = repr(value)
    word = f"{key:8s}= " if len(key) <= 8 and " " not in key else f"HIERARCH {key} = "
    return f"{word}{text}".ljust(80)[:80]


def fits_bytes(cards):
    """A FITS file without data."""
    lines = [
        card("SIMPLE", True),
        card("BITPIX", 8),
        card("NAXIS", 0),
        *(card(k, v) for k, v in cards.items()),
        "END".ljust(80),
    ]
    text = "".join(lines)
    return text.ljust(-(-len(text) // 2880) * 2880).encode("ascii")


@dataclass
class Stub:
    """One frame of a made-up night; `cards` override what the other facts give."""

    arm: str
    kind: str
    start: datetime
    exposure_s: float = 30.0
    slit: str = "SLIT1.0"
    lamps: tuple = ()
    technique: str = "IMAGE"
    target: str = ""
    template_start: datetime | None = None
    cards: dict | None = None

    def header(self):
        mjd = (self.start - datetime(1858, 11, 17)).total_seconds() / 86400
        template = (self.template_start or self.start).isoformat(timespec="milliseconds")
        is_sky = self.kind.startswith(("OBJECT", "STD"))
        out = {
            "INSTRUME": "SOXS",
            "OBJECT": self.target or self.kind,
            "EXPTIME": float(self.exposure_s),
            "MJD-OBS": round(mjd, 8),
            "ESO SEQ ARM": self.arm,
            "ESO DPR CATG": "SCIENCE" if self.kind.startswith("OBJECT") else "CALIB",
            "ESO DPR TYPE": self.kind,
            "ESO DPR TECH": self.technique,
            "ESO DET BINX": 1,
            "ESO DET BINY": 1,
            "ESO DET READ CURID": 1 if self.arm == "VIS" else 3,
            SLIT_CARD[self.arm]: self.slit,
            "ESO OBS ID": 100,
            "ESO OBS TARG NAME": self.target or self.kind,
            "ESO TPL START": template,
            "ESO TPL NEXP": 2,
        }
        out |= {f"ESO INS {lamp} NAME": LAMP_CARD[lamp] for lamp in self.lamps}
        if is_sky:
            out |= {"ESO TEL AIRM START": 1.1, "ESO ADA ABSROT END": 12.5, "ESO TEL PARANG START": 10.0}
        return out | (self.cards or {})

    @property
    def name(self):
        return f"SOXS.{self.start.isoformat(timespec='milliseconds')}.fits"

    def write(self, folder):
        path = Path(folder) / self.name
        path.parent.mkdir(parents=True, exist_ok=True)
        cards = {k: v for k, v in self.header().items() if v is not None}
        path.write_bytes(fits_bytes(cards))
        return path


ARC_LAMPS = {"VIS": ("THAR",), "NIR": ("ARGO", "MERC", "NEON", "XENO")}


def make_night(arms=("VIS", "NIR"), evening=datetime(2026, 1, 27), sky=True, standard=True, offset_ms=0):
    """Stubs of a small night: calibrations in the afternoon, a nodded standard, nodded and stared science."""
    out = []
    for number, arm in enumerate(arms):
        t = evening + timedelta(hours=16, milliseconds=137 * number + offset_ms)

        def later(minutes, t=t):
            return t + timedelta(minutes=minutes)

        if arm == "VIS":
            out += [Stub(arm, "BIAS", later(i * 0.4), 0.0, "BLANK", template_start=t) for i in range(3)]
        else:
            out += [Stub(arm, "DARK", later(i * 8), s, "BLANK") for i, s in enumerate((20.0, 100.0, 300.0))]
        out += [
            Stub(arm, "LAMP,WAVE", later(30), 20.0, "PINHOLE", ARC_LAMPS[arm], "ECHELLE,PINHOLE"),
            Stub(arm, "LAMP,FLAT", later(32), 20.0, "PINHOLE", ("QTH",), "ECHELLE,PINHOLE"),
            Stub(arm, "LAMP,FLAT", later(34), 20.0, "SLIT1.0", ("QTH",), "ECHELLE,SLIT"),
            Stub(arm, "LAMP,FLAT", later(35), 20.0, "SLIT1.0", ("QTH",), "ECHELLE,SLIT"),
            Stub(arm, "LAMP,WAVE", later(38), 20.0, "MULTPIN", ARC_LAMPS[arm], "ECHELLE,MULTI-PINHOLE"),
        ]
        if standard:
            out += _nod(arm, "STD,FLUX", later(500), 60.0, "SLIT5.0", "EG274")
        if sky:
            out += _nod(arm, "OBJECT", later(520), 600.0, "SLIT1.0", "SN1")
            out.append(Stub(arm, "OBJECT", later(560), 300.0, "SLIT1.0", (), "ECHELLE,SLIT,STARE", "SN2"))
    return out


def _nod(arm, kind, start, exposure_s, slit, target):
    return [
        Stub(arm, kind, start + timedelta(seconds=i * (exposure_s + 20)), exposure_s, slit, (), "ECHELLE,SLIT,NODDING", target,
             template_start=start, cards={"ESO SEQ CUMOFF Y": 2.5 - 5 * i})
        for i in range(2)
    ]  # fmt: skip
