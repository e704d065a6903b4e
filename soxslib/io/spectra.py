"""Spectra on disk: extracted orders, merged and flux-calibrated spectra, response, efficiency."""

import numpy as np

from soxslib.datamodel import Absorption, MergedSpectrum, OrderResponse, OrderSpectrum, Response
from soxslib.io.atomic import atomic_path
from soxslib.io.barycentre import barycentric_cards
from soxslib.io.products import has_hdu, is_turned, read_header, read_table, write_tables
from soxslib.numerics.telluric import MOLECULES

DENSITY = "erg / (s cm2 Angstrom)"  # as astropy and specutils spell it in FITS
_ORDER_UNITS = {
    "wavelengthMedian": "nm", "pixelScaleNm": "nm", "xcoord_centre": "pixel", "ycoord": "pixel", "skyFlux": "electron",
    "extractedFluxOptimal": "electron", "extractedFluxBoxcar": "electron", "extractedFluxBoxcarRobust": "electron",
    "varianceSpectrum": "electron2", "wavelengthError": "nm", "blaze": "electron",
}  # fmt: skip
_SCALE_ERROR = "ESO PRO SCALE ERR"
MAG = 2.5 / np.log(10.0)  # magnitudes in one optical depth
_MERGED_OVERLAPS = "scaled to the stronger order, mean by inverse variance"
_CALIBRATED_OVERLAPS = "orders calibrated one by one, mean by inverse variance"

# --- orders -----------------------------------------------------------------------------------------------------------


def write_orders(path, orders, header):
    """_EXTRACTED_ORDERS.fits: a row per order and native pixel."""
    join = lambda name: np.concatenate([np.asarray(getattr(o, name)) for o in orders])
    across, along = join("across_px").astype(float), join("along_px").astype(float)
    x, y = (across, along) if is_turned(header) else (along, across)
    flux, variance = join("flux"), join("variance")
    with np.errstate(all="ignore"):
        snr = flux / np.sqrt(variance)
    columns = dict(
        order=np.concatenate([np.full(np.size(o.flux), o.order, np.int16) for o in orders]),
        wavelengthMedian=join("wavelength_nm").astype(float),
        pixelScaleNm=join("pixel_nm").astype(np.float32),
        xcoord_centre=x.astype(np.float32),
        ycoord=y.astype(np.float32),
        extractedFluxOptimal=flux.astype(np.float32),
        extractedFluxBoxcar=join("boxcar").astype(np.float32),
        extractedFluxBoxcarRobust=join("boxcar_robust").astype(np.float32),
        varianceSpectrum=variance.astype(np.float32),
        snr=snr.astype(np.float32),
        skyFlux=join("sky").astype(np.float32),
        quality=join("quality").astype(np.int16),
        wavelengthError=np.concatenate([np.full(np.size(o.flux), o.wavelength_error_nm, np.float32) for o in orders]),
    )
    if all(o.blaze is not None for o in orders):
        columns["blaze"] = join("blaze").astype(np.float32)
    header = spectral_header(header)
    for o in orders:
        if o.scale_error:
            header[f"HIERARCH {_SCALE_ERROR}{o.order}"] = (o.scale_error, "Relative, common to the order")
    write_tables(path, [("ORDERS", columns, _ORDER_UNITS)], header)


def read_orders(path):
    """(orders, header) of an _EXTRACTED_ORDERS.fits."""
    header, t = read_header(path), read_table(path)
    along, across = ("ycoord", "xcoord_centre") if is_turned(header) else ("xcoord_centre", "ycoord")
    orders = []
    for number in np.unique(t["order"]):
        rows = t["order"] == number
        get = lambda name, rows=rows: t[name][rows]
        orders.append(
            OrderSpectrum(
                order=int(number),
                wavelength_nm=get("wavelengthMedian"),
                pixel_nm=get("pixelScaleNm").astype(float),
                along_px=get(along),
                across_px=get(across),
                flux=get("extractedFluxOptimal").astype(float),
                variance=get("varianceSpectrum").astype(float),
                boxcar=get("extractedFluxBoxcar").astype(float),
                boxcar_robust=get("extractedFluxBoxcarRobust").astype(float),
                sky=get("skyFlux").astype(float),
                quality=get("quality").astype(np.uint16),
                wavelength_error_nm=float(get("wavelengthError")[0]),
                scale_error=float(header.get(f"{_SCALE_ERROR}{number}", 0.0)),
                blaze=get("blaze").astype(float) if "blaze" in t else None,
            )
        )
    return orders, header


