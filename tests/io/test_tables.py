"""Text tables: answers from the text written."""

import numpy as np
import pytest

from soxslib.errors import ReductionError
from soxslib.instruments import load_instrument
from soxslib.io.tables import read_arc_tables, read_ecsv


def test_columns_are_numbers_truths_or_text(tmp_path):
    path = tmp_path / "t.ecsv"
    path.write_text('# %ECSV 1.0\n# ---\na b c\n1 True "Ar I"\n2.5 False Ne\n')
    table = read_ecsv(path)
    np.testing.assert_array_equal(table["a"], [1, 2.5])
    np.testing.assert_array_equal(table["b"], [True, False])
    assert list(table["c"]) == ["Ar I", "Ne"]


def test_a_broken_table_is_named(tmp_path):
    path = tmp_path / "t.ecsv"
    path.write_text("a b\n1 2\n3\n")
    with pytest.raises(ReductionError, match=r"t\.ecsv: rows differ in length from its 2 columns; restore the table"):
        read_ecsv(path)


@pytest.mark.parametrize(("arm", "pinholes"), [("VIS", 9), ("NIR", 9)])
def test_arc_tables_are_turned_like_frames(arm, pinholes):
    tables = read_arc_tables(load_instrument("SOXS"), arm)
    p = tables.pinholes
    assert len(np.unique(p["slit_arcsec"])) == pinholes
    for order in np.unique(p["order"])[1:]:
        k = p["order"] == order
        assert np.ptp(p["along_px"][k]) > 5 * np.ptp(p["across_px"][k])  # orders run along axis 1
    assert (tables.atlas["wave"] > 300).all()  # nm
