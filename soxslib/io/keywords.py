"""From a raw header to typed facts; whatever is missing or of the wrong kind becomes one clear sentence."""

import math
import re

from soxslib.datamodel import Exposure
from soxslib.errors import NotReducedError, ReductionError
from soxslib.instruments import load_instrument
from soxslib.numerics.airmass import HIGHEST

AIRMASS_CARDS = "ESO TEL AIRM START", "ESO TEL AIRM END"
_MISSING = object()
_CENTURY = 51544.0, 88069.0  # MJD of its first and last day


def number_of(header, card, name, default=_MISSING, kind=float):
    """A finite number of a card; a ReductionError when it is required and missing, or not a number."""
    value = header.get(card, _MISSING)
    if value is _MISSING:
        if default is _MISSING:
            raise ReductionError(f"{name}: header card {card} is missing; exclude the frame or restore the card")
        return default
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        if default is None:
            return None
        raise ReductionError(
            f"{name}: header card {card} holds {value!r} where a number belongs; exclude the frame or restore the card"
        )
    return kind(value)


def _text(header, card, name, default=_MISSING):
    value = header.get(card, _MISSING)
    if value is _MISSING:
        if default is _MISSING:
            raise ReductionError(f"{name}: header card {card} is missing; exclude the frame or restore the card")
        return default
    return str(value).strip()


def exposure_of(header, name):
    """The Exposure of a raw header. `header` is any mapping of cards (dots or blanks as astropy spells them).

    Raises ReductionError for a frame that cannot be used, saying which card is at fault.
    """
    if "INSTRUME" not in header:
        raise ReductionError(f"{name}: header card INSTRUME is missing; not a frame of this instrument")
    instrument = load_instrument(str(header["INSTRUME"]).strip())
    data = instrument.data
    arm = _text(header, "ESO SEQ ARM", name)
    if arm not in data["arms"]:
        raise NotReducedError(f"{name}: arm {arm!r} is not reduced (known: {', '.join(data['arms'])})")
    detector = data["arms"][arm]["detector"]
    if header.get(data["simulation_card"][arm]) in (True, "T"):
        raise NotReducedError(
            f"{name}: taken in simulation mode ({data['simulation_card'][arm]} is T); it holds no light"
        )
    exposure_s = number_of(header, "EXPTIME", name)
    if exposure_s < 0:
        raise ReductionError(f"{name}: header card EXPTIME holds {exposure_s}; exclude the frame or restore the card")
    ndit = number_of(header, "ESO DET NDIT", name, 1, int) if detector["is_integrating"] else 1
    if ndit < 1:
        raise ReductionError(f"{name}: header card ESO DET NDIT holds {ndit}; exclude the frame or restore the card")
    binx, biny = (number_of(header, f"ESO DET BIN{a}", name, 1, int) for a in "XY")
    if binx < 1 or biny < 1:
        raise ReductionError(f"{name}: binning {binx}x{biny} is impossible; exclude the frame")
    gain, read_noise = _gain_and_read_noise(header, detector, name)
    sequence = number_of(header, "ESO DET SEQ1 EXPTIME", name, None) or exposure_s * ndit
    return Exposure(
        file=name,
        instrument=instrument.name,
        arm=arm,
        category=_text(header, "ESO DPR CATG", name),
        type=_text(header, "ESO DPR TYPE", name),
        technique=_text(header, "ESO DPR TECH", name),
        exposure_s=exposure_s,
        ndit=ndit,
        sequence_s=sequence,
        mjd=_date(header, name),
        binning=(binx, biny) if detector["dispersion_axis"] == "y" else (biny, binx),
        read_mode=str(header.get("ESO DET READ CURID", "")).strip(),
        gain_e_adu=gain,
        read_noise_e=read_noise,
        slit=_slit(_text(header, data["slit_card"][arm], name, "")),
        lamps=tuple(short for card, short in data["lamps"].items() if f"ESO INS {card} NAME" in header),
        object_name=_text(header, "OBJECT", name, ""),
        target_name=_text(header, "ESO OBS TARG NAME", name, ""),
        obs_id=number_of(header, "ESO OBS ID", name, 0, int),
        obs_name=_text(header, "ESO OBS NAME", name, ""),
        template_id=_text(header, "ESO TPL ID", name, ""),
        template_start=_text(header, "ESO TPL START", name, ""),
        template_expno=number_of(header, "ESO TPL EXPNO", name, 1, int),
        template_nexp=number_of(header, "ESO TPL NEXP", name, 1, int),
        archive_file=_text(header, "ARCFILE", name, ""),
        **_conditions(header, data, arm, name),
    )