# --- merged and calibrated --------------------------------------------------------------------------------------------


def write_merged(path, merged, header, arm=None):
    """_EXTRACTED_MERGED.fits [electron per bin, unit ct], or _FLUXCAL.fits once flux-calibrated.

    arm: of each bin, a number, where a spectrum holds more than one; their bins are not of one width then.
    """
    unit, square = (DENSITY, "erg2 / (s2 cm4 Angstrom2)") if merged.flux_calibrated else ("ct", "ct2")
    columns = _merged_columns(merged)
    units = {"WAVE": "nm", "WAVE_ERR": "nm"}
    units["TELLURIC"] = "mag"
    units.update(dict.fromkeys(("FLUX", "ERR", "ERR_SYS", "SKY", "FLUX_TELLURIC", "ERR_TELLURIC"), unit))
    units.update({name: square for name in columns if name.startswith("COV")})
    header = spectral_header(header, merged.is_vacuum, merged.velocity_km_s)
    overlaps = _CALIBRATED_OVERLAPS if merged.flux_calibrated else _MERGED_OVERLAPS
    header["HIERARCH ESO PRO MERGE OVERLAPS"] = overlaps
    if arm is None:
        step_nm = round(float(merged.wavelength_nm[1] - merged.wavelength_nm[0]), 9)
        header["HIERARCH ESO PRO MERGE STEP"] = (step_nm, "[nm] width of a bin")
    else:
        columns["ARM"] = arm.astype(np.int16)
    write_tables(path, [("SPECTRUM", columns, units)], header)


def _merged_columns(merged):
    with np.errstate(all="ignore"):
        snr = merged.flux / merged.error
    columns = dict(WAVE=merged.wavelength_nm, FLUX=merged.flux, ERR=merged.error)
    if merged.systematic_error is not None:
        columns["ERR_SYS"] = merged.systematic_error
    columns.update(QUAL=merged.quality.astype(np.int16), SNR=snr.astype(np.float32), SKY=merged.sky)
    columns.update({f"COV{k}": c for k, c in enumerate(merged.covariance, 1)})
    columns["WAVE_ERR"] = merged.wavelength_error_nm.astype(np.float32)
    return columns | (merged.telluric or {})


def read_merged(path):
    """(MergedSpectrum, header) of a merged or flux-calibrated product."""
    header, t = read_header(path), read_table(path)
    count = sum(name.startswith("COV") for name in t)
    merged = MergedSpectrum(
        wavelength_nm=t["WAVE"],
        flux=t["FLUX"],
        error=t["ERR"],
        quality=t["QUAL"].astype(np.uint16),
        sky=t["SKY"],
        covariance=tuple(t[f"COV{k}"] for k in range(1, count + 1)),
        wavelength_error_nm=t["WAVE_ERR"],
        flux_calibrated="ERR_SYS" in t,
        systematic_error=t.get("ERR_SYS"),
        is_vacuum=header.get("ESO PRO WAVE MEDIUM") == "vacuum",
        velocity_km_s=float(header.get("ESO PRO WAVE VELOCITY", 0.0)),
        telluric={name: t[name] for name in t if "TELLURIC" in name} or None,
    )
    return merged, header


def write_text(path, merged, header):
    """_EXTRACTED_MERGED.txt: the merged spectrum with wavelengths in Angstrom, commented header."""
    facts = [f"{card}: {header[card]}" for card in ("OBJECT", "ESO SEQ ARM", "DATE-OBS", "EXPTIME") if card in header]
    medium = "vacuum" if merged.is_vacuum else "air"
    frame = "barycentre" if merged.velocity_km_s else "observer"
    lines = [
        *facts,
        f"wavelengths in {medium}, frame of the {frame}",
        f"FLUX, ERR, SKY in electrons per bin; QUAL 0 is good; overlaps {_MERGED_OVERLAPS}",
        "WAVE[Angstrom] FLUX ERR SNR QUAL SKY",
    ]
    with np.errstate(all="ignore"):
        table = np.c_[
            10 * merged.wavelength_nm, merged.flux, merged.error, merged.flux / merged.error, merged.quality, merged.sky
        ]
    with atomic_path(path) as temporary:
        rows = (
            "%.3f %.6g %.6g %.4g %d %.6g\n" * len(table) % tuple(table.ravel().tolist())
        )  # at once: three times faster
        temporary.write_text("".join(f"# {line}\n" for line in lines) + rows, encoding="utf8")


