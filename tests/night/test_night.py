"""A small simulated night with every kind of bad file in it, reduced by the workflow as a user runs it.

What is right comes from the simulator's truth, which only the test reads.
"""

import json

import numpy as np
import pytest
from real_night import SNAKEMAKE, copy_of, products, run, soxs

pytestmark = pytest.mark.night


def test_bad_files_are_told_in_one_line_each_and_the_rest_is_reduced(reduced):
    night, reasons, text = reduced
    assert "Traceback" not in text
    for name, words in reasons.items():
        lines = [line for line in (night / "summary.txt").read_text().splitlines() if name in line]
        assert any(words in line for line in lines), (name, lines)
    assert len(list(night.glob("reduced/*/*/*_FLUXCAL.fits"))) >= 2


def test_spectra_agree_with_the_truth(reduced, tmp_path):
    night, _, _ = reduced
    soxs("accuracy", str(night), "--json", str(tmp_path / "a.json"))
    content = json.loads((tmp_path / "a.json").read_text())
    nodded = [s for s in content["spectra"] if s["mode"] in ("nodding", "stare") and s["arm"] == "VIS"]
    assert nodded
    for spectrum in nodded:
        orders = spectrum["orders"].values()
        assert len(orders) == 4
        value = lambda name, orders=orders: np.array([o[name] for o in orders])
        assert np.all(value("cover") > 0.98)
        assert np.all(np.abs(value("counts") - 1) < 0.03)
        assert np.median(value("snr")) > 0.90  # of an extraction that knows sky and profile
        assert abs(np.median(value("pull")) - 1) < 0.06  # a thousand pixels an order tell it to 0.03
    maps = [o for m in content["maps"] for o in m["orders"].values()]
    assert all(o["wavelength_px"] < 0.02 for o in maps)


def test_a_second_run_has_nothing_to_do_and_a_lost_product_comes_back_the_same(reduced, tmp_path):
    assert "Nothing to be done" in run(SNAKEMAKE, reduced[0], ok=False)
    night = copy_of(reduced[0], tmp_path / "copy")  # what follows from the lost product is now older than it
    before = products(night)
    lost = next(night.glob("reduced/*/master_bias/*.fits"))
    lost.unlink()
    run([*SNAKEMAKE, str(lost.relative_to(night))], night)
    assert products(night)[str(lost.relative_to(night))] == before[str(lost.relative_to(night))]
