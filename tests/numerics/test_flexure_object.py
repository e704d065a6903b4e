"""Right answers: spectra drawn here, seen by two orders or of a known template, with known shifts and photon noise."""

import numpy as np
import pytest

from soxslib.datamodel import OrderSolution
from soxslib.instruments import load_instrument
from soxslib.numerics.flexure import arm_shifts
from soxslib.numerics.flexure_evidence import evidence_of_object
from soxslib.numerics.flexure_lines import REST_NM, emission_lines, evidence_of_lines
from soxslib.numerics.flexure_object import overlap_shift
from soxslib.numerics.flexure_template import BALMER_NM, template_shift
from soxslib.numerics.lineshift import LineOffsets, Shift

OVERLAP = {"search_nm": 0.25, "fwhm_a_nm": 0.10, "fwhm_b_nm": 0.075, "level_terms": 5}


def smooth_spectrum(x):
    return np.ones_like(x)


def absorption_lines(x):
    rng = np.random.default_rng(99)
    lines = zip(rng.uniform(420, 446, 60), rng.uniform(0, 0.3, 60), strict=True)
    return np.prod([1 - depth * np.exp(-0.5 * ((x - at) / 0.12) ** 2) for at, depth in lines], axis=0)


def narrow_line(x):
    return 1 + 3 * np.exp(-0.5 * ((x - 434.3) / 0.05) ** 2) + 0.5 * np.exp(-0.5 * ((x - 434.3) / 1.5) ** 2)


def broad_line(x):
    return 1 - 0.5 * np.exp(-0.5 * ((x - 434.3) / 1.5) ** 2)


def seen(rng, spectrum, low, high, pixel_nm, fwhm_nm, moved_nm, signal_to_noise):
    """(wavelength, flux, variance): blurred, moved, under a throughput of its own."""
    wavelength = np.arange(high, low, -pixel_nm)
    nodes, weights = np.polynomial.hermite_e.hermegauss(15)
    blurred = sum(
        w * spectrum(wavelength - moved_nm + t * fwhm_nm / 2.355) for t, w in zip(nodes, weights, strict=True)
    )
    counts = (
        signal_to_noise**2 * blurred / np.sqrt(2 * np.pi) * (1 + 0.3 * np.sin((wavelength - 420) / 9 + 30 * fwhm_nm))
    )
    variance = counts + 30.0
    return wavelength, counts + rng.normal(0, np.sqrt(variance)), variance


def overlap(seed, spectrum, signal_to_noise):
    """(found minus true [nm], error)."""
    rng = np.random.default_rng(seed)
    true = rng.uniform(-0.1, 0.1)
    a = seen(rng, spectrum, 424.2, 446.0, 0.0301, 0.10, 0.0, signal_to_noise)
    b = seen(rng, spectrum, 424.1, 439.9, 0.0224, 0.075, true, signal_to_noise)
    found = overlap_shift(*a, *b, **OVERLAP)
    return None if found is None else (found.nm - true, found.error_nm)


@pytest.mark.parametrize(
    ("spectrum", "signal_to_noise", "largest_error_nm"),
    [(absorption_lines, 15, 0.012), (absorption_lines, 80, 0.003), (narrow_line, 25, 0.02), (broad_line, 60, 0.04)],
)
def test_two_orders_are_tied_with_true_errors(spectrum, signal_to_noise, largest_error_nm):
    found = [pair for pair in (overlap(seed, spectrum, signal_to_noise) for seed in range(6)) if pair is not None]
    off, error = np.array(found).T
    assert len(found) >= 5
    assert np.median(error) < largest_error_nm
    assert np.sqrt(np.mean((off / error) ** 2)) < 1.8  # 6 pulls: 1 +- 0.29


def test_spectra_without_features_tie_nothing():
    assert all(overlap(seed, smooth_spectrum, 100) is None for seed in range(3))


def test_orders_that_do_not_overlap_tie_nothing():
    rng = np.random.default_rng(1)
    a = seen(rng, absorption_lines, 441.0, 446.0, 0.03, 0.1, 0.0, 20)
    b = seen(rng, absorption_lines, 424.0, 439.9, 0.0224, 0.075, 0.0, 20)
    assert overlap_shift(*a, *b, **OVERLAP) is None


def dwarf(x):
    """Hydrogen lines as broad as a white dwarf's."""
    depths = np.linspace(0.4, 0.2, len(BALMER_NM))
    return (500 / x) ** 3 * np.prod(
        [1 - d / (1 + ((x - at) / 1.5) ** 2) for at, d in zip(BALMER_NM, depths, strict=True)], axis=0
    )


