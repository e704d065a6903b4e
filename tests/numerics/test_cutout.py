"""The exact inverse of the forward map, by iteration, is the right answer."""

from dataclasses import replace

import numpy as np
import pytest

from soxslib.datamodel.geometry import to_unit
from soxslib.numerics import cutout as cut
from soxslib.simulate.geometry import nominal_solution
from soxslib.simulate.small import small_bench

SLIT = dict(half_slit_arcsec=5.8)


@pytest.mark.parametrize(("arm", "order"), [("VIS", 1), ("VIS", 4)])
def test_inverse_map_undoes_the_forward_map(rng, arm, order):
    solution = nominal_solution("SOXS", arm)[order]
    low, high = solution.wavelength_nm
    wavelength = np.linspace(low + 0.02 * (high - low), high - 0.02 * (high - low), 60)
    slit = rng.uniform(-5.8, 5.8, 60)
    along, across = solution.position(wavelength, slit)
    got, position = cut.inverse_map(solution, along, across[None, :], **SLIT)
    pixel_nm = np.abs(np.gradient(wavelength) / np.gradient(solution.position(wavelength, 0.0)[0]))
    assert np.abs((got[0] - wavelength) / pixel_nm).max() < 2e-3  # px
    assert position[0] == pytest.approx(slit, abs=1e-3)  # arcsec


@pytest.mark.parametrize("binning", [(1, 1), (2, 1), (2, 2)])
def test_a_cutout_holds_the_slit_and_nothing_else(binning):
    bench = small_bench((1,))
    shape = tuple(n // b for n, b in zip(bench.shape, binning, strict=True))
    solution = bench.solution[1]
    out = cut.cut_order(solution, shape=shape, binning=binning, wavelength_nm=solution.wavelength_nm, **SLIT)
    assert np.abs(out.slit_arcsec[out.is_inside]).max() <= 5.8
    assert np.all(np.isfinite(out.wavelength_nm[out.is_inside]))
    # every column sees the whole slit: its extent in arcsec is the sum of the pixels'
    extent = np.where(out.is_inside, out.arcsec, 0.0).sum(axis=0)
    assert np.median(extent) == pytest.approx(11.6, abs=1.5 * np.median(out.arcsec))


def test_take_and_put_are_inverse(rng):
    bench = small_bench((1,))
    solution = bench.solution[1]
    out = cut.cut_order(solution, shape=bench.shape, binning=(1, 1), wavelength_nm=solution.wavelength_nm, **SLIT)
    image, copy = rng.normal(size=bench.shape), np.zeros(bench.shape)
    out.put(copy, out.take(image))
    assert np.array_equal(copy[copy != 0], image[copy != 0])
    assert (copy != 0).sum() == out.is_inside.sum()


def test_an_order_off_the_frame_is_no_cutout():
    solution = small_bench((1,)).solution[1].shifted(along_px=1e5)
    assert (
        cut.cut_order(solution, shape=(64, 600), binning=(1, 1), wavelength_nm=solution.wavelength_nm, **SLIT) is None
    )


def test_binned_coordinates_are_undone():
    assert cut.to_binned(cut.to_unbinned(7.3, 2), 2) == pytest.approx(7.3)
    assert cut.to_binned(0.5, 2) == 0  # the middle of pixels 0 and 1


def test_pixels_beyond_the_detector_repeat_its_border_and_are_not_written(rng):
    """Against the rows and columns of the pixels themselves."""
    bench = small_bench((1,))
    solution = bench.solution[1]
    out = cut.cut_order(solution, shape=bench.shape, binning=(1, 1), wavelength_nm=solution.wavelength_nm, **SLIT)
    for by in (-int(out.first_row.max()) - 5, 0, bench.shape[0] - int(out.first_row.min()) - 5):
        bent = replace(out, first_row=out.first_row + by + np.arange(out.columns.size) // 50)
        inside = (bent.rows >= 0) & (bent.rows < bench.shape[0])
        image = rng.integers(1, 60000, bench.shape).astype(np.uint16)
        at = np.clip(bent.rows, 0, bench.shape[0] - 1), np.broadcast_to(bent.columns, bent.rows.shape)
        taken = bent.take(image)
        assert taken.dtype == image.dtype
        np.testing.assert_array_equal(taken, image[at])
        copy, expected = np.zeros(bench.shape), np.zeros(bench.shape)
        where = rng.random(taken.shape) < 0.5
        replace(bent, is_inside=inside).put(copy, taken.astype(float), where)
        use = inside & where
        expected[at[0][use], at[1][use]] = taken[use]
        np.testing.assert_array_equal(copy, expected)


def test_displaced_wavelengths_are_those_of_the_series(rng):
    """Of a map w(row of the frame, column) that is a quadratic: exact but at the borders."""
    height, width = 12, 300
    first_row = np.arange(width) // 40
    x, y = np.arange(width)[None, :] + np.zeros((height, 1)), first_row[None, :] + np.arange(height)[:, None]
    wavelength = lambda x: 500.0 + 0.03 * x + 2e-6 * x**2 + 0.01 * y + 1e-5 * x * y
    out = cut.OrderCutout(1, np.arange(width), first_row, wavelength(x), y - 6.0, 0 * x, x > -1, (40, width))
    moved = rng.uniform(-3, 3, x.shape)
    inner = np.s_[3:-3, 3:-3]
    smooth = np.gradient(np.gradient(first_row.astype(float))) == 0  # where the rows step evenly
    difference = np.abs(out.displaced(moved) - wavelength(x - moved))[inner]
    assert difference[:, smooth[3:-3]].max() < 1e-9


def test_positions_are_the_two_polynomials(rng):
    solution = small_bench((1,)).solution[1]
    low, high = solution.wavelength_nm
    for wavelength, slit in (
        (rng.uniform(low, high, (5, 7)), rng.uniform(-5, 5, 7)),
        (rng.uniform(low, high, 9), 1.2),
        (0.5 * (low + high), rng.uniform(-5, 5, 4)),
        (low, 0.0),
    ):
        u, v = np.broadcast_arrays(to_unit(wavelength, solution.wavelength_nm), to_unit(slit, solution.slit_arcsec))
        for found, c in zip(solution.position(wavelength, slit), (solution.along, solution.across), strict=True):
            assert np.shape(found) == u.shape
            np.testing.assert_allclose(found, np.polynomial.chebyshev.chebval2d(u, v, c), rtol=1e-12)
