"""Right answers: spectra drawn here with a known shift from the same list, pixel by pixel, with photon noise."""

import numpy as np
import pytest

from soxslib.numerics.lineshift import LineOffsets, shift_of_lines
from soxslib.numerics.skyline_fit import slit_image, slit_image_and_slopes
from soxslib.numerics.skylines import measure_sky_shift, slit_width_fit, slit_width_match

SETTINGS = {
    "search_px": 8.0,
    "line_error_px": 0.02,
    "slope_px": 0.1,
    "template_error": 0.01,
    "min_significance": 6.0,
}
RANGE = (660.0, 850.0)
SIGMA_PX, SLIT_PX = 0.9, 3.45


def line_list(rng, n=70):
    """Lines as dense as OH in the far red, some of them close pairs, fluxes over two decades."""
    wavelength = rng.uniform(*RANGE, n)
    wavelength[: n // 5] = wavelength[n // 5 : 2 * (n // 5)] + 0.05
    order = np.argsort(wavelength)
    return wavelength[order], 10 ** rng.uniform(0, 2, n)[order]


def spectrum(rng, lines, shift_px, *, n=2048, slope_px=0.0, bright=40.0, slit_px=SLIT_PX, scatter=0.2, falling=False):
    """(wavelength, sky, variance) of an order whose light has moved by shift + slope x unit wavelength."""
    wavelength = np.linspace(*RANGE, n)[:: -1 if falling else 1]
    rising = np.argsort(wavelength)
    unit = 2 * (lines[0] - RANGE[0]) / (RANGE[1] - RANGE[0]) - 1
    position = np.interp(lines[0], wavelength[rising], rising) + shift_px + slope_px * unit
    flux = bright * lines[1] * rng.lognormal(0, scatter, position.size)
    pixels = np.arange(n)
    sky = 100.0 + flux @ slit_image(pixels - position[:, None], SIGMA_PX * 1.1, slit_px)
    sky *= np.exp(-0.5 * ((pixels / n - 0.5) / 0.35) ** 2)  # blaze
    variance = sky + 100.0
    return wavelength, sky + rng.normal(0, np.sqrt(variance)), variance


def measure(spectrum_, lines, **changes):
    keywords = {"wavelength_range": RANGE, "sigma_px": SIGMA_PX, "slit_px": SLIT_PX, **SETTINGS, **changes}
    return measure_sky_shift(*spectrum_, lines, **keywords)


def test_a_line_keeps_its_light_and_its_slopes_are_those_of_differences():
    distance = np.arange(-30, 31) + 0.3
    light, by_distance, by_blur, by_width = slit_image_and_slopes(distance, 0.9, 3.45)
    assert light.sum() == pytest.approx(1, abs=1e-12)
    step = 1e-5
    numeric = (slit_image(distance + step, 0.9, 3.45) - slit_image(distance - step, 0.9, 3.45)) / (2 * step)
    np.testing.assert_allclose(by_distance, numeric, atol=1e-8)
    numeric = (slit_image(distance, 0.9 * (1 + step), 3.45) - slit_image(distance, 0.9 * (1 - step), 3.45)) / (2 * step)
    np.testing.assert_allclose(by_blur, numeric, atol=1e-8)
    numeric = (slit_image(distance, 0.9, 3.45 * (1 + step)) - slit_image(distance, 0.9, 3.45 * (1 - step))) / (2 * step)
    np.testing.assert_allclose(by_width, numeric, atol=1e-8)


@pytest.mark.parametrize("true", [-7.3, -2.5, -0.4, 0.0, 1.1, 2.5, 6.6])
def test_a_known_shift_comes_back(true):
    rng = np.random.default_rng(1)
    lines = line_list(rng)
    shift = measure(spectrum(rng, lines, true), lines)
    assert abs(shift.pixels - true) < 0.03  # the aim of the near-infrared
    assert shift.error < 0.03
    assert shift.n_lines > 20


def test_errors_are_true():
    pulls = []
    for seed in range(24):
        rng = np.random.default_rng(seed)
        lines = line_list(rng, 40)
        true, slope = rng.uniform(-3, 3), rng.normal(0, SETTINGS["slope_px"])
        shift = measure(spectrum(rng, lines, true, n=1024, slope_px=slope, bright=3.0), lines, line_error_px=1e-4)
        pulls.append(((shift.pixels - true) / shift.error, (shift.slope - slope) / shift.slope_error))
    scatter = np.sqrt(np.mean(np.square(pulls), axis=0))
    assert np.all((scatter > 0.7) & (scatter < 1.35))  # 2.5 sigma of the scatter of 24 pulls


def test_flat_topped_lines_of_a_wide_slit():
    rng = np.random.default_rng(2)
    lines = line_list(rng, 30)
    shift = measure(spectrum(rng, lines, -1.7, slit_px=17.0), lines, slit_px=17.2)
    assert abs(shift.pixels + 1.7) < 4 * shift.error < 0.3


@pytest.mark.parametrize("slit_px", [6.0, 17.0])
@pytest.mark.parametrize("start", [0.8, 1.0, 1.2])
def test_the_slits_width_comes_from_blended_lines_of_other_fluxes_than_listed(slit_px, start):
    """The correlation leads near enough, wherever it starts; the fit must not lean towards narrow or wide."""
    stretch = []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        lines = line_list(rng, 40)
        seen = (*spectrum(rng, lines, 1.4, slit_px=slit_px), lines)
        given = {"sigma_px": SIGMA_PX, "slit_px": start * slit_px, "search_px": 8.0}
        trials = start * slit_px * np.geomspace(0.75, 1.5, 11)
        match = slit_width_match(*seen, **given, widths_px=trials)
        given["slit_px"] = trials[np.argmax(match)]
        assert given["slit_px"] == pytest.approx(slit_px, rel=0.25)
        log_width, information = slit_width_fit(*seen, **given, template_error=0.03)
        stretch.append(log_width + np.log(given["slit_px"] / slit_px))
        assert abs(stretch[-1]) < 5 / np.sqrt(information) + 0.02
    assert abs(np.mean(stretch)) < 0.02


def test_without_lines_nothing_is_said_of_the_slits_width():
    wavelength = np.linspace(*RANGE, 2048)
    lines = (np.array([500.0]), np.array([1.0]))
    given = {"sigma_px": SIGMA_PX, "slit_px": 17.0, "search_px": 8.0, "template_error": 0.03}
    assert slit_width_fit(wavelength, np.ones(2048), np.ones(2048), lines, **given) == (0.0, 0.0)


def test_an_order_whose_wavelength_falls_with_the_pixels():
    rng = np.random.default_rng(3)
    lines = line_list(rng)
    shift = measure(spectrum(rng, lines, 1.9, falling=True), lines)
    assert abs(shift.pixels - 1.9) < 0.03


def test_cosmic_rays_bad_pixels_and_wrong_lines_do_not_move_it():
    rng = np.random.default_rng(4)
    lines = line_list(rng)
    wavelength, sky, variance = spectrum(rng, lines, 2.2)
    sky[rng.integers(0, sky.size, 25)] += 3e4
    bad = rng.integers(0, sky.size, 30)
    sky[bad], variance[bad] = np.nan, -1.0
    wrong = (lines[0] + np.where(np.arange(lines[0].size) % 12 == 4, 0.06, 0.0), lines[1])  # 0.6 px
    shift = measure((wavelength, sky, variance), wrong)
    assert abs(shift.pixels - 2.2) < 0.05


def test_binned_pixels_give_unbinned_shifts():
    rng = np.random.default_rng(5)
    lines = line_list(rng)
    shift = measure(spectrum(rng, lines, 1.3), lines, binning=2)
    assert abs(shift.pixels - 2.6) < 0.06


def test_noise_alone_is_not_measured():
    rng = np.random.default_rng(6)
    wavelength = np.linspace(*RANGE, 2048)
    shift = measure((wavelength, rng.normal(100, 10, 2048), np.full(2048, 100.0)), line_list(rng))
    assert not shift.is_measured
    assert shift.n_lines == 0


def test_lines_that_scatter_more_than_their_noise_give_a_larger_error():
    rng = np.random.default_rng(7)
    unit, error = np.linspace(-1, 1, 60), np.full(60, 0.01)
    lines = LineOffsets(unit, 0.5 + rng.normal(0, 0.1, 60), error)
    shift = shift_of_lines(lines, line_error_px=0.02, slope_px=0.1)
    assert shift.error == pytest.approx(0.1 / np.sqrt(60), rel=0.3)
    assert abs(shift.pixels - 0.5) < 4 * shift.error


@pytest.mark.parametrize("binning", [1, 2])
def test_a_bright_sharp_line_is_no_cosmic_ray(binning):
    rng = np.random.default_rng(8)
    lines = (np.array([700.0, 720.0, 760.03, 800.0]), np.full(4, 3000.0))
    spectrum_ = spectrum(rng, lines, 0.4, n=2048 // binning, slit_px=SLIT_PX / binning)
    shift = measure(spectrum_, lines, slit_px=SLIT_PX / binning)
    assert shift.n_lines == 4
    assert abs(shift.pixels - 0.4) < 0.05