@pytest.mark.parametrize("true", [-4.7, 0.3, 3.1])
def test_a_standard_gives_the_shift_of_an_order_without_sky_lines(true):
    rng = np.random.default_rng(2)
    pixels = np.arange(4096)
    wavelength = 440.0 - 0.0225 * pixels
    throughput = np.exp(-0.5 * ((pixels - 2048) / 1300) ** 2) * (1 + 0.1 * np.sin(pixels / 400))
    counts = 2e4 * dwarf(wavelength + 0.0225 * true) / dwarf(400.0) * throughput
    flux = counts + rng.normal(0, np.sqrt(counts + 60))
    grid = np.arange(340, 450, 0.05)
    shift = template_shift(
        wavelength,
        flux,
        counts + 60,
        grid,
        dwarf(grid),
        wavelength_range=(348.0, 440.0),
        fwhm_nm=0.08,
        features_nm=BALMER_NM,
        level_nm=10.0,
        search_px=8.0,
        feature_error_px=0.05,
        slope_px=0.1,
        template_error=0.005,
    )
    assert shift.error < 0.4
    assert abs(shift.pixels - true) < 3 * shift.error


RANGES = {1: (524.5, 685.0, 0.038), 2: (347.0, 442.0, -0.0225), 3: (423.5, 549.5, -0.030), 4: (660.0, 853.0, 0.046)}


def emission_object(rng, shifts, redshift, height):
    """{order: (wavelength, flux, variance)} of a continuum with narrow lines, each order moved by its shift [px]."""
    spectra = {}
    for order, (low, high, rate) in RANGES.items():
        wavelength = np.arange(low, high, abs(rate))[:: int(np.sign(rate))]
        flux = np.full(wavelength.size, 400.0)
        for rest in REST_NM[::2]:
            moved = rest * (1 + redshift) + shifts[order] * rate
            flux += height * np.exp(-0.5 * ((wavelength - moved) / (1.5 * abs(rate))) ** 2)
        spectra[order] = wavelength, flux + rng.normal(0, np.sqrt(flux)), flux
    return spectra


def linear_solutions():
    solutions = {}
    for order, (low, high, rate) in RANGES.items():
        along = np.array([[2000.0], [0.5 * (high - low) / rate]])
        solutions[order] = OrderSolution(order, (low, high), (-6.0, 6.0), along, np.zeros((2, 1)))
    return solutions


def find(spectra):
    return emission_lines(spectra, fwhm_px=3.5, search_px=6, redshifts=(-0.002, 0.1), contrast=8, line_error_px=0.03)


def test_narrow_lines_carry_the_shift_to_orders_without_sky_lines():
    rng = np.random.default_rng(3)
    true = {1: 0.8, 2: -3.2, 3: -2.1, 4: 0.6}
    redshift, lines = find(emission_object(rng, true, 0.0231, 400.0))
    assert redshift == pytest.approx(0.0231, abs=5e-4)
    solutions = linear_solutions()
    sky = {
        o: Shift(true[o], 0.01, 9, lines=LineOffsets(np.linspace(-1, 1, 9), np.full(9, true[o]), np.full(9, 0.02)))
        for o in (1, 4)
    }
    model = {"common_px": [], "common_slope_px": [], "order_px": 4.0, "slope_px": 0.01, "loose_orders": {}}
    shifts = arm_shifts(RANGES, sky, model, evidence=evidence_of_lines(lines, redshift, solutions), doubt_sigma=4)
    for order in (2, 3):
        assert abs(shifts[order].pixels - true[order]) < min(0.25, 3 * shifts[order].error)


def test_a_spectrum_without_such_lines_gives_none():
    rng = np.random.default_rng(4)
    spectra = emission_object(rng, dict.fromkeys(RANGES, 0.0), 0.02, 0.0)
    assert find(spectra)[1] == []
    for wavelength, flux, _ in spectra.values():  # peaks everywhere, as between a cool star's bands
        flux += 150 * np.sin(wavelength / 0.06) + 150 * rng.normal(size=flux.size)
    assert find(spectra)[1] == []


def test_an_arm_whose_orders_all_have_sky_lines_asks_nothing_of_the_object():
    spectra = emission_object(np.random.default_rng(5), dict.fromkeys(RANGES, 0.0), 0.02, 400.0)
    model = load_instrument("SOXS").yaml("flexure.yaml")["NIR"]
    assert evidence_of_object(spectra, {}, model, fwhm_px=dict.fromkeys(RANGES, 3.5), search_px=6) == []


def test_all_an_object_tells_comes_as_statements_that_hold():
    rng = np.random.default_rng(6)
    true = {1: 0.8, 2: -3.2, 3: -2.1, 4: 0.6}
    spectra = emission_object(rng, true, 0.0231, 400.0)
    model = load_instrument("SOXS").yaml("flexure.yaml")["VIS"]
    found = evidence_of_object(spectra, linear_solutions(), model, fwhm_px=dict.fromkeys(RANGES, 3.5), search_px=6)
    assert {s.method for s in found} >= {"lines"}
    for s in found:
        if s.method == "tie":
            assert abs(s.value - sum(a * true[o] for o, (a, _) in s.terms.items())) < 4 * s.error