def spectral_header(header, is_vacuum=False, velocity_km_s=0.0):
    """The header with what every spectrum must say: medium and frame of its wavelengths, barycentric correction."""
    out = header.copy()
    for card, value in barycentric_cards(header).items():
        out[card] = value
    out["HIERARCH ESO PRO WAVE MEDIUM"] = ("vacuum" if is_vacuum else "air", "Medium of the wavelengths")
    out["HIERARCH ESO PRO WAVE VELOCITY"] = (velocity_km_s, "[km/s] correction they hold")
    out["SPECSYS"] = ("BARYCENT" if velocity_km_s else "TOPOCENT", "Rest frame of the wavelengths")
    return out


# --- response and efficiency ------------------------------------------------------------------------------------------


def write_efficiency(path, efficiency, header):
    """_EFFICIENCY.fits: detected electrons per photon above the atmosphere, extinction and slit loss taken out."""
    columns = dict(
        WAVE=efficiency.wavelength_nm,
        EFFICIENCY=efficiency.value.astype(np.float32),
        order=efficiency.order.astype(np.int16),
    )
    write_tables(path, [("EFFICIENCY", columns, {"WAVE": "nm"})], header)


def write_response(path, response, header):
    """_RESP.fits: RESPONSE [erg/s/cm2/Angstrom above the atmosphere for one electron/s/nm], order by order."""
    header = header.copy()
    header["HIERARCH ESO PRO RESP BASIS"] = ("ELECTRON/S/NM", "Counts it applies to")
    header["HIERARCH ESO PRO RESP STAR"] = (response.star, "Flux standard")
    rows = lambda name: np.concatenate([getattr(o, name) for o in response.orders])
    columns = dict(
        order=np.concatenate([np.full(o.wavelength_nm.size, o.order, np.int16) for o in response.orders]),
        WAVE=rows("wavelength_nm"),
        RESPONSE=np.exp(rows("log_response")),
        RESPONSE_ERR=np.exp(rows("log_response")) * rows("log_error"),
        MEASURED=rows("measured"),
    )
    unit = "erg nm / (cm2 Angstrom electron)"
    tables = [("RESPONSE", columns, {"WAVE": "nm", "RESPONSE": unit, "RESPONSE_ERR": unit})]
    if response.absorptions:
        header["HIERARCH ESO PRO RESP AIRMASS"] = (response.absorptions[0].airmass, "of the star, for its absorption")
        tables.append(_absorption_table(response.absorptions))
    write_tables(path, tables, header)


def _absorption_table(absorptions):
    """What molecules absorb of the star: pixels within bands and those next to them."""
    near = [np.convolve(a.molecule >= 0, np.ones(3), "same") > 0 for a in absorptions]
    rows = lambda name: np.concatenate([getattr(a, name)[k] for a, k in zip(absorptions, near, strict=True)])
    depth, molecule = MAG * rows("depth"), rows("molecule")
    columns = dict(
        order=np.concatenate([np.full(k.sum(), a.order, np.int16) for a, k in zip(absorptions, near, strict=True)]),
        WAVE=rows("wavelength_nm"),
        **{name: np.where(molecule == m, depth, 0.0).astype(np.float32) for m, name in enumerate(MOLECULES)},
        ERR=(MAG * rows("error")).astype(np.float32),
    )
    return "TELLURIC", columns, {"WAVE": "nm", "ERR": "mag"} | dict.fromkeys(MOLECULES, "mag")


def read_response(path):
    """The Response of a _RESP.fits."""
    header, t = read_header(path), read_table(path)
    orders = []
    for number in np.unique(t["order"]):
        k = t["order"] == number
        log_error = t["RESPONSE_ERR"][k] / t["RESPONSE"][k]
        orders.append(
            OrderResponse(int(number), t["WAVE"][k], np.log(t["RESPONSE"][k]), log_error, t["MEASURED"][k].astype(bool))
        )
    return Response(str(header["ESO PRO RESP STAR"]), tuple(orders), _absorptions(path, header))


def _absorptions(path, header):
    if not has_hdu(path, "TELLURIC"):
        return ()
    t, airmass = read_table(path, "TELLURIC"), float(header["ESO PRO RESP AIRMASS"])
    depths = np.array([t[name] for name in MOLECULES], float) / MAG
    molecule = np.where(np.any(depths != 0, axis=0), np.argmax(np.abs(depths), axis=0), -1)
    columns = [t["WAVE"], depths.sum(axis=0), t["ERR"].astype(float) / MAG, molecule]
    numbers = np.unique(t["order"])
    return tuple(Absorption(int(n), *(c[t["order"] == n] for c in columns), airmass) for n in numbers)
