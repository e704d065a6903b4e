"""Which standard was observed."""

import pytest

from soxslib.datamodel import Exposure
from soxslib.errors import ReductionError
from soxslib.instruments import load_instrument
from soxslib.io.standards import identify, read_extinction, read_standard

DATA = load_instrument("SOXS").yaml("standards.yaml")


def exposure(**facts):
    base = dict(
        file="x",
        instrument="SOXS",
        arm="VIS",
        category="CALIB",
        type="STD,FLUX",
        technique="",
        exposure_s=1.0,
        mjd=61068.0,
    )
    return Exposure(**{**base, **facts})


def who(**facts):
    return identify(exposure(**facts), DATA["stars"], DATA["match_arcsec"])


def test_position_wins_over_name_and_says_so():
    facts = dict(ra_deg=245.8908, dec_deg=-39.2297)
    assert who(**facts, target_name="GD71") == "EG274"
    doubt = read_standard(exposure(**facts, target_name="GD71")).doubt
    assert "name says GD71" in doubt and "those of EG274, whose flux is used" in doubt and "\n" not in doubt
    for name in ("", "EG 274", "SN2026abc", "CD-38 10980"):  # none of another star of the library
        assert read_standard(exposure(**facts, target_name=name)).doubt == ""


@pytest.mark.parametrize("field", ["target_name", "object_name", "obs_name"])
def test_a_name_against_the_position_is_not_believed(field):
    with pytest.raises(ReductionError, match=r"at RA 37.0000, DEC 8.4600 is not a .* EG21\), EG21 is elsewhere"):
        who(ra_deg=37.0, dec_deg=8.46, **{field: "HD1234_copy_of_EG21"})


@pytest.mark.parametrize(("ra", "dec"), [(None, None), (0.0, 0.0), (None, -39.2), (999.0, 99.0)])
def test_a_name_decides_where_there_is_no_position(ra, dec):
    assert who(ra_deg=ra, dec_deg=dec, obs_name="STD EG274 slit 5.0") == "EG274"


@pytest.mark.parametrize("name", ["LTT32189", "LTT 32189", "EG2740", "SEG21", "GD71B", "EG27", ""])
def test_part_of_a_word_is_no_name(name):
    with pytest.raises(ReductionError, match="unknown position is not a flux standard"):
        who(target_name=name)


def test_moves_with_the_star():
    # LTT 3218 in 2026: 26.1 years of -1.031, +1.354 arcsec from its place in 2000
    assert who(ra_deg=130.3851 - 26.1 * 1.031 / 3600 / 0.8393, dec_deg=-32.9425 + 26.1 * 1.354 / 3600) == "LTT3218"


@pytest.mark.parametrize("name", ["EG 274", "STD_EG274", "CD-38 10980", "EG-274 V = 11.0", "eg274"])
def test_names_as_observers_write_them(name):
    assert who(target_name=name) == "EG274"


def test_unknown_star_is_told():
    with pytest.raises(
        ReductionError, match="'HR 718' at RA 37.0000, DEC 8.4600 is not a flux standard of the library"
    ):
        who(ra_deg=37.0, dec_deg=8.46, target_name="HR 718")


def test_tables_are_read_with_their_units():
    star = read_standard(exposure(target_name="GD71"))
    assert 2e-14 < star.flux[abs(star.wavelength_nm - 555).argmin()] < 1e-13  # V = 13.0 is 2.3e-14
    wavelength, magnitude = read_extinction(exposure())
    assert wavelength[0] == 310.0
    assert 0.1 < magnitude[abs(wavelength - 550).argmin()] < 0.2
