"""Inverse, derivatives and map of a solution: answers from the forward solution."""

import numpy as np
import pytest

from soxslib.datamodel import DispersionSolution, OrderSolution
from soxslib.numerics.dispersion import invert, jacobian, pixel_width_nm, wavelength_map

LIMITS = (500.0, 600.0)


def order_solution(order=7, across_px=100.0, sign=1):
    """An order over 1200 px with curved trace, tilted and bent slit, wavelength rising or falling with position."""
    along = np.array([[600.0, 3.0, 0.3], [640.0 * sign, 0.5, 0.0], [-12.0, 0.1, 0.0], [2.0, 0.0, 0.0]])
    across = np.array([[across_px, 20.0, 0.2], [8.0, -0.6, 0.0], [-5.0, 0.1, 0.0], [0.3, 0.0, 0.0]])
    return OrderSolution(order, LIMITS, (-6.0, 6.0), along, across)


@pytest.mark.parametrize("sign", [1, -1])
def test_inverse_undoes_the_solution_to_a_billionth_of_a_pixel(rng, sign):
    s = order_solution(sign=sign)
    wavelength, slit = rng.uniform(*LIMITS, 3000), rng.uniform(-6.3, 6.3, 3000)
    along, across = s.position(wavelength, slit)
    found = invert(s, along, across)
    back = s.position(*found)
    np.testing.assert_allclose(back, (along, across), rtol=0, atol=1e-9)
    np.testing.assert_allclose(found, (wavelength, slit), rtol=0, atol=1e-9)


def test_inverse_broadcasts_and_is_nan_where_the_order_is_not():
    s = order_solution()
    wavelength, slit = invert(s, np.array([[300.0, 600.0, 1e5]]), np.array([[90.0], [110.0]]))
    assert wavelength.shape == slit.shape == (2, 3)
    assert np.isfinite(wavelength[:, :2]).all()
    assert np.isnan(wavelength[:, 2]).all()
    assert np.isnan(slit[:, 2]).all()


def test_derivatives_are_those_of_finite_differences():
    s = order_solution()
    w, v, h = np.linspace(510, 590, 7), np.linspace(-5, 5, 7), 1e-4
    along, across = s.position(w, v)
    j = jacobian(s, w, v)
    w1, v1 = invert(s, along + h, across)
    w2, v2 = invert(s, along, across + h)
    np.testing.assert_allclose(j.wavelength_by_along, (w1 - w) / h, rtol=1e-4)
    np.testing.assert_allclose(j.slit_by_along, (v1 - v) / h, rtol=1e-4, atol=1e-8)
    np.testing.assert_allclose(j.wavelength_by_across, (w2 - w) / h, rtol=1e-4)
    np.testing.assert_allclose(j.slit_by_across, (v2 - v) / h, rtol=1e-4)


def test_pixel_width_is_positive_for_falling_wavelengths_too():
    width = pixel_width_nm(order_solution(sign=-1), 550.0, 0.0)
    assert 0.05 < width < 0.1  # 100 nm over some 1280 px


@pytest.mark.parametrize("binning", [(1, 1), (2, 1), (2, 2)])
def test_map_is_the_inverse_at_pixel_centres_of_the_frame_as_binned(binning):
    s = DispersionSolution("X", {7: order_solution(), 8: order_solution(8, 190.0, -1)})
    shape = 260 // binning[0], 1200 // binning[1]
    maps = wavelength_map(s, shape, binning, slit_limit_arcsec=6.3, wavelength_limits_nm={7: LIMITS, 8: (520, 580)})
    wavelength, slit, order = maps
    assert [m.dtype for m in maps] == [np.float32, np.float32, np.int16]
    assert set(np.unique(order)) == {0, 7, 8}
    np.testing.assert_array_equal(np.isfinite(wavelength), order > 0)
    for o in (7, 8):
        rows, columns = np.nonzero(order == o)
        across, along = ((rows, columns) + np.array(0.5)) * np.array(binning)[:, None] - 0.5
        exact = invert(s[o], along, across)
        np.testing.assert_allclose(wavelength[rows, columns], exact[0], atol=2e-4)  # float32 at 600 nm, 1/400 px
        np.testing.assert_allclose(slit[rows, columns], exact[1], atol=2e-4)
        assert np.abs(exact[1]).max() <= 6.3 + 1e-3
    assert wavelength[order == 8].min() >= 520
    assert wavelength[order == 8].max() <= 580


def test_map_reaches_all_pixels_of_the_slit():
    s = DispersionSolution("X", {7: order_solution()})
    _, _, order = wavelength_map(s, (260, 1200), (1, 1), slit_limit_arcsec=6.3, wavelength_limits_nm={7: (0, 9e3)})
    rows, columns = np.indices(order.shape)
    wavelength, slit = invert(s[7], columns, rows)
    inside = (np.abs(slit) < 6.25) & (wavelength > 505) & (wavelength < 595)
    assert (order[inside] == 7).all()
