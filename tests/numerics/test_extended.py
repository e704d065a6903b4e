"""Right answers: the light that the slit's light was made of."""

import numpy as np
import pytest

from soxslib.numerics.extended import ExtendedLight, Points, light_along, line_columns, split_light
from soxslib.numerics.profile import moffat

SLIT = np.arange(-5.4, 5.41, 0.14)
HOW = dict(light_error=0.01, least_gain=3.0, side_by_side=True)
MIDDLE_NM = np.array([500.0, 620.0, 800.0])


def light(rng, host_peak, *, fwhm=1.0, sky=-3.0, noise=0.2):
    """(light, variance) of an order with a point source of peak 100 at +0.3 arcsec on an exponential host at +1.8, as blurred as
    the point."""
    fine = np.arange(-12, 12, 0.02)
    blur = moffat(np.arange(-3, 3.01, 0.02), fwhm)
    host = np.convolve(np.exp(-np.abs(fine - 1.8) / 1.6), blur / blur.sum(), "same")
    host = host_peak * np.interp(SLIT, fine, host / host.max())
    values = 100.0 * moffat(SLIT - 0.3, fwhm) + host + sky + rng.normal(0, noise, SLIT.size)
    return values, np.full(SLIT.size, noise**2)


def split(values, variance, *args):
    return split_light(SLIT, values[None], variance[None], MIDDLE_NM[:1], *args, **HOW)


@pytest.mark.parametrize("host_peak", [15.0, 60.0])
def test_a_point_source_is_told_from_its_host(rng, host_peak):
    """The search starts from what a blend looks like: wider and drawn towards the host."""
    points, extended, _ = split(*light(rng, host_peak), [0.45], 1.3)
    assert points.positions[0] == pytest.approx(0.3, abs=0.05)
    assert points.fwhm_arcsec[0] == pytest.approx(1.0, abs=0.05)
    assert extended.relative_peak == pytest.approx(host_peak / 100.0, rel=0.15)
    assert extended.centre_arcsec == pytest.approx(1.8, abs=0.15)
    assert np.trapezoid(extended.at(SLIT, MIDDLE_NM[0]), SLIT) == pytest.approx(1.0, abs=1e-6)


def seen_through_air(rng, fwhm, noise):
    """[order, slit] (light, variance): host twice as bright in each order as in the one before, seeing by Kolmogorov's law."""
    widths = fwhm * (MIDDLE_NM / MIDDLE_NM[0]) ** -0.2
    orders = [light(rng, peak, fwhm=w, noise=noise) for w, peak in zip(widths, (15.0, 30.0, 60.0), strict=True)]
    return tuple(np.stack(part) for part in zip(*orders, strict=True))


def test_orders_of_other_colour_and_width_tell_one_form(rng):
    points, extended, _ = split_light(SLIT, *seen_through_air(rng, 1.0, 0.05), MIDDLE_NM, [0.45], 1.3, **HOW)
    assert points.bend == pytest.approx(0.0, abs=0.03)
    assert points.fwhm_arcsec[0] * points.widening(MIDDLE_NM[0]) == pytest.approx(1.0, abs=0.03)
    assert points.positions[0] == pytest.approx(0.3, abs=0.02)
    assert extended.centre_arcsec == pytest.approx(1.8, abs=0.05)


def test_what_the_forms_leave_of_the_counts_is_known(rng):
    """Counts go with the peaks that least squares find with the forms; their scatter over the noise, known to 13 per cent."""
    found, said = [], []
    for _ in range(30):
        values, variance = seen_through_air(rng, 1.0, 0.6)
        points, extended, doubt = split_light(
            SLIT, values, variance, MIDDLE_NM, [0.3], 1.2, light_error=1e-4, least_gain=1.1, side_by_side=True
        )
        widths = [points.fwhm_arcsec[0] * points.widening(at) for at in MIDDLE_NM]
        area = np.trapezoid(moffat(np.linspace(-4, 4, 801), 1.0, points.power)) * 0.01
        one = [_peak(y, points, w, extended, at) for y, w, at in zip(values, widths, MIDDLE_NM, strict=True)]
        found.append(np.log(np.array(one) * widths * area))
        said.append(doubt)
    assert np.std(found, axis=0) == pytest.approx(np.median(said, axis=0), rel=0.35)


