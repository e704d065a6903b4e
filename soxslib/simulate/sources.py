"""What shines: lamps, night sky, stars and supernovae, and what the atmosphere takes away.

Rates are photo-electrons per second and sample of an order's FineGrid, behind the instrument's throughput.
"""

from functools import cache

import numpy as np

from soxslib.instruments import load_instrument
from soxslib.simulate.geometry import read_table
from soxslib.simulate.optics import throughput

PLANCK_LIGHT = 1.98644586e-16  # h c [erg cm]
LIGHT_NM_K = 1.4387769e7  # h c / k [nm K]
PATTERN_SEED = 20260127  # line strengths and telluric lines belong to nature, not to a night

# Narrow lines of an interacting supernova: rest wavelength in air [nm], strength relative to H alpha
SN_LINES = {
    388.905: 0.06, 410.173: 0.12, 434.046: 0.20, 486.133: 0.38, 500.684: 0.05, 587.562: 0.16, 656.279: 1.00,
    667.815: 0.05, 706.519: 0.07, 777.340: 0.06, 854.209: 0.16, 866.214: 0.14, 954.597: 0.12, 1004.937: 0.16,
    1083.000: 0.35, 1093.809: 0.22, 1281.808: 0.30, 1641.1: 0.05, 1736.2: 0.07, 1944.6: 0.08,
}  # fmt: skip
SN_LINE_KM_S = 65.0  # full width at half maximum


def blackbody(wavelength_nm, temperature_k):
    """Photon radiance of a black body, any scale."""
    return wavelength_nm**-4.0 / np.expm1(LIGHT_NM_K / (wavelength_nm * temperature_k))


def flat_lamp(grid, name, arm, instrument):
    """Rate per arcsec of slit width and of slit height from a continuum lamp."""
    data = load_instrument(instrument).yaml("simulate.yaml")
    lamp, facts = data["lamps"][name], data["arms"][arm]
    if arm not in lamp["reference_nm"]:
        return np.zeros(grid.u.size)

    def shape(w):
        if "temperature_k" in lamp:
            return blackbody(w, lamp["temperature_k"])
        return lamp["floor"] + 1 / (1 + np.exp((w - lamp["edge_nm"]) / lamp["fall_nm"]))

    reference = float(lamp["reference_nm"][arm])
    order_peak = 0.2  # ASSUME the quoted rate holds where the throughput is 0.2 and a pixel spans 0.04 nm
    rate = lamp["electron_s"][arm] * shape(grid.wavelength_nm) / shape(reference) * grid.span_nm / 0.04
    lines = lamp.get("lines", {})
    rate += grid.place(np.array(list(lines), float), np.array(list(lines.values()), float) * lamp["electron_s"][arm])
    return rate * throughput(grid.order, grid.wavelength_nm, facts) / order_peak


@cache
def arc_lines(instrument, arm):
    """(wavelengths in air [nm], electrons per second through a pinhole) of an arm's arc lamps.

    The lines of the published pinhole tables are bright; the others of the lamps' atlas are there too, mostly faint.
    """
    kit = load_instrument(instrument)
    facts = kit.yaml("simulate.yaml")["arms"][arm]["arc"]
    atlas = read_table(kit.table_path(arm, "arc_lines"))
    known = np.unique(read_table(kit.table_path(arm, "pinholes"))["wavelength_nm"])
    rng = np.random.default_rng(PATTERN_SEED)
    wave, first = np.unique(np.round(atlas["wave"], 4), return_index=True)
    if "amplitude" in atlas:
        dex = 0.6 * (atlas["amplitude"][first] - 3.3)
    else:
        dex = rng.normal(-facts["faint_dex"], 0.4, wave.size)
    distance = np.abs(wave[:, None] - known).min(axis=1)
    apart = distance > 0.02  # ASSUME what lies closer is the same line
    bright = rng.normal(0.0, 0.35, known.size)
    return np.r_[known, wave[apart]], facts["electron_s"] * 10 ** np.r_[bright, dex[apart].clip(-2.5, 0.5)]


def arc_lamp(grid, arm, instrument):
    """Rate through one pinhole of the arm's arc lamps."""
    facts = load_instrument(instrument).yaml("simulate.yaml")["arms"][arm]
    wave, rate = arc_lines(instrument, arm)
    placed = grid.place(wave, rate)
    return placed * throughput(grid.order, grid.wavelength_nm, facts) / 0.2


@cache
def _telluric_lines(instrument):
    bands = load_instrument(instrument).yaml("simulate.yaml")["telluric"]
    rng = np.random.default_rng(PATTERN_SEED)
    waves, depths = [], []
    for first, last, number, depth in bands:
        strength = rng.lognormal(0, 1.2, number)
        x = rng.uniform(0, 1, number)
        waves.append(first + (last - first) * x)
        envelope = np.sin(np.pi * np.clip(x, 0.02, 0.98)) ** 0.5
        depths.append(strength / strength.mean() * envelope * depth * (last - first) / number)
    return np.concatenate(waves), np.concatenate(depths)


