"""Right answers: the light that the slit's light was made of."""

import numpy as np
import pytest

from soxslib.numerics.extended import ExtendedLight, Points, light_along
from soxslib.numerics.extended_fit import split_light
from soxslib.numerics.profile import moffat

SLIT = np.arange(-5.4, 5.41, 0.14)
HOW = dict(light_error=0.01, least_gain=3.0, least_peak=0.04, least_wings=0.12, side_by_side=True)
MIDDLE_NM = np.array([500.0, 620.0, 800.0])


def light(rng, host_peak, *, fwhm=1.0, sky=-3.0, noise=0.2, centre=1.8, scale=1.6):
    """(light, variance) of an order with a point source of peak 100 at +0.3 arcsec on an exponential host, as blurred as the
    point."""
    fine = np.arange(-12, 12, 0.02)
    blur = moffat(np.arange(-3, 3.01, 0.02), fwhm)
    host = np.convolve(np.exp(-np.abs(fine - centre) / scale), blur / blur.sum(), "same")
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
            SLIT, values, variance, MIDDLE_NM, [0.3], 1.2, **(HOW | dict(light_error=1e-4, least_gain=1.1))
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


def test_a_host_right_behind_a_faint_source_is_found_where_nothing_else_explains_the_light(rng):
    """Its gain is small, for it looks like wings; but chance makes none of 40."""
    found = [split(*light(rng, 14.0, noise=1.2, centre=0.3, scale=3.0), [0.3], 1.1)[1] for _ in range(20)]
    assert sum(f is not None for f in found) >= 18
    none = [split(*light(rng, 0.0, noise=1.2), [0.3], 1.1)[1] for _ in range(20)]
    assert none == [None] * 20


@pytest.mark.parametrize("halo", [0.05, 0.1])
def test_a_halo_of_a_point_source_is_no_host(rng, halo):
    values = 100.0 * moffat(SLIT - 0.3, 1.0) + 100.0 * halo * moffat(SLIT - 0.3, 2.5) + rng.normal(0, 0.2, SLIT.size)
    points, extended, _ = split(values, np.full(SLIT.size, 0.04), [0.3], 1.1)
    assert extended is None
    assert points.positions[0] == pytest.approx(0.3, abs=0.01)


def test_light_about_the_fainter_source_is_wings_by_that_ones_own_peak(rng):
    """What is a tenth of the target's peak may be host at a companion as faint."""
    second = lambda width: 12.0 * moffat(SLIT + 2.5, width)
    values, variance = light(rng, 12.0, centre=-2.5)
    _, extended, _ = split(values + second(1.0), variance, [0.3, -2.5], 1.2)
    assert extended.centre_arcsec == pytest.approx(-2.5, abs=0.2)


def test_two_sources_are_no_host(rng):
    values = 100.0 * moffat(SLIT - 0.3, 1.0) + 30.0 * moffat(SLIT - 3.0, 1.0) + rng.normal(0, 0.2, SLIT.size)
    points, extended, _ = split(values, np.full(SLIT.size, 0.04), [0.3, 3.0], 1.3)
    assert extended is None
    assert points.fwhm_arcsec == pytest.approx([1.0, 1.0], abs=0.03)


def test_a_source_seen_on_the_flank_of_a_brighter_one_is_found_at_its_place(rng):
    values = 100.0 * moffat(SLIT - 0.3, 1.0) + 10.0 * moffat(SLIT - 2.3, 1.0) + rng.normal(0, 0.2, SLIT.size)
    points, extended, _ = split(values, np.full(SLIT.size, 0.04), [0.3, 2.0], 1.2)
    assert extended is None
    assert points.positions == pytest.approx([0.3, 2.3], abs=0.05)


@pytest.mark.parametrize(("apart", "peak"), [(1.2, 60.0), (-1.4, 30.0)])
def test_a_source_hidden_in_anothers_light_is_added_and_no_host(rng, apart, peak):
    """One blend is detected between the two, as wide as both."""
    values = 100.0 * moffat(SLIT - 0.3, 1.0) + peak * moffat(SLIT - 0.3 - apart, 1.0) + rng.normal(0, 0.2, SLIT.size)
    middle = 0.3 + apart * peak / (100.0 + peak)
    about = SLIT, values[None], np.full((1, SLIT.size), 0.04), MIDDLE_NM[:1], [middle], 1.7
    points, extended, _ = split_light(*about, **(HOW | dict(side_by_side=False, most=3)))
    assert extended is None
    assert sorted(points.positions) == pytest.approx(sorted([0.3, 0.3 + apart]), abs=0.05)
    assert points.fwhm_arcsec == pytest.approx([1.0, 1.0], abs=0.05)


def test_a_host_is_no_hidden_source(rng):
    values, variance = light(rng, 30.0)
    about = SLIT, values[None], variance[None], MIDDLE_NM[:1], [0.45], 1.3
    points, extended, _ = split_light(*about, **(HOW | dict(side_by_side=False, most=3)))
    assert len(points.positions) == 1
    assert extended.centre_arcsec == pytest.approx(1.8, abs=0.15)


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


def test_other_forms_change_a_source_most_right_above_the_centre():
    host = ExtendedLight(1.0, 2.0, 1.0, 0.3, Points([0.0], [1.0], 3.0, 500.0), 0.3, 0.5)
    assert host.unlike(1.0, 1.0) == pytest.approx(1.0)
    assert host.unlike(1.6, 1.0) == host.unlike(0.4, 1.0) == pytest.approx(0.1, abs=0.01)
