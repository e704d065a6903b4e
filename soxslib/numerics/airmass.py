"""How much air lies in a line of sight."""

import numpy as np

from soxslib.numerics.barycentre import DAY_S, terrestrial_time

HIGHEST = 5.0  # no spectrograph's telescope points lower


def airmass_at(altitude_deg):
    """Airmass at an altitude: Hardie 1962, as telescopes tell it (SLALIB's AIRMAS). None where none can observe."""
    if not 0.0 < altitude_deg <= 90.0:
        return None
    s = 1.0 / np.sin(np.radians(altitude_deg)) - 1.0
    value = float(1.0 + s * (0.9981833 - s * (0.002875 + 0.0008083 * s)))
    return value if 1.0 <= value <= HIGHEST else None


def altitude_deg(mjd_utc, ra_deg, dec_deg, site):
    """Altitude of a place of J2000, without refraction, aberration and UT1 - UTC: right to 0.02 degrees above 15.

    `site`: longitude_deg (east), latitude_deg.
    """
    import erfa  # 30 ms, against a second for astropy.coordinates

    tt, ut = terrestrial_time(mjd_utc), (2400000.5, mjd_utc)
    ra, dec = erfa.c2s(erfa.pnm06a(*tt) @ erfa.s2c(np.radians(ra_deg), np.radians(dec_deg)))  # equator of date
    hour_angle = erfa.gst06a(*ut, *tt) + np.radians(site["longitude_deg"]) - ra
    return float(np.degrees(erfa.hd2ae(hour_angle, dec, np.radians(site["latitude_deg"]))[1]))


def airmass_of(mjd_utc, duration_s, ra_deg, dec_deg, site):
    """Airmass of a place at the middle of an exposure that began at `mjd_utc`; None where none can observe."""
    return airmass_at(altitude_deg(mjd_utc + 0.5 * duration_s / DAY_S, ra_deg, dec_deg, site))
