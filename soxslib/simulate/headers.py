"""Headers as the telescope writes them: the cards of each frame."""

import math
from datetime import datetime, timedelta

from soxslib.instruments import load_instrument

# role -> template, DPR CATG, TYPE, TECH
TEMPLATES = {
    "bias": ("SOXS_gen_cal_{arm}Bias", "CALIB", "BIAS", "IMAGE"),
    "dark": ("SOXS_gen_cal_{arm}Dark", "CALIB", "DARK", "IMAGE"),
    "single_pinhole_arc": ("SOXS_slt_cal_{arm}ArcsPinhole", "CALIB", "LAMP,WAVE", "ECHELLE,PINHOLE"),
    "multi_pinhole_arc": ("SOXS_slt_cal_{arm}ArcsMultiplePinhole", "CALIB", "LAMP,WAVE", "ECHELLE,MULTI-PINHOLE"),
    "pinhole_flat": ("SOXS_slt_cal_{arm}LampFlatPinhole", "CALIB", "LAMP,FLAT", "ECHELLE,PINHOLE"),
    "flat": ("SOXS_slt_cal_{arm}LampFlat", "CALIB", "LAMP,FLAT", "ECHELLE,SLIT"),
    "standard_nodding": ("SOXS_slt_cal_SpecphotStdNod", "CALIB", "STD,FLUX", "ECHELLE,SLIT,NODDING"),
    "standard_stare": ("SOXS_slt_cal_SpecphotStdStare", "CALIB", "STD,FLUX", "ECHELLE,SLIT,STARE"),
    "science_nodding": ("SOXS_slt_obs_AutoNodOnSlit", "SCIENCE", "OBJECT", "ECHELLE,SLIT,NODDING"),
    "science_stare": ("SOXS_slt_obs_StareSynchro", "SCIENCE", "OBJECT", "ECHELLE,SLIT,STARE"),
    "science_offset": ("SOXS_slt_obs_GenericOffset", "SCIENCE", "OBJECT", "ECHELLE,SLIT,OFFSET"),
}
READ_OVERHEAD_S = 3.3  # per integration


def stamp(mjd):
    """A date as the headers spell it, to the millisecond."""
    moment = datetime(1858, 11, 17) + timedelta(days=mjd)
    return moment.isoformat(timespec="milliseconds")


def raw_cards(frame, instrument):
    """Cards (name, value[, comment]) of one frame of the night, in the telescope's order."""
    for part in (_general, _kind, _detector, _instrument, _observation, _telescope, _sequence):
        yield from part(frame, instrument)


def _general(frame, instrument):
    data = load_instrument(instrument).data
    seconds = (frame.mjd % 1) * 86400
    sidereal = (280.46061837 + 360.98564736629 * (frame.mjd - 51544.5) + data["observatory"]["longitude_deg"]) % 360
    yield "ORIGIN", "ESO-LASILLA", "European Southern Observatory"
    yield "TELESCOP", "ESO-NTT", "ESO <TEL>"
    yield "INSTRUME", data["name"], "Instrument used"
    yield "OBJECT", frame.object_name, "Target description"
    yield "RA", frame.ra_deg, "[deg] pointing (J2000)"
    yield "DEC", frame.dec_deg, "[deg] pointing (J2000)"
    yield "EQUINOX", 2000.0
    yield "RADESYS", "FK5"
    yield "EXPTIME", frame.shot.exposure_s, "[s] integration time"
    yield "MJD-OBS", round(frame.mjd, 8), "[d] start of observation"
    yield "DATE-OBS", stamp(frame.mjd), "start of observation"
    yield "UTC", round(seconds, 3), "[s] UTC at start"
    yield "LST", round(sidereal * 240, 3), "[s] local sidereal time"
    yield "PI-COI", "SIMULATED"
    yield "OBSERVER", "SIMULATED"
    yield "ORIGFILE", f"{frame.name}.fits"
    yield "ARCFILE", f"{frame.name}.fits"


def _kind(frame, instrument):
    _, category, kind, technique = TEMPLATES[frame.shot.role]
    if set(frame.shot.lamps) == {"DEUT"}:
        kind = "LAMP,DFLAT"
    yield "ESO DPR CATG", category, "Observation category"
    yield "ESO DPR TECH", technique, "Observation technique"
    yield "ESO DPR TYPE", kind, "Observation type"
    yield "ESO SEQ ARM", frame.shot.arm, "Spectrograph arm"


