"""Headers as ordered cards, from and to the 80 characters of FITS.

astropy's headers take a quarter of a second for each product with a telescope's five hundred cards, and their package half
a second to import: more than most jobs need for their work. These know what products need; astropy reads them, in a test.
"""

from soxslib.io.headers import BLOCK, split_card

WIDTH = 80


class Header:
    """Cards {keyword: (value, comment)} in their order; ESO's long keywords with or without HIERARCH.

    A value set without comment keeps the comment that is there.
    """

    def __init__(self, cards=()):
        """cards: another Header, or (keyword, value[, comment])."""
        self._cards = {}
        self.extend(cards)

    def __contains__(self, keyword):
        return _name(keyword) in self._cards

    def __getitem__(self, keyword):
        return self._cards[_name(keyword)][0]

    def __setitem__(self, keyword, value):
        if isinstance(value, tuple):
            self.set(keyword, *value)
        else:
            self.set(keyword, value)

    def __delitem__(self, keyword):
        del self._cards[_name(keyword)]

    def __iter__(self):
        return iter(self._cards)

    def __len__(self):
        return len(self._cards)

    def get(self, keyword, default=None):
        return self._cards.get(_name(keyword), (default, ""))[0]

    def set(self, keyword, value, comment=None):
        name = _name(keyword)
        if comment is None:
            comment = self._cards.get(name, (None, ""))[1]
        self._cards[name] = (value, comment)

    def cards(self):
        """(keyword, value, comment) of each card."""
        return ((name, value, comment) for name, (value, comment) in self._cards.items())

    def extend(self, cards):
        """Takes over cards, with their comments where they have some."""
        for name, value, *comment in cards.cards() if isinstance(cards, Header) else cards:
            self.set(name, value, *comment)

    def copy(self):
        out = Header()
        out._cards = dict(self._cards)
        return out


def _name(keyword):
    return keyword.removeprefix("HIERARCH ")


def parse(lines):
    """The Header of 80-character lines; what holds no value (COMMENT, HISTORY, blank cards) is left out."""
    out, last = Header(), None
    for line in lines:
        if line.startswith("CONTINUE"):
            before = out.get(last)
            if isinstance(before, str) and before.endswith("&"):
                out[last] = before[:-1] + str(split_card(line[8:])[0] or "")
            continue
        is_plain = line[8:10] == "= "
        if not is_plain and not (line.startswith("HIERARCH ") and "=" in line):
            continue
        last, raw = (line[:8].rstrip(), line[10:]) if is_plain else line[9:].split("=", 1)
        last = last.strip()
        if last not in out:  # the first of two wins
            out.set(last, *split_card(raw))
    return out


def header_bytes(header):
    """The cards with END, filled to whole blocks."""
    text = "".join(_card(*c) for c in header.cards()) + "END".ljust(WIDTH)
    return text.ljust(-(-len(text) // BLOCK) * BLOCK).encode("ascii", "replace")


def _card(name, value, comment):
    """80 characters, or several times as many of a text that is too long for one card."""
    is_long_name = len(name) > 8 or " " in name
    text = _value_text(value)
    if is_long_name:
        card = f"HIERARCH {name} = {text}"
        card = card if len(card) <= WIDTH else f"HIERARCH {name}= {text}"
    else:
        card = f"{name:8}= {text:20}" if isinstance(value, str) else f"{name:8}= {text:>20}"
    if len(card) > WIDTH:
        if not isinstance(value, str):
            raise ValueError(f"header card {name} = {text} is longer than {WIDTH} characters")
        return _long_text(f"HIERARCH {name} = " if is_long_name else f"{name:8}= ", value)
    if comment:
        card = f"{card} / {comment}"[:WIDTH]
    return card.ljust(WIDTH)


def _value_text(value):
    if isinstance(value, str):
        return f"'{_quoted(value):8}'"
    if value is None:
        return ""
    if hasattr(value, "item"):  # a number of numpy's
        value = value.item()
    if isinstance(value, bool):
        return "T" if value else "F"
    if isinstance(value, int):
        return str(value)
    if value != value or value in (float("inf"), float("-inf")):
        raise ValueError(f"a header card cannot hold {value}")
    text = str(float(value)).replace("e", "E")
    mantissa, e, exponent = text.partition("E")
    return mantissa[: 20 - len(e + exponent)] + e + exponent


def _quoted(text):
    return text.replace("'", "''")


def _long_text(start, value):
    """A text over several cards, by the CONTINUE convention."""
    rest, out = value, []
    head = start
    while True:
        room = WIDTH - len(head) - len("'&'")
        piece = rest[:room]
        while len(_quoted(piece)) > room:
            piece = piece[:-1]
        rest = rest[len(piece) :]
        out.append(f"{head}'{_quoted(piece)}{'&' if rest else ''}'".ljust(WIDTH))
        if not rest:
            return "".join(out)
        head = "CONTINUE  "