def telluric(grid, airmass, instrument):
    """Transmission of the molecules of the air on the fine grid."""
    from scipy.ndimage import gaussian_filter1d

    wave, depth = _telluric_lines(instrument)
    pixel_nm = np.median(grid.span_nm)
    width = (
        np.median(grid.wavelength_nm) / 4.5e4 / 2.355
    )  # ASSUME lines of R 45000, narrower than any element of the instrument
    tau = gaussian_filter1d(grid.place(wave, depth / pixel_nm), width / pixel_nm)
    return np.exp(-airmass * np.maximum(tau, 0))


def extinction(wavelength_nm, airmass, instrument):
    """Transmission of clear air without molecules' lines, by the observatory's table."""
    kit = load_instrument(instrument)
    table = read_table(
        kit.table_path("VIS" if "VIS" in kit.data["arms"] else next(iter(kit.data["arms"])), "extinction")
    )
    wave = table["wavelength"] / 10.0
    tail = table["mag_per_airmass"][-1]
    mag = np.interp(wavelength_nm, wave, table["mag_per_airmass"])
    beyond = wavelength_nm > wave[-1]
    mag = np.where(beyond, tail * (wave[-1] / np.maximum(wavelength_nm, 1.0)) ** 4, mag)
    return 10 ** (-0.4 * mag * airmass)


def night_sky(grid, arm, instrument, brightness=1.0):
    """Rate per arcsec^2 of the sky's lines and continuum."""
    kit = load_instrument(instrument)
    data = kit.yaml("simulate.yaml")
    sky, area_m2 = data["sky"], data["telescope_area_cm2"] / 1e4
    lines = read_table(kit.table_path(arm, "sky_lines"))
    rate = brightness * sky["line_photons"] * grid.place(lines["wavelength"], lines["flux"])
    continuum = np.interp(grid.wavelength_nm, sky["continuum"]["wavelength_nm"], sky["continuum"]["photons"])
    rate = rate + continuum * grid.span_nm * 1e-3
    return rate * area_m2 * throughput(grid.order, grid.wavelength_nm, data["arms"][arm])


def photo_electrons(flux, grid, area_cm2):
    """Photons per second and fine sample of a flux [erg/s/cm2/Angstrom] on the telescope."""
    return flux * area_cm2 * grid.wavelength_nm * 1e-7 / PLANCK_LIGHT * grid.span_nm * 10


def narrow_lines(target):
    """[{wavelength_nm, fwhm_nm, relative_strength}] of a target, as observed."""
    if target["type"] != "sniin":
        return []
    z = 1 + target["z"]
    return [
        dict(wavelength_nm=w * z, fwhm_nm=w * z * SN_LINE_KM_S / 299792.458, relative_strength=s)
        for w, s in SN_LINES.items()
    ]


def _ab_flux(magnitude, wavelength_nm):
    """Flux of an AB magnitude [erg/s/cm2/Angstrom]."""
    return 10 ** (-0.4 * (magnitude + 48.6)) * 2.99792458e18 / (wavelength_nm * 10) ** 2


def target_flux(target, wavelength_nm, instrument):
    """Flux above the atmosphere [erg/s/cm2/Angstrom] of a target: a catalogue standard, a supernova, or its host."""
    w = np.asarray(wavelength_nm, float)
    if target["type"] == "standard":
        x, y = _standards(instrument)[target["name"]]
        return np.interp(w, x, y)
    z = 1 + target.get("z", 0.0)
    temperature = {"sniin": 11000, "continuum": 7500, "host": 5200}[target["type"]]
    at = blackbody(w / z, temperature) / w
    flux = _ab_flux(target["mag"], 620.0) * at / (blackbody(620.0 / z, temperature) / 620.0)
    if target["type"] == "continuum":
        for centre, width, depth in (
            (435, 9, 0.3),
            (487, 9, 0.25),
            (545, 8, 0.2),
            (612, 8, 0.35),
            (755, 12, 0.15),
            (820, 18, 0.3),
        ):
            flux = flux * (1 - depth * np.exp(-0.5 * ((w / z - centre) / width) ** 2))
    for line in narrow_lines(target):
        sigma = line["fwhm_nm"] / 2.355
        height = 6.0 * _ab_flux(target["mag"], 620.0) * line["relative_strength"]
        offset = (w - line["wavelength_nm"]) / line["wavelength_nm"] * 299792.458
        flux = flux + height * np.exp(-0.5 * ((w - line["wavelength_nm"]) / sigma) ** 2)
        flux = flux + 0.12 * height * np.exp(-0.5 * (offset / 1100.0) ** 2)  # broad foot of the same line
    return flux


@cache
def _standards(instrument):
    from soxslib.io.products import read_table as read_fits_table

    kit = load_instrument(instrument)
    table = read_fits_table(kit.table_path(next(iter(kit.data["arms"])), "flux_standards"))
    wave = table.pop("wavelength").astype(float)
    return {name: (wave, flux.astype(float)) for name, flux in table.items()}
