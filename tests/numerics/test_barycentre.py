"""Barycentric correction. The right answers are astropy's radial_velocity_correction("barycentric"), computed once."""

import pytest

from soxslib.numerics.barycentre import barycentric_correction_km_s

SITE = dict(longitude_deg=-70.7345, latitude_deg=-29.2584, height_m=2375.0)
ASTROPY = [  # MJD, RA, Dec [deg], km/s
    (58119.25, 10.0, -30.0, -25.37802),
    (60000.5, 245.89, -39.23, 28.52524),
    (61068.03, 130.38, -32.94, 6.57497),
    (61233.9, 310.0, 5.0, 11.17280),
    (61500.125, 88.1, -75.0, 4.21056),
]


@pytest.mark.parametrize(("mjd", "ra", "dec", "expected"), ASTROPY)
def test_agrees_with_astropy(mjd, ra, dec, expected):
    # 1 m/s: what polar motion and UT1 - UTC, left out here, can do
    assert barycentric_correction_km_s(mjd, ra, dec, SITE) == pytest.approx(expected, abs=0.001)
