"""A cut-out of the instrument, small enough for unit tests: true geometry, true physics, a few orders and columns."""

from dataclasses import dataclass, replace

import numpy as np

from soxslib.datamodel import DispersionSolution, Exposure, Frame, Quality
from soxslib.simulate import geometry, optics
from soxslib.simulate.bench import Bench, Light, Shot, Target
from soxslib.simulate.detector import Detector, expose
from soxslib.simulate.truth import wavelength_at


@dataclass(frozen=True)
class SmallFrame:
    """A reduced-to-electrons frame of a small bench, and what is in it.

    bench, shot, light: where it comes from; expected: noiseless electrons; cosmic: pixels hit by cosmic rays;
    wavelength_nm, slit_arcsec, order: exact maps at the pixels' centres (NaN and 0 outside the orders).
    """

    frame: Frame
    bench: Bench
    shot: Shot
    light: Light
    expected: np.ndarray
    cosmic: np.ndarray
    wavelength_nm: np.ndarray
    slit_arcsec: np.ndarray
    order: np.ndarray

    @property
    def solution(self):
        return self.light.solution

    def spectrum(self, order, target=0):
        """Truth per column of one order: (wavelength at the slit's centre, counts, sky per arcsec, position across).

        counts: electrons of the target in the pixel around that wavelength, through the slit, at the instrument's
        resolution. across: where the target lies where its light of that wavelength falls.
        """
        seen = self.light.orders[order]
        a = np.arange(self.bench.shape[1], dtype=float)
        wave = wavelength_at(self.solution[order], a, 0.0)
        source = seen.targets[target]
        counts, sky, slit = (np.interp(a, seen.grid.u, v) for v in (source.spectrum, seen.sky, source.slit_arcsec))
        return wave, counts, sky, self.solution[order].position(wave, slit)[1]


def small_bench(orders=(1, 3), *, arm="VIS", along=(1800, 2400), height=64, read_noise_e=3.5, dead=20, seed=1):
    """A Bench of some orders, cut to a stretch along the dispersion and stacked `height` rows apart.

    Pixels respond alike but for `dead` ones; nothing is hot; cosmic rays are ten times as frequent per pixel.
    """
    whole = geometry.nominal_solution("SOXS", arm)
    first, last = along
    shape = (height * len(orders), last - first)
    moved = {}
    for i, n in enumerate(orders):
        middle = np.interp(0.5 * (first + last), *_track(whole[n]))
        moved[n] = whole[n].shifted(-first, height * (i + 0.5) - middle)
    rng = np.random.default_rng(seed)
    response, kind = np.ones(shape, np.float32), np.zeros(shape, np.uint8)
    bad = tuple(rng.integers(0, n, dead) for n in shape)
    response[bad], kind[bad] = 0.2, 1
    bench = Bench("SOXS", arm, DispersionSolution(arm, moved), None, shape)
    whole_facts = bench.facts["detector"]
    rate = whole_facts["cosmic_rays_s"] * 10 * response.size / 3.5e6
    facts = {**whole_facts, "cosmic_rays_s": rate, "read_noise_e": read_noise_e, "dark_e_s": 0.0}
    zero = np.zeros(shape, np.float32)
    return replace(bench, detector=Detector(facts, response, zero, zero, kind))


def _track(order):
    wave = np.linspace(*order.wavelength_nm, 400)
    along, across = order.position(wave, 0.0)
    k = np.argsort(along)
    return along[k], across[k]


def small_shot(role="science_stare", *, arm="VIS", target=None, slit_arcsec=0.6, exposure_s=600.0, **more):
    """A Shot of a supernova in the 1.0" slit, or of what is asked."""
    target = target or dict(name="SN", type="sniin", mag=17.0, z=0.01)
    sky = dict(slit="SLIT1.0", on_sky=True, targets=(Target(target, slit_arcsec),), rotator_deg=None)
    return Shot(arm, role, exposure_s, **{**sky, **more})


def small_frame(bench, shot, rng, *, cosmic_rays=True):
    """The SmallFrame of a shot: electrons with the pedestal gone, true variances, dead pixels flagged.

    The pixels' response is left in (it is 1 but for dead pixels). Cosmic rays are not flagged: finding them is the
    pipeline's work.
    """
    light = bench.light_of(shot)
    detector = bench.detector
    if not cosmic_rays:
        detector = replace(detector, facts={**detector.facts, "cosmic_rays_s": 0.0})
    electrons, rays = expose(detector, light.image, rng, exposure_s=shot.exposure_s, ndit=shot.ndit)
    expected = light.image * detector.response
    floor = np.full(bench.shape, detector.facts["read_noise_e"] ** 2 / shot.ndit)
    quality = np.where(detector.kind, int(Quality.BAD), 0)
    frame = Frame(electrons, floor + expected / shot.ndit, quality, small_exposure(shot), floor)
    return SmallFrame(frame, bench, shot, light, expected, rays > 0, *_maps(bench, light))


def small_exposure(shot):
    """The typed facts of a shot, as its header would tell them."""
    return Exposure(
        file=f"small_{shot.role}.fits", instrument="SOXS", arm=shot.arm, category="SCIENCE", type="OBJECT",
        technique="ECHELLE,SLIT,STARE", exposure_s=shot.exposure_s, mjd=61068.1, ndit=shot.ndit, slit=shot.slit,
        airmass=shot.airmass, seeing_arcsec=shot.seeing_arcsec, rotator_deg=shot.rotator_deg,
    )  # fmt: skip


def _maps(bench, light):
    """(wavelength, slit position, order) of every pixel's centre."""
    wave, slit = (np.full(bench.shape, np.nan) for _ in range(2))
    number = np.zeros(bench.shape, np.int16)
    for n in light.solution:
        pixels = optics.order_pixels(light.solution[n], bench.shape)
        grid = optics.fine_grid(light.solution[n], bench.shape[1])
        k, a = np.nonzero(pixels.inside & (np.abs(pixels.slit_arcsec[1]) < 6.5))
        row = pixels.row[k, a]
        wave[row, a] = np.interp(pixels.u[1, k, a], grid.u, grid.wavelength_nm)
        slit[row, a] = pixels.slit_arcsec[1, k, a]
        number[row, a] = n
    return wave, slit, number


def simulated_science_order(rng, *, order=1, target=None, slit_arcsec=0.6, exposure_s=600.0, cosmic_rays=True, **bench):
    """The SmallFrame of one tilted order with sky lines, one object, cosmic rays and dead pixels."""
    own = small_bench((order,), **bench)
    shot = small_shot(arm=own.arm, target=target, slit_arcsec=slit_arcsec, exposure_s=exposure_s)
    return small_frame(own, shot, rng, cosmic_rays=cosmic_rays)
