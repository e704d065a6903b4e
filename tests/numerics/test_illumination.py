"""The right answer is what was put in: slope, loss at the ends, change under a source."""

import numpy as np
import pytest
from scipy import special

from soxslib.numerics.illumination import corrected_slit_light, light_under_source, lines_of
from tests.helpers.tilted_order import tilted_order


def test_a_slope_of_the_illumination_is_found(rng):
    order = tilted_order(rng, lambda u: 0.0 * u, lambda u: 1000.0 + 0.0 * u)
    position = np.linspace(-1, 1, 40)[:, None] + np.zeros((1, 300))
    light = np.ones_like(position)
    data = order.pixels.data * (1 + 0.03 * position)
    usable = np.ones(light.shape, bool)
    out = corrected_slit_light(
        position, light, data, order.sky, order.variance, usable, priors=(0.02, 0.02, 0.05, 0.05)
    )
    assert out == pytest.approx(1 + 0.03 * position, abs=3e-3)  # 5 sigma of 12 000 pixels of 3 %


def test_dark_ends_do_not_bend_the_middle(rng):
    order = tilted_order(rng, lambda u: 0.0 * u, lambda u: 1000.0 + 0.0 * u)
    position = np.linspace(-1, 1, 40)[:, None] + np.zeros((1, 300))
    light, usable = np.ones_like(position), np.ones(position.shape, bool)
    truth = 1.0 - 0.05 * (np.abs(position) > 0.9)
    data = order.pixels.data * truth
    out = corrected_slit_light(
        position, light, data, order.sky, order.variance, usable, priors=(0.02, 0.02, 0.05, 0.05)
    )
    assert out / out[20] == pytest.approx(truth, abs=3e-3)


@pytest.mark.parametrize("length_px", [60, 61])
def test_lines_of_an_image_are_what_its_neighbours_along_the_row_lack(rng, length_px):
    """Against NumPy's mean of the usable neighbours, as many on either side; at the ends of those there are."""
    image, usable = rng.normal(size=(3, 200)), rng.random((3, 200)) < 0.8
    (found,) = lines_of([image], usable, length_px)
    for row, column in ((0, 0), (1, 100), (2, 199)):
        near = slice(max(column - 30, 0), column + 31)
        assert found[row, column] == pytest.approx(image[row, column] - image[row, near][usable[row, near]].mean())


def test_what_is_smooth_along_the_dispersion_does_not_pass_for_illumination(rng):
    """Light that the model of a galaxy lacks, 30 per cent of the sky, bends the slit's light unless only the lines are read."""
    u = np.arange(1000.0)
    position = np.linspace(-1, 1, 40)[:, None] + 0.0 * u
    sky = 100.0 + 2e3 * sum(np.exp(-0.5 * ((u - c) / 1.2) ** 2) for c in np.arange(30.0, 1000.0, 37.0)) + 0.0 * position
    truth = 1.0 + 0.02 * position
    mean = sky * truth + 30.0 * np.exp(-2.0 * position**2)
    data, one, usable = rng.normal(mean, np.sqrt(mean)), np.ones(sky.shape), np.ones(sky.shape, bool)
    how = dict(priors=(0.02, 0.02, 0.05, 0.05))
    found = corrected_slit_light(position, one, *lines_of((data, sky), usable, 61), mean, usable, **how)
    assert found / found.mean() == pytest.approx(truth, abs=4e-3)  # 4 sigma of the slope that 27 lines tell
    bent = corrected_slit_light(position, one, data, sky, mean, usable, **how)
    assert np.abs(bent / bent.mean() - truth).max() > 0.02


