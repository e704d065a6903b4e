"""The programme of a demonstration night: which frames, when, of what."""

from dataclasses import dataclass, replace

from soxslib.instruments import load_instrument
from soxslib.simulate.bench import Shot, Target

EVENING_MJD = 61067 + 16.0 / 24  # calibrations begin
DUSK_MJD = 61068 + 0.66 / 24  # the sky is dark enough
FIRST_OBS_ID = 4200100
BENCH_TEMPERATURE_C = {False: 11.2, True: 9.6}  # by day, by night
STANDARDS = {  # J2000, degrees
    "LTT3218": (130.3850, -32.9428),
    "EG274": (245.8910, -39.2295),
    "LTT7987": (302.7367, -30.2181),
    "GD71": (88.1151, 15.8862),
    "FEIGE110": (349.9933, -5.1656),
}


@dataclass(frozen=True)
class Frame:
    """One raw frame to be: the shot and its place in the night."""

    shot: Shot
    mjd: float = 0.0
    template_mjd: float = 0.0
    expno: int = 1
    nexp: int = 1
    obs_id: int = 0
    obs_name: str = ""
    object_name: str = ""
    target_name: str = ""
    ra_deg: float = 0.0
    dec_deg: float = -29.2
    nod_arcsec: float | None = None
    sky_offset_arcsec: tuple[float, float] | None = None
    bench_temperature_c: float = 11.2

    @property
    def name(self):
        from soxslib.simulate.headers import stamp

        return f"SOXS.{stamp(self.mjd)}"


def demonstration_night(*, arms, small=False, binning=(1, 1), standard="LTT3218"):
    """All Frames of the night in the order they are taken; the arms expose side by side.

    binning: (across, along) of arms that can be binned. small: a few frames of each kind, no deuterium, no offset mode.
    """
    frames = []
    for number, arm in enumerate(arms):
        pixels = binning if arm == "VIS" else (1, 1)
        mine = _calibrations(arm, small, pixels) + _sky(arm, small, standard, pixels)
        frames += _scheduled(mine, number, pixels)
    return sorted(frames, key=lambda f: f.mjd)


def _calibrations(arm, small, binning):
    """Templates of the afternoon: each a list of Frames taken together."""
    kit = load_instrument("SOXS")
    lamps = tuple(kit.yaml("simulate.yaml")["arms"][arm]["arc"]["lamps"])
    has_bias = kit.arm(arm)["detector"]["has_bias"]
    few = 2 if small else 3

    def template(number, role, exposure, slit="BLANK", lit=()):
        seconds = _lamp_s(exposure, binning) if lit else exposure
        return [Frame(Shot(arm, role, seconds, slit, tuple(lit))) for _ in range(number)]

    out = [template(3 if small else 5, "bias", 0.0)] if has_bias else []
    if not has_bias:
        out += [template(few, "dark", t) for t in (5.0, 20.0, 30.0, 60.0, 300.0)]
    out += [
        template(1, "single_pinhole_arc", 30.0, "PINHOLE", lamps),
        template(1, "pinhole_flat", 30.0, "PINHOLE", ["QTH"]),
        template(few, "flat", 20.0, "SLIT1.0", ["QTH"]),
        template(few, "flat", 5.0, "SLIT5.0", ["QTH"]),
        template(1, "multi_pinhole_arc", 30.0, "MULTPIN", lamps),
    ]
    if has_bias and not small:
        out.insert(4, template(few, "flat", 20.0, "SLIT1.0", ["DEUT"]))
        out.insert(6, template(few, "flat", 5.0, "SLIT5.0", ["DEUT"]))
    return [[replace(f, object_name=_object_of(f)) for f in t] for t in out]


def _lamp_s(exposure_s, binning):
    """Exposure of a lamp: binned pixels gather its light faster, and would saturate."""
    return exposure_s / (binning[0] * binning[1])


def _object_of(frame):
    """OBJECT of a calibration: what kind of frame it is."""
    from soxslib.simulate.headers import TEMPLATES

    return "LAMP,DFLAT" if frame.shot.lamps == ("DEUT",) else TEMPLATES[frame.shot.role][2]


