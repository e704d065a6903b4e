"""Calibrations made in other nights' directories, offered beside those of this plan."""

import os
from collections import defaultdict

from soxslib.catalogue.associate import Offer
from soxslib.catalogue.classify import Frame
from soxslib.catalogue.plan import load_rules
from soxslib.catalogue.scan import OK, Entry
from soxslib.catalogue.sets import FrameSet, night_of
from soxslib.errors import ReductionError
from soxslib.io.headers import read_header
from soxslib.io.keywords import exposure_of


def find_external(folders, instrument):
    """{step: [Offer]} of the products below the folders that another set may use, known by their headers."""
    rules = load_rules(instrument)
    wanted = {name: next(iter(rules["steps"][name]["outputs"].values())) for name in rules["association"]}
    offers = defaultdict(list)
    for folder in folders:
        if not os.path.isdir(folder):
            raise ReductionError(f"config: calibrations: {folder} is no directory; correct or remove it")
        for path in _files_below(folder):
            step = os.path.basename(os.path.dirname(path))
            if (
                step in wanted
                and path.endswith(wanted[step])
                and (offer := _offer(path, step, wanted[step], rules, instrument))
            ):
                offers[step].append(offer)
    return dict(offers)


def _files_below(folder):
    for root, folders, files in os.walk(folder):
        folders.sort()
        yield from (os.path.join(root, name) for name in sorted(files))


def _offer(path, step, suffix, rules, instrument):
    """The Offer of a product, or None when it is another kind of file, failed, or unreadable."""
    try:
        header, defect = read_header(path)
        if defect or header.get("ESO PRO REC1 ID") != step or "ESO PRO FAILED" in header:
            return None
        name = os.path.basename(path)
        exposure = exposure_of(header, name)
    except ReductionError:
        return None
    role = (rules["steps"][step].get("roles") or rules["steps"][step]["of_roles"])[0]
    frame = Frame(Entry(path, 0, 0.0, OK, exposure=exposure), role)
    night = night_of(exposure.mjd, instrument.data["night_offset_h"])
    return Offer(FrameSet(step, role, exposure.arm, night, (frame,), name.removesuffix(suffix)), path, external=True)