def test_lines_printed_on_a_source_tell_the_light_under_it(rng):
    """A change of -1 per cent, ten times the error of these lines; the source's own lines are elsewhere and tell nothing."""
    u = np.arange(2000.0)
    sky = 100.0 + 4e4 * sum(np.exp(-0.5 * ((u - c) / 1.2) ** 2) for c in np.arange(30.0, 2000.0, 37.0))
    own = 1e5 * np.exp(-0.5 * ((u - 700.0) / 3.0) ** 2)
    variance = sky + 500.0
    counts = 500.0 + 0.1 * u + own - 0.01 * sky + rng.normal(0, np.sqrt(variance))
    assert light_under_source([(counts, variance, sky)], prior=0.01) == pytest.approx(-0.01, abs=0.002)


def test_without_lines_the_light_is_left_as_it_is(rng):
    variance = np.full(2000, 100.0)
    counts = rng.normal(0, 10.0, 2000)
    assert light_under_source([(counts, variance, np.full(2000, 50.0))], prior=0.01) == pytest.approx(0.0, abs=1e-9)


def test_ends_that_the_flat_blurs_otherwise_leave_the_middle_alone(rng):
    """Pixels of 0.3 arcsec on a slit whose ends the flat shows 0.1 arcsec nearer: inside nothing is wrong, and nothing may
    become so."""
    u, half = np.arange(1000.0), 5.8
    position = np.linspace(-1, 1, 40)[:, None] + 0.0 * u
    uneven = 1.0 + 0.01 * np.sin(4.0 * position)
    slit = lambda length: uneven * (1.0 - special.expit((np.abs(position) * half - length) / 0.06))
    sky = 100.0 + 2e4 * sum(np.exp(-0.5 * ((u - c) / 1.2) ** 2) for c in np.arange(30.0, 1000.0, 37.0)) + 0.0 * position
    mean = sky * slit(5.6)
    data, usable, flat = rng.normal(mean, np.sqrt(mean)), np.ones(sky.shape, bool), slit(5.7)
    found = corrected_slit_light(position, flat, data, sky, mean, usable, priors=(0.02, 0.02, 0.05, 0.05))
    middle = np.abs(position) < 0.9
    assert found[middle] == pytest.approx(flat[middle], rel=1e-3)  # 0.012 if the ends took part


def test_the_correction_is_the_least_squares_fit_of_its_terms(rng):
    """By design matrices of all pixels, with the priors as further data: of the middle, then of the ends beside its slope and
    bow."""
    shape, priors = (20, 60), np.array([0.02, 0.03, 0.05, 0.04])
    position = np.linspace(-1, 1, 20)[:, None] + rng.uniform(0, 0.02, shape)
    light, sky = rng.uniform(0.8, 1.2, shape), rng.uniform(-10, 100, shape)
    data, variance = sky * light + rng.normal(0, 5, shape), rng.uniform(10, 40, shape)
    usable = rng.random(shape) < 0.8
    data[~usable] = np.nan  # never read
    is_end = np.abs(position) > 0.9
    shift = np.gradient(light, axis=0) / np.gradient(position, axis=0)
    terms = np.stack([light, light * position, light * (position**2 - 1 / 3), shift, light * is_end])

    def factors_of(here, free, expected, width):
        use = here & usable & (sky > 0)
        sigma = np.sqrt(variance[use])
        design = np.stack([(sky * t)[use] / sigma for t in terms[free]], axis=1)
        values = (data - sky * expected)[use] / sigma
        return np.linalg.lstsq(np.vstack([design, np.diag(1 / width)]), np.r_[values, 0 * width], rcond=None)[0]

    middle = factors_of(~is_end, [0, 1, 2, 3], light, np.r_[1e9, priors[:3]])
    ends = factors_of(is_end, [3, 4], light + np.tensordot(middle[:3], terms[:3], 1), priors[2:])
    expected = light + np.where(
        is_end,
        np.tensordot(np.r_[middle[1:3], ends], terms[1:], 1),
        np.tensordot(middle[1:], terms[1:4], 1),
    )
    found = corrected_slit_light(position, light, data, sky, variance, usable, priors=priors)
    np.testing.assert_allclose(found, np.maximum(expected, 0.05), atol=1e-9)
