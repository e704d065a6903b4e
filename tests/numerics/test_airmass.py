"""Airmass of a place on the sky. The right altitudes are those of astropy's AltAz, computed once; those of airmasses, secants."""

import numpy as np
import pytest

from soxslib.numerics.airmass import airmass_at, airmass_of, altitude_deg

SITE = dict(longitude_deg=-70.7345, latitude_deg=-29.2584)
ASTROPY = [  # MJD, RA, Dec, altitude [deg]
    (58119.25, 130.0, -30.0, 81.2055),
    (60000.4, 245.89, -39.23, 72.1035),
    (61068.03, 88.1, -32.94, 71.6982),
    (61233.1, 310.0, 5.0, 27.0139),
]


@pytest.mark.parametrize(("mjd", "ra", "dec", "expected"), ASTROPY)
def test_altitudes_agree_with_astropy(mjd, ra, dec, expected):
    # 20 arcsec of aberration, and UT1 - UTC of at most 0.9 s
    assert altitude_deg(mjd, ra, dec, SITE) == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("altitude", [90.0, 60.0, 42.0, 30.0])
def test_is_the_secant_of_the_zenith_distance(altitude):
    secant = 1.0 / np.sin(np.radians(altitude))
    # the air's curvature makes it less, by 0.5 per cent at 30 degrees (Hardie 1962)
    assert secant * (1 - 0.006 * (secant - 1)) <= airmass_at(altitude) <= secant


@pytest.mark.parametrize("altitude", [-90.0, -1.0, 0.0, 5.0, 91.0, np.nan])
def test_nothing_is_observed_below(altitude):
    assert airmass_at(altitude) is None


def test_holds_at_the_middle_of_the_exposure():
    args = (130.0, 5.0, SITE)
    assert airmass_of(58119.2, 7200.0, *args) == airmass_at(altitude_deg(58119.2 + 1 / 24, *args))
