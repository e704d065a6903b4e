"""The shift put into the lines is the truth."""

import numpy as np

from soxslib.numerics.polynomials import fit_with_prior
from soxslib.numerics.skybend import DECAY, DEGREE, bend
from tests.helpers.tilted_order import line

ROWS, COLUMNS = 40, 1000


def sky(u, lines):
    return 5.0 + 0.0 * u + sum(line(c, area=5000.0)(u) for c in lines)


def shifted(rng, shift, lines):
    """(arguments of `bend`, true shift) for lines that lie `shift`(along, slit) off the map."""
    along, slit = np.meshgrid(np.linspace(-1, 1, COLUMNS), np.linspace(-1, 1, ROWS))
    u = np.arange(COLUMNS)[None, :] - 0.25 * np.arange(ROWS)[:, None] + 0.0 * along
    truth, expected = shift(along, slit), sky(u, lines)
    slope = (sky(u + 1e-3, lines) - sky(u - 1e-3, lines)) / 2e-3
    light = sky(u - truth, lines)
    residual = light + rng.normal(0, np.sqrt(light + 50.0)) - expected
    usable = np.ones(u.shape, bool)
    return dict(residual=residual, slope=slope, variance=expected + 50.0, usable=usable), along, slit, truth


def test_lines_tell_where_the_map_is_off(rng):
    lean = lambda along, slit: (0.02 + 0.01 * along) * (slit - 0.3) + 0.01 * (slit**2 - 0.09)
    given, along, slit, truth = shifted(rng, lean, np.linspace(30.0, 970.0, 25))
    found = bend(along[0], slit, np.full(slit.shape, 0.3), prior_px=0.02, **given)
    assert np.std(truth) > 0.008
    assert np.std(found - truth) < 0.0025
    np.testing.assert_allclose(found[np.abs(slit - 0.3) < 0.03], 0.0, atol=2e-3)  # wavelengths at the reference stay


def test_without_lines_the_map_stays(rng):
    given, along, slit, _ = shifted(rng, lambda along, slit: 0.02 * slit, [])
    assert np.abs(bend(along[0], slit, 0.0 * slit, prior_px=0.02, **given)).max() < 1e-6


def test_poison_that_is_not_usable_changes_nothing(rng):
    given, along, slit, _ = shifted(rng, lambda along, slit: 0.02 * slit, [200.0, 500.0, 800.0])
    given["usable"][5:9, 100:300] = False
    clean = bend(along[0], slit, 0.0 * slit, prior_px=0.02, **given)
    given["residual"] = np.where(given["usable"], given["residual"], np.nan)
    np.testing.assert_array_equal(bend(along[0], slit, 0.0 * slit, prior_px=0.02, **given), clean)


def test_the_shift_is_that_of_all_pixels_in_one_fit(rng):
    given, along, slit, _ = shifted(rng, lambda along, slit: 0.02 * slit, np.linspace(30.0, 970.0, 25))
    given["usable"] = rng.random(slit.shape) < 0.7
    reference = 0.2 + 0.1 * along
    found = bend(along[0], slit, reference, prior_px=0.02, **given)
    curves = np.polynomial.chebyshev.chebvander(along, DEGREE)
    terms = [curves[..., i] * s for i in range(DEGREE + 1) for s in (slit - reference, slit**2 - reference**2)]
    use = given["usable"] & (np.abs(given["residual"]) < 5.0 * np.sqrt(given["variance"]))
    design = np.stack([-given["slope"][use] * t[use] for t in terms], axis=1)
    prior = 0.02 * DECAY ** np.add.outer(np.arange(DEGREE + 1), np.arange(2)).ravel()
    coefficients, _ = fit_with_prior(design, given["residual"][use], given["variance"][use], prior)
    np.testing.assert_allclose(found, sum(c * t for c, t in zip(coefficients, terms, strict=True)), atol=1e-12)
