"""Dispersion solution: answers from the geometry that made the arcs."""

import arc_frames as made
import numpy as np
import pytest

from soxslib.errors import ReductionError
from soxslib.qc.dispersion_solution import measure
from soxslib.recipes.dispersion_solution import dispersion_solution

STEP = "dispersion_solution"
MIDDLE = np.zeros(1)


def solve(raw):
    return dispersion_solution(raw, None, (), made.tables(), made.settings(STEP))


def test_drifts_of_tens_of_pixels_are_found():
    true = made.true_solution(along_px=-38.0, across_px=23.0)
    result = solve(made.arc_frame(true, MIDDLE, np.random.default_rng(1), slit="PINHOLE"))
    for order, (along, slit) in made.map_error(result.solution, true, slit_limit=0.0).items():
        assert np.median(along) < 0.02, order  # px
        assert np.percentile(along, 95) < 0.06, order
        assert np.percentile(slit, 95) < 0.03, order  # arcsec
    metrics = {(q.name, q.order): q.value for q in measure(result)}
    assert metrics["LINES FRACTION", None] > 0.9
    assert metrics["HELDOUT ALONG SD", None] < 0.04
    for o in result.solution:  # what one pinhole cannot tell is that of the published format
        np.testing.assert_allclose(result.solution[o].along[:2, 1], made.nominal()[o].along[:2, 1])


def test_a_row_of_pinholes_is_refused():
    raw = made.arc_frame(made.true_solution(), made.slit_positions(), np.random.default_rng(3))
    with pytest.raises(ReductionError, match="ARC.fits: shows .* pinholes beside each other, needs 1"):
        solve(raw)


def test_a_faint_order_leans_on_its_aligned_pattern(caplog):
    true = made.true_solution(along_px=9.0)
    raw = made.arc_frame(true, MIDDLE, np.random.default_rng(4), slit="PINHOLE")
    rows = slice(*np.sort(np.rint(true[2].across[0, 0] + np.array([-30, 30])).astype(int)))
    adu = raw.adu.copy()
    adu[rows] = (
        (adu[rows] - made.PEDESTAL_ADU) * 0.001
        + made.PEDESTAL_ADU
        + 4 * np.random.default_rng(5).normal(size=adu[rows].shape)
    )
    result = solve(type(raw)(adu, raw.exposure, raw.prescan, raw.overscan))
    assert "order 2 has only" in caplog.text
    along, _ = made.map_error(result.solution, made.true_solution(along_px=9.0), slit_limit=0.0)[2]
    assert np.median(along) < 3.0  # px: the shift of the other orders, not the ripples of this one
