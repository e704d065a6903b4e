"""Right answers: the simulator's truth of a target on a galaxy, discs and what is none."""

import numpy as np
import pytest

from soxslib.simulate import optics
from soxslib.simulate.bench import Target
from soxslib.simulate.small import small_bench, small_frame, small_shot
from tests.helpers.small_science import STAR, flat_before, inner, reduced, spectra, truth

DISC = optics.disc
BENCHES = [("VIS", (1, 3), (1800, 2400), 17.0), ("NIR", (12, 14), (700, 1300), 16.0)]


def gaussian(size, fwhm):
    """A galaxy unlike any that is expected, blurred by seeing."""
    x = np.arange(-20 * size, 20 * size, 0.02)
    light = np.convolve(
        np.exp(-4 * np.log(2) * (x / size) ** 2), optics.moffat(np.arange(-300, 301) * 0.02, fwhm), "same"
    )
    return x, light / np.trapezoid(light, x)


def with_bulge(size, fwhm):
    """A disc with a fifth of its light in a bulge that looks like a point source."""
    x, light = DISC(size, fwhm)
    at, bulge = gaussian(1.0, fwhm)
    light = 0.8 * light + 0.2 * np.interp(x, at, bulge, 0.0, 0.0)
    return x, light / np.trapezoid(light, x)


def deviations(bench, host, seed):
    """(relative deviation of the target's counts, what is said of their scale's error), of each order."""
    arm, star = bench.arm, Target(dict(STAR, mag=17.5 if bench.arm == "VIS" else 16.5), -0.6)
    small = small_frame(bench, small_shot(arm=arm, targets=(star, host)), np.random.default_rng(seed))
    exposure = reduced(small, -0.6, flat_before(small))
    assert exposure.extended
    out = []
    for spectrum in spectra([exposure]):
        assert spectrum.scale_error == exposure.host_under(spectrum.order)[1]
        counts, keep = truth(small, spectrum), inner(spectrum)
        wave, _, sky, _ = small.spectrum(spectrum.order)
        rising = np.argsort(wave)
        sky = np.interp(spectrum.wavelength_nm, wave[rising], sky[rising])
        weight = np.where(keep, counts / (300.0 + sky + 0.3 * counts), 0.0)  # knows no noise, as quoted variances do
        flux, variance = (np.where(keep, y, 0.0) for y in (spectrum.flux, spectrum.variance))
        deviation, noise = weight @ flux / (weight @ counts) - 1.0, np.sqrt(weight**2 @ variance) / (weight @ counts)
        out.append((deviation, np.hypot(spectrum.scale_error, noise)))
    return np.array(out)


@pytest.mark.parametrize(("arm", "orders", "along", "mag"), BENCHES)
def test_counts_on_a_host_are_right_to_what_is_said_of_them(arm, orders, along, mag, monkeypatch):
    bench, found = small_bench(orders, arm=arm, along=along), []
    for form in (optics.disc, gaussian):
        monkeypatch.setattr(optics, "disc", form)
        for apart, size, brighter in ((1.5, 3.0, -0.5), (0.8, 3.0, 0.0), (1.5, 6.0, 0.5)):
            host = Target(dict(name="HOST", type="host", mag=mag - brighter, z=0.03), -0.6 + apart, size)
            found += [deviations(bench, host, seed) for seed in (1, 2)]
    deviation, error = np.concatenate(found).T
    assert np.sqrt(np.mean(deviation**2)) < 0.025
    pull = deviation / error
    assert 0.4 < np.sqrt(np.mean(pull**2)) < 1.4
    assert np.abs(pull).max() < 3.5


@pytest.mark.parametrize(("arm", "orders", "along", "mag"), BENCHES)
def test_a_host_right_behind_the_target_is_found_and_a_bulge_it_may_have_is_in_the_error(
    arm, orders, along, mag, monkeypatch
):
    bench, host = (
        small_bench(orders, arm=arm, along=along),
        Target(dict(name="HOST", type="host", mag=mag, z=0.03), -0.6, 5.0),
    )
    found = {}
    for form in (DISC, with_bulge):
        monkeypatch.setattr(optics, "disc", form)
        found[form] = np.concatenate([deviations(bench, host, seed) for seed in (1, 2)])
    assert np.all(np.abs(found[DISC][:, 0]) < 0.03)
    bulge, error = found[with_bulge].T
    assert np.mean(bulge) > 0.05  # it cannot be told
    assert np.abs(bulge / error).max() < 3.5


def test_samples_name_the_place_where_the_targets_light_falls():
    """The host draws the first trace by a quarter of an arcsecond, lines are tilted: along the dispersion by a fifth of that."""
    bench = small_bench((12,), arm="NIR", along=(700, 1300))
    star, host = Target(dict(STAR, mag=17.5), -0.6), Target(dict(name="HOST", type="host", mag=15.0, z=0.03), 0.9, 3.0)
    small = small_frame(bench, small_shot(arm="NIR", targets=(star, host)), np.random.default_rng(1))
    exposure = reduced(small, -0.6, flat_before(small))
    (spectrum,) = spectra([exposure])
    seen = small.light.orders[12]
    rising = np.argsort(seen.grid.wavelength_nm)
    slit = np.interp(spectrum.wavelength_nm, seen.grid.wavelength_nm[rising], seen.targets[0].slit_arcsec[rising])
    along, across = small.solution[12].position(spectrum.wavelength_nm, slit)
    keep = inner(spectrum)
    first, last = (t.at(12, spectrum.wavelength_nm)[keep].mean() for t in (exposure.grid_trace, exposure.traces[0]))
    assert abs(first - last) > 0.15
    assert np.abs(spectrum.along_px - along)[keep].max() < 0.03
    assert np.abs(spectrum.across_px - across)[keep].max() < 0.3
