"""Right answers: the spectra and changes that the skies are made of, and the same equations written out."""

import numpy as np
import pytest

from soxslib.numerics import extraction, series, splines
from soxslib.numerics.known_sky import SkyChange, known_sky, sky_change

N = 900
HOW = dict(length_px=61, knot_px=250.0, scale_error=0.2, shift_error_px=0.3)


def lines(rng, shift=0.0, number=40, height=(200, 3000)):
    """Gaussian lines of 1.2 px sigma."""
    x, centres = np.arange(N), rng.uniform(20, N - 20, number)
    heights = rng.uniform(*height, number)
    return (heights[:, None] * np.exp(-0.5 * ((x - centres[:, None] - shift) / 1.2) ** 2)).sum(axis=0)


def skies(seed, scale=1.08, shift=0.05, number=40):
    """(sky, its variance, sky before, its variance): smooth light of a galaxy in the first only."""
    rng = np.random.default_rng(seed)
    before, now = (lines(np.random.default_rng(seed + 100), s, number) for s in (0.0, shift))
    galaxy = 50.0 + 30.0 * np.sin(np.arange(N) / 200.0)
    out = []
    for expected in (scale * now + galaxy, before + 5.0):
        variance = (expected + 200.0) / 40.0
        out += [expected + rng.normal(0, np.sqrt(variance)), variance]
    return out


def test_scale_and_shift_of_the_lines_are_found():
    found = [sky_change(*skies(seed), **HOW) for seed in range(5)]
    assert np.mean([c.lines.mean() for c in found]) == pytest.approx(1.08, abs=0.003)
    assert np.mean([c.shift_px for c in found]) == pytest.approx(0.05, abs=0.003)
    assert np.median([c.misfit for c in found]) < 0.015


def test_noise_is_no_line():
    """Without lines nothing is known of them: the noise of the sky before must not pass for lines that have vanished."""
    change = sky_change(*skies(1, number=0), **HOW)
    assert change.lines == pytest.approx(1.0, abs=0.01)


def test_lines_that_vary_one_by_one_are_believed_the_less():
    sky, variance, before, before_variance = skies(2, scale=1.0, shift=0.0)
    uneven = 1.0 + 0.1 * np.sign(np.sin(np.arange(N) / 7.0))
    change = sky_change(sky + (uneven - 1.0) * (before - 5.0), variance, before, before_variance, **HOW)
    assert change.misfit == pytest.approx(0.1, rel=0.5)


def test_known_sky_is_the_sky_now():
    rng, rows = np.random.default_rng(3), 30
    before = 20.0 + lines(np.random.default_rng(103))
    expected = 1.05 * (before - 20.0) + 24.0
    position = np.broadcast_to(np.arange(N) + 0.37, (rows, N)) - 0.02 * np.arange(rows)[:, None]
    seen = np.interp(position, np.arange(N), before)
    data = seen + rng.normal(0, np.sqrt(seen + 10.0))
    light = np.ones(seen.shape)
    pixels = extraction.Pixels(
        data, np.full(seen.shape, 10.0), np.ones(seen.shape, bool), extraction.basis_of(position, N), light
    )
    change = SkyChange(np.full(N, 1.05), 0.0, 0.02, np.full(N, 20.0))
    known = known_sky([(pixels, seen, seen + 10.0, change)], np.full(N, 24.0), extraction.MARGIN)
    native = extraction.basis_of(np.arange(N, dtype=float)[None, :], N)
    told = known.at(native)[0]
    quiet = before < 21.0
    pull = ((told - expected) * np.sqrt(known.information))[quiet][5:-5]
    assert np.mean(told[quiet] - expected[quiet]) == pytest.approx(0.0, abs=0.2)
    assert np.std(pull) < 1.6  # samples of splines are correlated
    # where lines are bright their misfit is what limits the information
    bright = before > 1000.0
    assert np.max(known.information[bright] * (0.02 * (before[bright] - 20.0)) ** 2) < 1.5


def test_embedded_equations_are_those_of_the_whole(rng):
    first, phase = rng.integers(0, 40, 300), rng.uniform(0, 1, 300)
    weight, values, factor = rng.uniform(0.5, 2, 300), rng.normal(0, 1, 300), rng.uniform(0.5, 1.5, 300)
    kinds = [series.HALF_WAY, series.BSPLINE]
    small = series.equations(first, phase, kinds, [factor] * 2, weight, values, 44)
    factors = [np.zeros(300), factor, factor]
    whole = series.equations(first, phase, [series.CONVOLUTION, *kinds], factors, weight, values, 44)
    for own, right in zip(splines.embedded(*small, 3, 1), whole, strict=True):
        assert own == pytest.approx(right, abs=1e-12)
    one = series.equations(first, phase, [series.BSPLINE], [factor], weight, values, 44)
    for own, right in zip(splines.last_of_two(*small), one, strict=True):
        assert own == pytest.approx(right, abs=1e-12)
