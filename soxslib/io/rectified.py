"""Straight images on disk: counts per order (_RECTIFIED.fits), and the flux-calibrated image of the arm (_2D.fits)."""

import numpy as np

from soxslib.datamodel import RectifiedOrder
from soxslib.io.hdus import Hdu
from soxslib.io.products import _open, image_hdu, write_hdus, write_tombstone
from soxslib.io.spectra import DENSITY, spectral_header

_CORRELATION = "ESO PRO COVFAC"


def write_rectified(path, orders, header):
    """_RECTIFIED.fits: FLUX_<o> [electron per bin], VAR_<o>, QUAL_<o> of every order.

    Axes wavelength and slit position.
    """
    hdus = [Hdu(header)]
    for o in orders:
        cards = [*wcs_cards(o), (_CORRELATION, round(o.correlation, 4), "Wide sum: variance over its bins")]
        planes = (
            ("FLUX", o.flux, "electron", np.float32),
            ("VAR", o.variance, "electron2", np.float32),
            ("QUAL", o.quality, "", np.int16),
        )
        hdus += [image_hdu(f"{n}_{o.order}", np.asarray(image, kind), unit, cards) for n, image, unit, kind in planes]
    write_hdus(path, hdus)


def read_rectified(path):
    """([RectifiedOrder], header) of a _RECTIFIED.fits."""
    orders, opened = [], _open(path)
    for h in opened.headers[1:]:
        if not h["EXTNAME"].startswith("FLUX_"):
            continue
        number = int(h["EXTNAME"].removeprefix("FLUX_"))
        axis = lambda i, h=h: h[f"CRVAL{i}"] + h[f"CDELT{i}"] * (np.arange(h[f"NAXIS{i}"]) + 1 - h[f"CRPIX{i}"])
        flux, variance, quality = (opened.image(f"{n}_{number}") for n in ("FLUX", "VAR", "QUAL"))
        correlation = float(h[_CORRELATION])
        orders.append(RectifiedOrder(number, axis(1), axis(2), flux, variance, quality.astype(np.uint16), correlation))
    return orders, opened.headers[0].copy()


def wcs_cards(image, is_vacuum=False):
    """World coordinates: wavelength along axis 1, position along the slit along axis 2, both linear."""
    step = lambda a: float(np.round((a[-1] - a[0]) / (a.size - 1), 9))
    return [
        ("CTYPE1", "WAVE" if is_vacuum else "AWAV", "Wavelength in " + ("vacuum" if is_vacuum else "air")),
        ("CUNIT1", "nm"),
        ("CRPIX1", 1.0),
        ("CRVAL1", float(image.wavelength_nm[0])),
        ("CDELT1", step(image.wavelength_nm)),
        ("CTYPE2", "LINEAR", "Position along the slit"),
        ("CUNIT2", "arcsec"),
        ("CRPIX2", 1.0),
        ("CRVAL2", float(image.slit_arcsec[0])),
        ("CDELT2", step(image.slit_arcsec)),
    ]


def write_2d(path, image, header):
    """_2D.fits: FLUX, ERRS [erg/s/cm2/Angstrom per bin along the slit] and QUAL: a sum along the slit is a spectrum.

    A tombstone without image: the spectrum does not need it.
    """
    if image is None:
        write_tombstone(path, "the extraction left no rectified orders")
        return
    header = spectral_header(header)
    header.extend(wcs_cards(image))
    header[_CORRELATION] = (round(image.correlation, 4), "Wide sum: variance over its bins")
    with np.errstate(invalid="ignore"):
        errors = np.sqrt(image.variance)
    planes = (
        ("FLUX", image.flux.astype(np.float32), DENSITY, header),
        ("ERRS", errors.astype(np.float32), DENSITY, wcs_cards(image)),
        ("QUAL", image.quality.astype(np.int16), "", wcs_cards(image)),
    )
    write_hdus(path, [image_hdu(*plane) for plane in planes])