def _date(header, name):
    """Start of the exposure [MJD]; of another century no night is known by its date."""
    mjd = number_of(header, "MJD-OBS", name)
    if not _CENTURY[0] <= mjd < _CENTURY[1]:
        raise ReductionError(
            f"{name}: header card MJD-OBS holds {mjd:g}, no day of this century; exclude the frame or restore the card"
        )
    return mjd


def _slit(text):
    """A slit's name with the point of its width as all others have it: SLIT1,0 and SLIT_1.0 are SLIT1.0."""
    match = re.fullmatch(r"SLIT[ _]?(\d+)[.,_](\d+)(JH)?", text.upper())
    return "SLIT{}.{}{}".format(*match.groups("")) if match else text


def _conditions(header, data, arm, name):
    """Where the telescope pointed and how things stood."""
    return dict(
        ra_deg=number_of(header, "RA", name, None),
        dec_deg=number_of(header, "DEC", name, None),
        airmass=_mean_of(header, *AIRMASS_CARDS, name, at_least=1.0, at_most=HIGHEST),
        altitude_deg=number_of(header, "ESO TEL ALT", name, None),
        seeing_arcsec=_mean_of(header, "ESO TEL AMBI FWHM START", "ESO TEL AMBI FWHM END", name, at_least=0.05),
        rotator_deg=_rotator(header, name),
        nod_offset_arcsec=number_of(header, "ESO SEQ CUMOFF Y", name, None),
        sky_offset_arcsec=_sky_offset(header, name),
        detector_temperature_k=number_of(header, data["detector_temperature_card"][arm], name, None),
        bench_temperature_c=number_of(header, "ESO INS TEMP301 VAL", name, None),
    )


def _gain_and_read_noise(header, detector, name):
    """Gain [electron/ADU]: CONAD when plausible and consistent with GAIN, else 1/GAIN, else the detector's own."""
    conad = number_of(header, "ESO DET OUT1 CONAD", name, None)
    inverse = number_of(header, "ESO DET OUT1 GAIN", name, None)
    gain = detector["gain_e_adu"]
    if conad and 0.2 < conad < 5:
        gain = conad
    elif inverse and 0.2 < inverse < 5:
        gain = 1.0 / inverse
    read_noise = number_of(header, "ESO DET OUT1 RON", name, None)
    return gain, read_noise if read_noise and read_noise > 0 else detector["read_noise_e"]


def _mean_of(header, first, second, name, at_least, at_most=math.inf):
    """Mean of the cards that hold plausible values (sentinels such as -99.99 are not), or None."""
    values = [v for c in (first, second) if (v := number_of(header, c, name, None)) is not None]
    values = [v for v in values if at_least <= v <= at_most]
    return sum(values) / len(values) if values else None


def _rotator(header, name):
    """Derotator angle [deg]; None when missing, and for the placeholder (it and the parallactic angle exactly 0)."""
    angle = number_of(header, "ESO ADA ABSROT END", name, None)
    if angle == 0.0 and number_of(header, "ESO TEL PARANG START", name, None) == 0.0:
        return None
    return angle


def _sky_offset(header, name):
    """Signed size of the fixed offset of the offset templates [arcsec]: 0 on the object."""
    ra = number_of(header, "ESO SEQ FIXOFF RA", name, None)
    dec = number_of(header, "ESO SEQ FIXOFF DEC", name, None)
    if ra is None and dec is None:
        return None
    return math.hypot(ra or 0.0, dec or 0.0)
