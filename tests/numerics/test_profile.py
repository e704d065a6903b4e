"""Right answers: analytic integrals, and the profile that simulated light was made with."""

from dataclasses import replace

import numpy as np
import pytest

from soxslib.numerics import profile as prof

SHAPE = dict(step_arcsec=0.25, half_width_arcsec=4.0, reference_nm=600.0)


@pytest.mark.parametrize("fwhm", [0.7, 1.0, 2.2])
def test_a_profile_holds_all_light(fwhm):
    p = prof.analytic_profile(fwhm, **SHAPE)
    for wavelength in (400.0, 600.0, 900.0):
        d = np.linspace(-6, 6, 20001)
        assert np.trapezoid(p.at(d, wavelength), d) == pytest.approx(1, abs=2e-3)
    assert p.fwhm_arcsec == pytest.approx(fwhm, rel=0.03)


def test_seeing_is_wider_in_the_blue():
    p = prof.analytic_profile(1.0, **SHAPE)
    assert p.at(np.array([0.0]), 400.0) / p.at(np.array([0.0]), 600.0) == pytest.approx((400 / 600) ** 0.2, rel=1e-6)


def light(rng, truth, counts, n=6000, noise=5.0):
    distance = rng.uniform(-3.9, 3.9, n)
    expected = counts * truth(distance) * 0.28
    variance = expected + noise**2
    return distance, expected + rng.normal(0, np.sqrt(variance)), 1 / variance


def refined(rng, truth, counts, start, level=0.0):
    """The profile by 6000 pixels, 40 in a column, whose sky was taken to be `level` too low."""
    distance, data, weight = (a.reshape(40, 150) for a in light(rng, truth, counts))
    data += level
    one = np.ones(distance.shape)
    weight[0, :50], data[0, :50] = 0.0, np.nan  # never read
    light_of_order = prof.SlitLight(distance, 600.0 * one, 0.28 * one, counts * one, data, weight)
    equations = prof.profile_equations(start, 1, light_of_order)
    return prof.updated(start, *equations, tolerance=0.1)


def test_much_light_shapes_the_profile(rng):
    """A skewed profile that no Moffat function is."""
    d = np.linspace(-4, 4, 801)
    skewed = lambda x: (
        0.7 * np.exp(-0.5 * ((x + 0.2) / 0.4) ** 2) / (0.4 * np.sqrt(2 * np.pi))
        + 0.3 * np.exp(-0.5 * ((x - 0.5) / 0.5) ** 2) / (0.5 * np.sqrt(2 * np.pi))
    )
    p = prof.analytic_profile(1.1, **SHAPE)
    for _ in range(2):
        p = refined(rng, skewed, 1e5, p)
    assert p.at(d, 600.0) == pytest.approx(skewed(d), abs=0.02 * skewed(d).max())


def test_little_light_leaves_it(rng):
    start = prof.analytic_profile(1.0, **SHAPE)
    p = refined(rng, lambda x: start.at(x, 600.0), 1.0, start)
    d = np.linspace(-4, 4, 801)
    assert p.at(d, 600.0) == pytest.approx(start.at(d, 600.0), abs=0.05 * start.at(d, 600.0).max())


def test_a_wrong_sky_does_not_take_the_wings(rng):
    """The sky was fitted beside a profile with lesser wings, and holds a hundredth of the light."""
    truth = prof.analytic_profile(1.1, **SHAPE, beta=2.5)
    taken = -0.01 * 1e5 * 0.28 / 8.0
    p = refined(rng, lambda x: truth.at(x, 600.0), 1e5, truth, level=taken)
    d = np.linspace(-3.5, 3.5, 701)
    assert p.at(d, 600.0) == pytest.approx(truth.at(d, 600.0), rel=0.1)


def test_an_order_keeps_its_own_width(rng):
    """Light of a profile 6 per cent wider than the common one, with twice the counts that were thought."""
    p = prof.analytic_profile(1.0, **SHAPE)
    wide = replace(p, stretch={3: 1.06})
    distance = np.linspace(-5, 5, 40)[:, None] + rng.uniform(-0.1, 0.1, 500)
    expected = 2e3 * 0.25 * wide.at(distance, 600.0, 3)
    variance = expected + 25.0
    data, weight = expected + rng.normal(0, np.sqrt(variance)), 1.0 / variance
    weight[0, :9], data[0, :9] = 0.0, np.nan  # never read
    one = np.ones(distance.shape)
    light_of_order = prof.SlitLight(distance, 600.0 * one, 0.25 * one, 1e3 * one, data, weight)
    out = prof.stretched(p, {3: light_of_order}, prior=0.05, own=0.01)
    # the slope is taken at the narrow profile and with half the light: half the way and more is gone at the first step
    assert out.stretch[3] > 1.05 and set(out.stretch) == {3}


def test_widths_of_orders_lie_on_a_line_unless_their_light_says_otherwise(rng):
    """Six orders whose widths go with the logarithm of the wavelength. A faint one takes its width from the line; a bright
    one that is wider than the others keeps its own."""
    p = prof.analytic_profile(1.0, **SHAPE)
    nm = {o: 450.0 + 100 * o for o in range(6)}
    counts = {o: 20.0 if o == 1 else 5e3 for o in nm}
    truth = {o: 1.0 + 0.06 * np.log(w / 600.0) + (0.03 if o == 4 else 0.0) for o, w in nm.items()}
    light_of = {}
    for o, w in nm.items():
        distance = np.linspace(-5, 5, 40)[:, None] + rng.uniform(-0.1, 0.1, 1000)
        one = np.ones(distance.shape)
        expected = counts[o] * 0.25 * replace(p, stretch={o: truth[o]}).at(distance, w * one, o)
        data = expected + rng.normal(0, np.sqrt(expected + 25.0))
        light_of[o] = prof.SlitLight(distance, w * one, 0.25 * one, counts[o] * one, data, 1.0 / (expected + 25.0))
    out = p
    for _ in range(4):
        out = prof.stretched(out, light_of, prior=0.05, own=0.01)
    for o, s in truth.items():
        assert out.stretch[o] == pytest.approx(s, abs=0.012 if o == 1 else 0.002)


def test_beta_gives_the_wings():
    narrow, wide = (prof.analytic_profile(1.0, beta=beta, **SHAPE) for beta in (4.765, 2.5))
    far = np.array([2.5])
    assert wide.at(far, 600.0)[0] > 3 * narrow.at(far, 600.0)[0]


def test_seeing_is_narrower_in_the_red():
    """By the power -1/5 of the wavelength over the whole range of both arms."""
    profile = prof.analytic_profile(1.0, step_arcsec=0.1, half_width_arcsec=4.0, reference_nm=900.0)
    wavelength = np.geomspace(300.0, 2500.0, 400)
    assert profile.scale(wavelength) == pytest.approx((wavelength / 900.0) ** -0.2, rel=1e-14)
    assert float(replace(profile, stretch={3: 1.1}).scale(900.0, 3)) == pytest.approx(1.1, rel=1e-15)
