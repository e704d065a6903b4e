"""Right answers: the lines that a host's spectrum was made of."""

import numpy as np

from soxslib.numerics.extended_lines import line_columns


def spectrum_of_a_host(rng, *lines, sigma=20.0, n=2000):
    """(counts, information) of light without structure but emission lines (place, height, Gaussian sigma), smoothed as it is
    when its lines are looked for."""
    x = np.arange(n)
    light = 300.0 + sum((h * np.exp(-0.5 * ((x - p) / s) ** 2) for p, h, s in lines), np.zeros(n))
    k = 2 * np.pi * np.fft.rfftfreq(n)
    damped = np.fft.rfft(light + rng.normal(0, sigma, n)) / (1.0 + (LENGTH * k / (2 * np.pi)) ** 4)
    return np.fft.irfft(damped, n), np.full(n, sigma**-2)


LENGTH = 6.0
LINES = dict(length_px=LENGTH, line_sigma=5.0, reach=9)


def test_a_host_without_lines_has_none(rng):
    found = [line_columns(*spectrum_of_a_host(rng), **LINES).mean() for _ in range(10)]
    assert np.mean(found) < 0.01


def test_lines_of_a_host_are_found_alone_and_in_bands(rng):
    alone = line_columns(*spectrum_of_a_host(rng, (700, 150.0, 1.3)), **LINES)
    assert alone[695:705].all() and alone.sum() <= 61 + 2 * 9  # what a band of this one line is, and its reach
    many = [(p, 60.0 * rng.choice([-1, 1]), 1.3) for p in range(900, 1200, 7)]  # each below the limit
    band = line_columns(*spectrum_of_a_host(rng, *many), **LINES)
    assert band[930:1170].mean() > 0.95 and band[:800].mean() < 0.1
    everywhere = line_columns(*spectrum_of_a_host(rng, *((p, 400.0, 1.3) for p in range(5, 2000, 10))), **LINES)
    assert everywhere.mean() > 0.9


def test_what_the_sky_may_have_printed_is_no_line_of_a_host(rng):
    counts, information = spectrum_of_a_host(rng, (700, 150.0, 1.3))
    printed = spectrum_of_a_host(rng, (700, 150.0, 1.3), sigma=1e-6)[0]
    assert not line_columns(counts, information, printed=printed, **LINES)[690:710].any()
