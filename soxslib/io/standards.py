"""Flux standards and extinction of an instrument's observatory, from its tables."""

import re
from dataclasses import dataclass

import numpy as np

from soxslib.errors import ReductionError
from soxslib.instruments import load_instrument
from soxslib.io.products import read_table
from soxslib.io.tables import read_ecsv
from soxslib.numerics.telluric import MOLECULES


@dataclass(frozen=True)
class Standard:
    """A star of known flux, and what hides its continuum: bands [(low, high)] and lines [nm, air]."""

    name: str
    wavelength_nm: np.ndarray
    flux: np.ndarray  # erg/s/cm2/Angstrom above the atmosphere
    telluric_nm: np.ndarray
    molecules: np.ndarray  # of the bands, indices into numerics.telluric.MOLECULES
    lines_nm: np.ndarray
    doubt: str = ""  # one line on what speaks against its being this star


def read_standard(exposure):
    """The Standard that an exposure looked at, by its position; by its name where the header has none."""
    instrument = load_instrument(exposure.instrument)
    data = instrument.yaml("standards.yaml")
    name = identify(exposure, data["stars"], data["match_arcsec"])
    table = read_table(instrument.table_path(exposure.arm, "flux_standards"))
    flux = table[name].astype(float)
    k = np.isfinite(flux) & (flux > 0)
    lines, doubt = np.array(data["stellar_lines_nm"], float), _doubt(exposure, name, data["stars"])
    return Standard(name, table["wavelength"][k].astype(float), flux[k], *read_telluric(exposure), lines, doubt)


def read_telluric(exposure):
    """(bands [(low, high)] in nm of air, index of the molecule of each) of the atmosphere's absorption."""
    data = load_instrument(exposure.instrument).yaml("standards.yaml")
    return np.array(data["telluric_nm"], float), np.array([MOLECULES.index(m) for m in data["telluric_molecules"]])


def identify(exposure, stars, match_arcsec):
    """Name of the standard in the library: the star where the telescope looked, whatever it is called.

    A name decides only where the header has no position: targets are called after standards that they are not.
    """
    named, where = named_star(exposure, stars), "unknown position"
    if exposure.position_deg is not None:
        where = "RA {:.4f}, DEC {:.4f}".format(*exposure.position_deg)
        distance = {name: _distance_arcsec(exposure, star) for name, star in stars.items()}
        nearest = min(distance, key=distance.get)
        if distance[nearest] < match_arcsec:
            return nearest
    elif named:
        return named
    name = exposure.target_name or exposure.object_name or "star"
    but = f", {named} is elsewhere" if named else ""
    raise ReductionError(
        f"{exposure.file}: {name!r} at {where} is not a flux standard of the library ({', '.join(stars)}){but}; "
        f"observe one of these or add the star to standards.yaml and flux_standards.fits"
    )


def named_star(exposure, stars):
    """Name of the library's star that the header names in whole words (EG 274, STD_EG274, CD-38 10980); None without."""
    for text in (exposure.target_name, exposure.object_name, exposure.obs_name):
        words = re.findall(r"[A-Z0-9]+", re.split(r"\sV\s*[0-9=]", text.upper())[0])
        runs = {"".join(words[i:j]) for i in range(len(words)) for j in range(i + 1, i + 4)}
        for name, star in stars.items():
            if not runs.isdisjoint((name, *star["aliases"])):
                return name
    return None


def _doubt(exposure, name, stars):
    """What speaks against the star that was found, ''."""
    named = named_star(exposure, stars)
    if named in (None, name):
        return ""
    return (
        f"{exposure.file}: its name says {named}, its RA and DEC are those of {name}, whose flux is used; "
        f"exclude the frame if the telescope was elsewhere"
    )


def _distance_arcsec(exposure, star):
    """Distance on the sky, the star moved to the exposure's date."""
    years = (exposure.mjd - 51544.5) / 365.25
    cosine = np.cos(np.radians(star["dec_deg"]))
    east = (exposure.ra_deg - star["ra_deg"] + 180.0) % 360.0 - 180.0
    north = exposure.dec_deg - star["dec_deg"]
    return np.hypot(east * cosine * 3600 - star["pm_ra"] * years / 1000, north * 3600 - star["pm_dec"] * years / 1000)


def read_extinction(exposure):
    """(wavelength [nm], magnitudes per airmass) of the observatory."""
    instrument = load_instrument(exposure.instrument)
    t = read_ecsv(instrument.table_path(exposure.arm, "extinction"))
    return t["wavelength"] / 10.0, t["mag_per_airmass"]
