"""The barycentric correction as a header card."""

from soxslib.instruments import load_instrument
from soxslib.numerics.barycentre import DAY_S, barycentric_correction_km_s


def barycentric_cards(header):
    """{card: (value, comment)}: the correction at the middle of the exposure.

    {} when the header lacks time or position.
    """
    try:
        mjd, ra, dec = (float(header[c]) for c in ("MJD-OBS", "RA", "DEC"))
    except (KeyError, TypeError, ValueError):
        return {}
    duration = header.get("ESO DET SEQ1 EXPTIME") or header.get("EXPTIME") or 0.0
    site = load_instrument(str(header["INSTRUME"]).strip()).data["observatory"]
    velocity = barycentric_correction_km_s(mjd + 0.5 * float(duration) / DAY_S, ra, dec, site)
    return {"HIERARCH ESO QC BARYCORR": (round(velocity, 4), "[km/s] add to velocities")}
