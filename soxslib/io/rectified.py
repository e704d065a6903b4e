"""Straight images on disk: counts per order (_RECTIFIED.fits), and the flux-calibrated image of the arm (_2D.fits)."""

import numpy as np
from astropy.io import fits

from soxslib.datamodel import RectifiedOrder
from soxslib.io.products import _open, write_hdus, write_tombstone
from soxslib.io.spectra import DENSITY, spectral_header

_CORRELATION = "ESO PRO COVFAC"


def write_rectified(path, orders, header):
    """_RECTIFIED.fits: FLUX_<o> [electron per bin], VAR_<o>, QUAL_<o> of every order.

    Axes wavelength and slit position.
    """
    hdus = [fits.PrimaryHDU(header=header)]
    for o in orders:
        wcs = wcs_cards(o)
        planes = (
            ("FLUX", o.flux, "electron", np.float32),
            ("VAR", o.variance, "electron2", np.float32),
            ("QUAL", o.quality, "", np.int16),
        )
        for name, image, unit, kind in planes:
            hdu = fits.ImageHDU(np.asarray(image, kind), fits.Header(wcs), name=f"{name}_{o.order}")
            if unit:
                hdu.header["BUNIT"] = unit
            hdu.header[f"HIERARCH {_CORRELATION}"] = (round(o.correlation, 4), "Wide sum: variance over its bins")
            hdus.append(hdu)
    write_hdus(path, hdus)


def read_rectified(path):
    """([RectifiedOrder], header) of a _RECTIFIED.fits."""
    orders = []
    with _open(path) as hdus:
        for hdu in hdus[1:]:
            if not hdu.name.startswith("FLUX_"):
                continue
            number = int(hdu.name.removeprefix("FLUX_"))
            axis = lambda i, h=hdu.header: (
                h[f"CRVAL{i}"] + h[f"CDELT{i}"] * (np.arange(h[f"NAXIS{i}"]) + 1 - h[f"CRPIX{i}"])
            )
            flux, variance, quality = (np.asarray(hdus[f"{n}_{number}"].data) for n in ("FLUX", "VAR", "QUAL"))
            correlation = float(hdu.header[_CORRELATION])
            orders.append(
                RectifiedOrder(number, axis(1), axis(2), flux, variance, quality.astype(np.uint16), correlation)
            )
        return orders, hdus[0].header.copy()


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
    header.extend(wcs_cards(image), update=True)
    header[f"HIERARCH {_CORRELATION}"] = (round(image.correlation, 4), "Wide sum: variance over its bins")
    header["BUNIT"] = DENSITY
    with np.errstate(invalid="ignore"):
        errors = np.sqrt(image.variance)
    primary = fits.PrimaryHDU(image.flux.astype(np.float32), header)
    primary.name = "FLUX"
    hdus = [primary]
    for name, plane, unit in (
        ("ERRS", errors.astype(np.float32), DENSITY),
        ("QUAL", image.quality.astype(np.int16), ""),
    ):
        hdu = fits.ImageHDU(plane, fits.Header(wcs_cards(image)), name=name)
        if unit:
            hdu.header["BUNIT"] = unit
        hdus.append(hdu)
    write_hdus(path, hdus)