def _peak(values, points, width, extended, at_nm):
    columns = [np.ones(SLIT.size), moffat(SLIT - points.positions[0], width, points.power), extended.at(SLIT, at_nm)]
    return np.linalg.lstsq(np.stack(columns, axis=1), values, rcond=None)[0][1]


def test_a_point_source_alone_has_no_host(rng):
    values = 100.0 * moffat(SLIT - 0.3, 1.0) + rng.normal(0, 0.2, SLIT.size)
    points, extended, _ = split(values, np.full(SLIT.size, 0.04), [0.3], 1.3)
    assert extended is None
    assert points.positions[0] == pytest.approx(0.3, abs=0.01)
    assert points.fwhm_arcsec[0] == pytest.approx(1.0, abs=0.01)


def test_the_wings_of_a_point_source_are_no_host(rng):
    """Seeing profiles have wings of other powers than the expected one."""
    values = 100.0 * moffat(SLIT - 0.3, 1.0, 2.5) + rng.normal(0, 0.2, SLIT.size)
    points, extended, _ = split(values, np.full(SLIT.size, 0.04), [0.3], 1.1)
    assert extended is None
    assert points.power == pytest.approx(2.5, abs=0.2)


def test_two_sources_are_no_host(rng):
    values = 100.0 * moffat(SLIT - 0.3, 1.0) + 30.0 * moffat(SLIT - 3.0, 1.0) + rng.normal(0, 0.2, SLIT.size)
    points, extended, _ = split(values, np.full(SLIT.size, 0.04), [0.3, 3.0], 1.3)
    assert extended is None
    assert points.fwhm_arcsec == pytest.approx([1.0, 1.0], abs=0.03)


def test_extended_light_is_largest_at_its_centre():
    """A disc's light falls by e each scale length; half of what it has at its centre is left at half its width."""
    blur = Points([0.0], [1.0], 3.0, 500.0)
    one = ExtendedLight(1.0, 2.0, 1.0, 0.0, blur, 0.3, 0.5)
    assert one.at(1.0, 500.0) == pytest.approx(0.3) and one.at(3.0, 500.0) == pytest.approx(0.3 / np.e)
    blurred = ExtendedLight(1.0, 2.0, 1.6, 0.4, blur, 0.3, 0.5)
    assert blurred.at(1.0 + blurred.fwhm_arcsec / 2, 500.0) == pytest.approx(blurred.at(1.0, 500.0) / 2)
    assert blurred.at(1.0, 800.0) > blurred.at(1.0, 500.0)  # better seeing, a sharper cusp


def test_light_along_the_slit_is_the_weighted_mean_of_its_pixels(rng):
    """Bin by bin, with NumPy's average."""
    grid, shape = np.arange(-2.0, 2.1, 0.5), (20, 30)
    slit, arcsec, sky = rng.uniform(-3, 3, shape), rng.uniform(0.2, 0.3, shape), rng.uniform(-5, 50, shape)
    floor, variance, data = rng.uniform(9, 12, shape), rng.uniform(10, 50, shape), rng.normal(30, 5, shape)
    used = (rng.random(shape) < 0.8) & ((slit < 0.75) | (slit > 1.25))  # leaves a bin empty
    data[~used] = np.nan  # never read
    mean, error2 = light_along(grid, slit, arcsec, data, sky, floor, variance, used, sky_error=0.1)
    weight = 1.0 / (floor + np.maximum(sky, 0.0) + (0.1 * sky) ** 2)
    for s, found, square in zip(grid, mean, error2, strict=True):
        k = used & (np.abs(slit - s) < 0.25)
        if not k.any():
            assert (found, square) == (0.0, np.inf)
            continue
        assert found == pytest.approx(np.average(((data - sky) / arcsec)[k], weights=weight[k]))
        assert square == pytest.approx(np.sum((weight**2 * variance / arcsec**2)[k]) / weight[k].sum() ** 2)


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
