"""An arm's spectrograph in one night, and the light an exposure of it collects."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy import special

from soxslib.datamodel import DispersionSolution
from soxslib.instruments import load_instrument
from soxslib.simulate import geometry, optics, sources
from soxslib.simulate.detector import Detector, make_detector, scattered_light

PINHOLE_ARCSEC = 0.5  # diameter


@dataclass(frozen=True)
class Target:
    """One source in the slit: position along the slit [arcsec] at 620 nm, and what it is (type, mag, z, name ...)."""

    facts: dict
    slit_arcsec: float
    size_arcsec: float = 0.0  # of a galaxy's disc, full width at half maximum


@dataclass(frozen=True)
class Shot:
    """What is asked of an arm in one exposure, and what the sky was like."""

    arm: str
    role: str
    exposure_s: float
    slit: str = "BLANK"
    lamps: tuple[str, ...] = ()
    ndit: int = 1
    binning: tuple[int, int] = (1, 1)  # across, along
    rotator_deg: float | None = None
    on_sky: bool = False
    targets: tuple[Target, ...] = ()
    airmass: float = 1.0
    seeing_arcsec: float = 0.9
    sky_brightness: float = 1.0

    @property
    def slit_width_arcsec(self):
        return float(self.slit[4:]) if self.slit.startswith("SLIT") else PINHOLE_ARCSEC


@dataclass(frozen=True)
class SeenTarget:
    """A target's light in one order, on the fine grid."""

    target: Target
    flux: np.ndarray
    transmission: np.ndarray
    slit_fraction: np.ndarray
    slit_arcsec: np.ndarray
    fwhm_arcsec: np.ndarray
    kernel: np.ndarray
    spectrum: np.ndarray  # electrons per pixel and integration, blurred
    light: np.ndarray  # [k, a], electrons in the order's pixels


@dataclass(frozen=True)
class SeenOrder:
    """What one order of a sky exposure holds."""

    pixels: optics.OrderPixels
    grid: optics.FineGrid
    throughput: np.ndarray
    telluric: np.ndarray
    extinction: np.ndarray
    sky: np.ndarray  # electrons per pixel and arcsec, blurred
    sky_light: np.ndarray
    targets: list


@dataclass(frozen=True)
class Light:
    """Expected electrons of one integration, unbinned and turned, with the parts it is made of."""

    image: np.ndarray
    scattered: np.ndarray
    solution: DispersionSolution
    orders: dict = field(default_factory=dict)  # SeenOrder of sky exposures