def _detector(frame, instrument):
    kit = load_instrument(instrument)
    shot, detector = frame.shot, kit.arm(frame.shot.arm)["detector"]
    across, along = shot.binning
    x, y = (across, along) if detector["dispersion_axis"] == "y" else (along, across)
    yield "ESO DET BINX", x, "Binning factor along X"
    yield "ESO DET BINY", y, "Binning factor along Y"
    yield "ESO DET CHIP PSZX", detector["pixel_um"], "[um] pixel size"
    yield "ESO DET CHIP PSZY", detector["pixel_um"], "[um] pixel size"
    if detector["is_integrating"]:
        whole = round(shot.ndit * (shot.exposure_s + READ_OVERHEAD_S), 3)
        yield "ESO DET DIT", shot.exposure_s
        yield "ESO DET NDIT", shot.ndit
        yield "ESO DET SEQ1 DIT", shot.exposure_s, "[s] one integration"
        yield "ESO DET SEQ1 EXPTIME", whole, "[s] whole sequence, with reads"
        yield "ESO DET CHIP RON", 0.0, "Readout noise [e-]"
        yield "ESO DET READ CURID", 3, "readout mode id"
        yield "ESO DET READ CURNAME", "FOWLER", "readout mode"
    else:
        gain = kit.yaml("simulate.yaml")["arms"][shot.arm]["detector"]["gain_e_adu"]
        (x0, x1), (y0, y1) = detector["science_columns"], detector["science_rows"]
        yield "ESO DET CHIP NX", x1 - x0
        yield "ESO DET CHIP NY", y1 - y0
        yield "ESO DET OUT1 CONAD", gain, "Conversion from ADUs to electrons [e-/ADU]"
        yield "ESO DET OUT1 GAIN", round(1 / gain, 4), "Conversion from electrons to ADU"
        yield "ESO DET OUT1 RON", detector["read_noise_e"], "Readout noise [e-]"
        yield "ESO DET OUT1 PRSCX", x0
        yield "ESO DET OUT1 OVSCX", detector["raw_shape"][1] - x1
        yield "ESO DET READ CURID", 1, "readout mode id"
        yield "ESO DET READ CURNAME", "1pt/100k/hg", "readout mode"
    yield "BUNIT", "adu"
    yield "ESO DET ID", f"SIMULATED-{shot.arm}"


def _instrument(frame, instrument):
    data = load_instrument(instrument).data
    for arm, card in data["slit_card"].items():
        yield card, frame.shot.slit, f"{arm} slit"
    for card in data["simulation_card"].values():
        yield card, False
    for lamp in frame.shot.lamps:
        yield f"ESO INS {lamp} NAME", {"THAR": "ThAr_Lamp"}.get(lamp, f"{lamp.capitalize()}_Lamp")
        yield f"ESO INS {lamp} ST", True
    yield "ESO INS TEMP104 VAL", 153.15, "VIS detector temperature"
    yield "ESO INS TEMP217 VAL", 40.02, "NIR detector temperature [K]"
    yield "ESO INS TEMP301 VAL", frame.bench_temperature_c, "Common path temperature [C]"
    yield "ESO INS ACFW ID", "SDSS_r", "Acquisition camera filter"
    for camera in (1, 2):
        for axis in (1, 2):
            yield f"ESO INS AFC{camera} POS{axis}", 0.0


def _observation(frame, instrument):
    template = TEMPLATES[frame.shot.role][0].format(arm=frame.shot.arm)
    start = stamp(frame.template_mjd)
    yield "ESO OBS ID", frame.obs_id
    yield "ESO OBS NAME", frame.obs_name or template
    yield "ESO OBS TARG NAME", frame.target_name
    yield "ESO OBS NTPL", 1
    yield "ESO OBS TPLNO", 1
    yield "ESO OBS START", start
    yield "ESO OBS PROG ID", "60.A-9999(S)"
    yield "ESO TPL ID", template
    yield "ESO TPL NAME", template
    yield "ESO TPL START", start
    yield "ESO TPL EXPNO", frame.expno
    yield "ESO TPL NEXP", frame.nexp


def _telescope(frame, instrument):
    shot = frame.shot
    yield "ESO TEL AIRM START", round(shot.airmass - 0.005 * shot.on_sky, 4)
    yield "ESO TEL AIRM END", round(shot.airmass + 0.005 * shot.on_sky, 4)
    yield "ESO TEL AMBI FWHM START", shot.seeing_arcsec
    yield "ESO TEL AMBI FWHM END", shot.seeing_arcsec
    parallactic = 0.0 if shot.rotator_deg is None else round(shot.rotator_deg * 0.7 + 27.0, 3)
    yield "ESO TEL PARANG START", parallactic
    yield "ESO TEL PARANG END", parallactic
    yield "ESO TEL AZ", 120.0
    yield "ESO TEL ALT", round(90.0 - math.degrees(math.acos(1 / shot.airmass)), 3)
    if shot.rotator_deg is not None:
        yield "ESO ADA ABSROT START", round(shot.rotator_deg - 0.5, 4)
        yield "ESO ADA ABSROT END", round(shot.rotator_deg + 0.5, 4)


def _sequence(frame, instrument):
    if frame.nod_arcsec is not None:
        yield "ESO SEQ CUMOFF X", 0.0
        yield "ESO SEQ CUMOFF Y", frame.nod_arcsec
        yield "ESO SEQ NOD THROW", abs(2 * frame.nod_arcsec)
        yield "ESO SEQ JITTER WIDTH", 0.0
    if frame.sky_offset_arcsec is not None:
        yield "ESO SEQ FIXOFF RA", frame.sky_offset_arcsec[0]
        yield "ESO SEQ FIXOFF DEC", frame.sky_offset_arcsec[1]
