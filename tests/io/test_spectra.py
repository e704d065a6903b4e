"""Spectra on disk: what is written is read back; columns, units and cards are the contract's."""

import numpy as np
import pytest
from astropy.io import fits

from soxslib.datamodel import Absorption, MergedSpectrum, OrderResponse, OrderSpectrum, RectifiedOrder, Response
from soxslib.io import rectified, spectra
from soxslib.io.cards import Header


def header(arm="VIS"):
    h = Header()
    h["INSTRUME"], h["OBJECT"], h["RA"], h["DEC"], h["MJD-OBS"], h["EXPTIME"] = (
        "SOXS",
        "STAR",
        245.9,
        -39.2,
        61068.0,
        60.0,
    )
    h["HIERARCH ESO SEQ ARM"], h["DATE-OBS"] = arm, "2026-01-28T00:00:00"
    return h


def orders():
    ramp = np.arange(5.0)
    make = lambda number, low: OrderSpectrum(
        number,
        low + ramp,
        1 + 0 * ramp,
        ramp,
        10 + ramp,
        3 * ramp,
        4 + ramp,
        ramp,
        ramp,
        ramp,
        np.arange(5),
        0.01,
        2 + ramp,
    )
    return [make(1, 500.0), make(2, 400.0)]


def merged(calibrated=False):
    wavelength = 500 + 0.02 * np.arange(40)
    one = np.ones(40)
    flux, quality = 100.0 * one, np.zeros(40, np.uint16)
    flux[3], quality[3] = np.nan, 2048
    scale = 1e-17 if calibrated else 1.0
    systematic = 0.02 * flux * scale if calibrated else None
    covariance = (one * scale**2, 0.1 * one * scale**2)
    return MergedSpectrum(
        wavelength,
        flux * scale,
        10 * one * scale,
        quality,
        flux * scale,
        covariance,
        0.001 * one,
        calibrated,
        systematic,
    )


@pytest.mark.parametrize("arm", ["VIS", "NIR"])
def test_orders_come_back(arm, tmp_path):
    path = tmp_path / "x_EXTRACTED_ORDERS.fits"
    spectra.write_orders(path, orders(), header(arm))
    again, _ = spectra.read_orders(path)
    for a, b in zip(orders(), again, strict=True):
        for name, value in vars(a).items():
            np.testing.assert_allclose(getattr(b, name), value, rtol=1e-6, err_msg=name)


def test_positions_are_those_of_the_detector(tmp_path):
    spectra.write_orders(tmp_path / "v.fits", orders(), header("VIS"))
    spectra.write_orders(tmp_path / "n.fits", orders(), header("NIR"))
    # VIS disperses along y, NIR along x
    assert fits.getdata(tmp_path / "v.fits", 1)["ycoord"][3] == 3
    assert fits.getdata(tmp_path / "n.fits", 1)["xcoord_centre"][3] == 3


@pytest.mark.parametrize("calibrated", [False, True])
def test_merged_comes_back_with_units_and_checksums(calibrated, tmp_path):
    path = tmp_path / "x.fits"
    spectra.write_merged(path, merged(calibrated), header())
    again, head = spectra.read_merged(path)
    for name in ("wavelength_nm", "flux", "error", "quality", "sky", "wavelength_error_nm"):
        np.testing.assert_allclose(getattr(again, name), getattr(merged(calibrated), name), rtol=1e-6, err_msg=name)
    assert len(again.covariance) == 2
    assert again.flux_calibrated == calibrated
    assert "ESO QC BARYCORR" in head
    assert head["SPECSYS"] == "TOPOCENT"
    with fits.open(path, checksum=True) as hdus:
        units = {c.name: c.unit for c in hdus[1].columns}
        assert all("CHECKSUM" in h.header and "DATASUM" in h.header for h in hdus)
    assert units["WAVE"] == "nm"
    assert units["FLUX"] == ("erg / (s cm2 Angstrom)" if calibrated else "ct")
    assert all(units[c] for c in units if c not in ("QUAL", "SNR"))


@pytest.mark.parametrize("calibrated", [False, True])
def test_specutils_reads_it(calibrated, tmp_path):
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        specutils = pytest.importorskip("specutils")
        path = tmp_path / "x.fits"
        spectra.write_merged(path, merged(calibrated), header())
        spectrum = specutils.Spectrum.read(str(path))
    np.testing.assert_allclose(spectrum.flux.value[10], merged(calibrated).flux[10])
    np.testing.assert_allclose(spectrum.uncertainty.array[10], merged(calibrated).error[10])
    assert spectrum.spectral_axis.unit == "nm"