@dataclass(frozen=True)
class Bench:
    """An arm of the instrument in one night: the true geometry (rotator parked) and the true detector."""

    instrument: str
    arm: str
    solution: DispersionSolution
    detector: Detector
    shape: tuple[int, int]  # across, along

    @property
    def data(self):
        return load_instrument(self.instrument).arm(self.arm)

    @cached_property
    def facts(self):
        return load_instrument(self.instrument).yaml("simulate.yaml")["arms"][self.arm]

    @property
    def area_cm2(self):
        return load_instrument(self.instrument).yaml("simulate.yaml")["telescope_area_cm2"]

    def solution_of(self, shot):
        """The true DispersionSolution during an exposure."""
        shifts = geometry.flexure_of(shot.rotator_deg, self.facts["flexure"], list(self.solution))
        return geometry.flexed(self.solution, shifts)

    def light_of(self, shot):
        """The Light of an exposure; None for one without any."""
        if not shot.lamps and not shot.on_sky or shot.slit == "BLANK":
            return None
        solution = self.solution_of(shot)
        image = np.zeros(self.shape)
        orders = {}
        for n in solution:
            pixels = optics.order_pixels(solution[n], self.shape)
            grid = optics.fine_grid(solution[n], self.shape[1])
            if shot.on_sky:
                orders[n] = self._sky_order(shot, pixels, grid)
                light = orders[n].sky_light + sum(t.light for t in orders[n].targets)
            else:
                light = self._lamp_order(shot, pixels, grid)
            pixels.add_to(image, light)
        scattered = scattered_light(image, self.facts["detector"]["scattered_fraction"])
        return Light((image + scattered).astype(np.float32), scattered, solution, orders)

    def _lamp_order(self, shot, pixels, grid):
        """[k, a] electrons of lamps through a slit or pinholes."""
        facts, width = self.facts, shot.slit_width_arcsec
        is_slit = shot.slit.startswith("SLIT")
        kernel = optics.line_spread("slit" if is_slit else "pinhole", width, facts["optics"])
        if set(shot.lamps) == set(facts["arc"]["lamps"]):
            rate = sources.arc_lamp(grid, self.arm, self.instrument)
            through = 1.0
        else:
            rate = sum(sources.flat_lamp(grid, lamp, self.arm, self.instrument) for lamp in shot.lamps) * width
            through = width  # arcsec of the slit's height that a pinhole lets through
        spectrum = optics.blur(rate * shot.exposure_s, kernel)
        if is_slit:
            return pixels.image(spectrum, self.slit_transmission, grid.u[0])
        holes = {"PINHOLE": [0.0], "MULTPIN": facts["pinholes_arcsec"]}[shot.slit]
        scale = np.median(pixels.area)  # arcsec per pixel, near enough for the width of a spot
        sigma = facts["optics"]["pinhole_px"] * scale
        holes, share = np.asarray(holes), np.full(len(holes), through)
        if len(holes) > 1:
            for hole, left in facts.get("vignetted_pinholes", {}).get(pixels.order, {}).items():
                share[hole] *= left

        def spots(slit_arcsec):
            hole = np.abs(slit_arcsec[..., None] - holes).argmin(axis=-1)
            spot = np.exp(-0.5 * ((slit_arcsec - holes[hole]) / sigma) ** 2) / (np.sqrt(2 * np.pi) * sigma)
            return share[hole] * spot

        return pixels.image(spectrum, spots, grid.u[0])

    def slit_transmission(self, slit_arcsec):
        """How much the slit lets through along its length: blurred ends, and a per cent of unevenness."""
        return np.interp(slit_arcsec, *self._slit_table)

    @cached_property
    def _slit_table(self):
        slit_arcsec = np.linspace(-8, 8, 3201)
        half = 0.5 * self.data["slit_length_arcsec"]
        blur = self.facts["optics"]["blur_arcsec"] / 2.355 * np.sqrt(2)
        ends = 0.5 * (special.erf((slit_arcsec + half) / blur) - special.erf((slit_arcsec - half) / blur))
        uneven = 0.010 * np.sin(2 * np.pi * (slit_arcsec + 1.3) / 9.5) - 0.008 * slit_arcsec / half
        return slit_arcsec, ends * (1 + uneven)

    def _sky_order(self, shot, pixels, grid):
        """The SeenOrder of a sky exposure."""
        width, t = shot.slit_width_arcsec, shot.exposure_s
        rate = sources.night_sky(grid, self.arm, self.instrument, shot.sky_brightness) * width * t
        sky = optics.blur(rate, optics.line_spread("slit", width, self.facts["optics"]))
        common = dict(
            throughput=optics.throughput(grid.order, grid.wavelength_nm, self.facts),
            telluric=sources.telluric(grid, shot.airmass, self.instrument),
            extinction=sources.extinction(grid.wavelength_nm, shot.airmass, self.instrument),
        )
        sky_light = pixels.image(sky, self.slit_transmission, grid.u[0])
        targets = [self._target(shot, target, pixels, grid, common) for target in shot.targets]
        return SeenOrder(pixels, grid, sky=sky, sky_light=sky_light, targets=targets, **common)

    def _target(self, shot, target, pixels, grid, common):
        """The SeenTarget of one source in one order."""
        wave, width, facts = grid.wavelength_nm, shot.slit_width_arcsec, self.facts["optics"]
        seeing = shot.seeing_arcsec * shot.airmass**0.6 * (wave / 500) ** -0.2
        fwhm = np.hypot(seeing, facts["blur_arcsec"])
        outside = np.sqrt(seeing**2 + target.size_arcsec**2)
        fraction = np.interp(
            wave, *_sampled(wave, lambda w: optics.share_within(width / 2, np.interp(w, *_rising(wave, outside))))
        )
        # ASSUME the slit lies across the horizon by a third of its length: refraction moves the blue along it
        bend = 0.12 * np.tan(np.arccos(1 / shot.airmass)) * ((620.0 / wave) ** 2 - 1)
        place = target.slit_arcsec + bend
        flux = sources.target_flux(target.facts, wave, self.instrument)
        transmission = common["throughput"] * common["extinction"] * common["telluric"]
        electrons = sources.photo_electrons(flux, grid, self.area_cm2) * transmission * fraction * shot.exposure_s
        kernel = optics.line_spread("star", width, facts, float(np.median(outside)))
        spectrum = optics.blur(electrons, kernel)
        a = np.arange(pixels.area.shape[1], dtype=float)
        place_px, fwhm_px = (np.interp(a, grid.u, v) for v in (place, fwhm))
        galaxy = optics.disc(target.size_arcsec, float(np.median(fwhm))) if target.size_arcsec else None

        def profile(slit_arcsec):
            x = slit_arcsec - place_px
            return (np.interp(x, *galaxy) if galaxy else optics.moffat(x, fwhm_px)) * self.slit_transmission(
                slit_arcsec
            )

        light = pixels.image(spectrum, profile, grid.u[0])
        return SeenTarget(target, flux, transmission, fraction, place, fwhm, kernel, spectrum, light)


def _rising(x, y):
    return (x, y) if x[-1] > x[0] else (x[::-1], y[::-1])


def _sampled(x, function, number=40):
    """A slow function of a long array, at few points: for interpolation."""
    few = np.linspace(x.min(), x.max(), number)
    return few, function(few)


def make_bench(instrument, arm, seed):
    """The Bench of an arm in the night of this seed."""
    kit = load_instrument(instrument)
    detector = kit.arm(arm)["detector"]
    facts = kit.yaml("simulate.yaml")["arms"][arm]
    columns, rows = (int(np.diff(detector[f"science_{k}"])[0]) for k in ("columns", "rows"))
    shape = (columns, rows) if detector["dispersion_axis"] == "y" else (rows, columns)
    rng = np.random.default_rng([seed, *arm.encode()])
    drift = geometry.draw_drift(rng, facts["drift"])
    solution = geometry.moved(geometry.nominal_solution(instrument, arm), drift, shape[::-1])
    return Bench(instrument, arm, solution, make_detector(facts["detector"], shape, rng), shape)
