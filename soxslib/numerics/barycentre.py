"""Velocity of an observatory towards a source, relative to the solar system's barycentre."""

import numpy as np

AU_KM, DAY_S, LIGHT_KM_S = 149597870.7, 86400.0, 299792.458
_POTENTIAL = 1.06e-8  # of the Sun at 1 au and of the Earth at its surface, over c^2
_TT_MINUS_UTC_D = 69.184 / DAY_S  # since 2017; a later leap second moves the result by less than 0.1 mm/s


def terrestrial_time(mjd_utc):
    """Terrestrial time of a moment, in the two parts of a Julian date that ERFA takes."""
    return 2400000.5, mjd_utc + _TT_MINUS_UTC_D


def barycentric_correction_km_s(mjd_utc, ra_deg, dec_deg, site):
    """What to add to a measured radial velocity [km/s]; positive while the observatory moves towards the source.

    `site`: longitude_deg (east), latitude_deg, height_m. Earth's velocity is the ephemeris of the ERFA library, which
    comes with astropy (5 mm/s); polar motion, UT1 - UTC and the light's deflection are left out (below 1 m/s).
    """
    import erfa  # 30 ms, against a second for astropy.coordinates

    tt, ut = terrestrial_time(mjd_utc), (2400000.5, mjd_utc)
    earth = erfa.epv00(*tt)[1]["v"] * (AU_KM / DAY_S)
    longitude, latitude = np.radians(site["longitude_deg"]), np.radians(site["latitude_deg"])
    spin = erfa.pvtob(longitude, latitude, site["height_m"], 0.0, 0.0, 0.0, erfa.gst06a(*ut, *tt))["v"] / 1000.0
    # from the equator of date back to that of J2000
    observer = earth + erfa.pnm06a(*tt).T @ spin
    ra, dec = np.radians(ra_deg), np.radians(dec_deg)
    source = np.array([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)])
    towards = observer @ source / LIGHT_KM_S
    # the observatory's clock: speed and potential (Wright and Eastman 2014, PASP 126, 838, eq. 2)
    gamma = 1.0 / np.sqrt(1.0 - observer @ observer / LIGHT_KM_S**2)
    return float(LIGHT_KM_S * (gamma * (1.0 + towards) * (1.0 + _POTENTIAL) - 1.0))