def test_text_is_in_angstrom_with_errors(tmp_path):
    path = tmp_path / "x.txt"
    spectra.write_text(path, merged(), header())
    text = path.read_text().splitlines()
    assert text[0].startswith("# OBJECT: STAR")
    table = np.loadtxt(path)
    np.testing.assert_allclose(table[:, 0], 10 * merged().wavelength_nm, atol=1e-3)
    np.testing.assert_allclose(table[:, 2], 10)


def test_text_is_numpys(tmp_path):
    found, expected, m = tmp_path / "found.txt", tmp_path / "expected.txt", merged()
    spectra.write_text(found, m, header())
    table = np.c_[10 * m.wavelength_nm, m.flux, m.error, m.flux / m.error, m.quality, m.sky]
    head = [line[2:] for line in found.read_text().splitlines() if line.startswith("# ")]
    np.savetxt(expected, table, fmt="%.3f %.6g %.6g %.4g %d %.6g", header="\n".join(head), encoding="utf8")
    assert found.read_bytes() == expected.read_bytes()


def test_same_input_same_bytes(tmp_path):
    for name in "ab":
        spectra.write_merged(tmp_path / name, merged(), header())
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_response_comes_back(tmp_path):
    wavelength = np.linspace(500, 510, 21)
    one = OrderResponse(3, wavelength, np.full(21, -40.0), np.full(21, 0.02), np.arange(21) > 4)
    spectra.write_response(tmp_path / "r.fits", Response("EG274", (one,)), header())
    again = spectra.read_response(tmp_path / "r.fits")
    assert again.star == "EG274"
    for name in ("wavelength_nm", "log_response", "log_error", "measured"):
        np.testing.assert_allclose(getattr(again[3], name), getattr(one, name), rtol=1e-9)


def test_absorption_comes_back_with_the_response(tmp_path):
    """Within the bands and one pixel beyond: elsewhere there is none."""
    wavelength = np.linspace(500, 510, 21)
    one = OrderResponse(3, wavelength, np.full(21, -40.0), np.full(21, 0.02), np.arange(21) > 4)
    molecule = np.where((wavelength > 503) & (wavelength < 506), 1, -1)
    depth = np.where(molecule == 1, 0.5, 0.0)
    absorption = Absorption(3, wavelength, depth, np.where(molecule == 1, 0.01, 0.0), molecule, 1.4)
    spectra.write_response(tmp_path / "r.fits", Response("EG274", (one,), (absorption,)), header())
    (again,) = spectra.read_response(tmp_path / "r.fits").absorptions
    assert (again.order, again.airmass) == (3, 1.4)
    with fits.open(tmp_path / "r.fits") as hdus:
        assert [c.unit for c in hdus["TELLURIC"].columns] == [None, "nm", "mag", "mag", "mag", "mag"]
    kept = slice(6, 13)
    for name in ("wavelength_nm", "depth", "error", "molecule"):
        np.testing.assert_allclose(getattr(again, name), getattr(absorption, name)[kept], rtol=1e-6)


def image():
    flux = np.arange(60.0).reshape(6, 10)
    quality = np.zeros((6, 10), np.uint16)
    return RectifiedOrder(7, 500 + 0.02 * np.arange(10), -0.7 + 0.28 * np.arange(6), flux, flux + 1, quality, 1.5)


def test_rectified_orders_come_back(tmp_path):
    rectified.write_rectified(tmp_path / "x_RECTIFIED.fits", [image()], header())
    (again,), _ = rectified.read_rectified(tmp_path / "x_RECTIFIED.fits")
    for name, value in vars(image()).items():
        np.testing.assert_allclose(getattr(again, name), value, rtol=1e-6, err_msg=name)


def test_straight_image_has_world_coordinates(tmp_path):
    from astropy.wcs import WCS

    rectified.write_2d(tmp_path / "x_2D.fits", image(), header())
    with fits.open(tmp_path / "x_2D.fits") as hdus:
        assert [h.name for h in hdus] == ["FLUX", "ERRS", "QUAL"]
        assert hdus["ERRS"].header["BUNIT"] == spectra.DENSITY
        wavelength, slit = WCS(hdus[0].header).pixel_to_world_values(4, 2)
    assert wavelength == pytest.approx(500.08e-9)  # wcslib works in metres
    assert slit == pytest.approx(-0.7 + 2 * 0.28)
