"""One measured number of a product."""

from dataclasses import asdict, dataclass
from math import isfinite


@dataclass(frozen=True)
class Metric:
    """A number with its name (words in upper case, as in ESO QC cards), unit and meaning; `order` None for the whole product;
    `file`: of the raw frame that it is of, where that is not the first."""

    name: str
    value: float | int | str
    unit: str = ""
    meaning: str = ""
    order: int | None = None
    file: str | None = None

    @property
    def card(self):
        """Its header card, one per order so that none overwrites another."""
        return f"ESO QC {self.name}" + ("" if self.order is None else f" O{self.order}")

    def as_dict(self):
        return {key: value for key, value in asdict(self).items() if key != "file" or value}


def header_cards(metrics):
    """{card: (value, comment)} of metrics; what is no finite number is left out (FITS has none)."""
    out = {}
    for m in metrics:
        if m.value is None or (not isinstance(m.value, str) and not isfinite(m.value)):
            continue
        value = float(m.value) if hasattr(m.value, "dtype") and m.value.dtype.kind == "f" else m.value
        value = int(value) if hasattr(value, "dtype") else value
        comment = f"[{m.unit}] {m.meaning}" if m.unit else m.meaning
        room = 80 - len(f"HIERARCH {m.card} = {value!r} / ") - 2
        out[f"HIERARCH {m.card}"] = (value, comment[: max(room, 0)])
    return out