def _sky(arm, small, standard, binning):
    """Templates of the night."""
    integrating = load_instrument("SOXS").arm(arm)["detector"]["is_integrating"]
    lamps = tuple(load_instrument("SOXS").yaml("simulate.yaml")["arms"][arm]["arc"]["lamps"])
    long, ndit = (300.0, 2) if integrating else (600.0, 1)
    star = dict(name=standard, type="standard", extended=False)
    nova = dict(name="SIM-SNIIN", type="sniin", mag=16.0, z=0.01, extended=False)
    calm = dict(name="SIM-R16", type="continuum", mag=16.3, z=0.005, extended=False)
    faint = dict(name="SIM-OFFSET", type="continuum", mag=16.8, z=0.03, extended=False)
    host = dict(name="HOST", type="host", mag=17.2, z=0.03, extended=True)

    def shot(role, exposure, slit, targets, rotator, airmass, **more):
        return Shot(
            arm, role, exposure, slit, on_sky=True, targets=targets, rotator_deg=rotator, airmass=airmass, **more
        )

    def nod(role, exposure, slit, facts, positions, rotator, airmass, where, name):
        frames = []
        for i, y in enumerate(positions):
            s = shot(role, exposure, slit, (Target(facts, y),), rotator + 2.0 * i, airmass, sky_brightness=1 + 0.03 * i)
            frames.append(
                Frame(s, nod_arcsec=y, obs_name=name, target_name=facts["name"], ra_deg=where[0], dec_deg=where[1])
            )
        return frames

    out = [
        nod("standard_nodding", 60.0, "SLIT5.0", star, (2.5, -2.5), -35.0, 1.1, STANDARDS[standard], f"STD_{standard}")
    ]
    sequence = (2.5, -2.5) if small else (2.5, -2.5, -2.5, 2.5)
    out.append(nod("science_nodding", long, "SLIT1.0", nova, sequence, 50.0, 1.15, (150.6, -25.4), "OB001_SIM-SNIIN"))
    night_arc = Frame(
        Shot(arm, "multi_pinhole_arc", _lamp_s(30.0, binning), "MULTPIN", lamps, rotator_deg=59.0),
        object_name="LAMP,WAVE", obs_name="OB001_SIM-SNIIN", ra_deg=150.6, dec_deg=-25.4,
    )  # fmt: skip
    out.append([night_arc])
    stare = shot("science_stare", long, "SLIT1.0", (Target(calm, 0.4),), 150.0, 1.25, ndit=ndit)
    out.append([Frame(stare, obs_name="OB002_SIM-R16", target_name="SIM-R16", ra_deg=150.9, dec_deg=-25.6)])
    if small:
        return out
    pair = (Target(faint, -0.6), Target(host, 0.7, 3.0))
    offset = []
    for i, on in enumerate((True, False, False, True)):
        s = shot("science_offset", long, "SLIT1.0", pair if on else (), 20.0 + i, 1.05, sky_brightness=1 + 0.02 * i)
        away = (0.0, 0.0) if on else (25.0, 15.0)
        offset.append(
            Frame(
                s,
                obs_name="OB003_SIM-OFFSET",
                target_name="SIM-OFFSET",
                ra_deg=151.9,
                dec_deg=-21.6,
                sky_offset_arcsec=away,
            )
        )
    return [*out, offset]


def _scheduled(templates, number, binning):
    """Frames with their times, and what they say of their template and observation."""
    out, clock = [], None
    for i, template in enumerate(templates):
        by_night = template[0].shot.rotator_deg is not None
        if clock is None or (by_night and clock < DUSK_MJD):
            clock = DUSK_MJD if by_night else EVENING_MJD
            clock += number * 0.013 / 86400  # never two frames of one name
        start = clock
        clock += 2.1 / 86400
        for expno, frame in enumerate(template, 1):
            shot = replace(frame.shot, binning=binning)
            # the arms of one observation share its number; calibrations have their own
            obs_id = FIRST_OBS_ID + (_number_of(frame.obs_name) if frame.obs_name else 50 + 50 * number + i)
            object_name = "STD,FLUX" if shot.role.startswith("standard") else frame.object_name or frame.target_name
            out.append(
                replace(
                    frame, shot=shot, mjd=round(clock, 9), template_mjd=start, expno=expno, nexp=len(template),
                    obs_id=obs_id, object_name=object_name,
                    target_name=frame.target_name or frame.object_name,
                    bench_temperature_c=BENCH_TEMPERATURE_C[by_night],
                )
            )  # fmt: skip
            clock += (shot.ndit * (shot.exposure_s + 3.3) + 18.0) / 86400
    return out


def _number_of(obs_name):
    """A number for an observation, the same in all arms."""
    digits = "".join(c for c in obs_name.split("_")[0] if c.isdigit())
    return int(digits) if digits else 20
