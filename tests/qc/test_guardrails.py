"""Three stories of calibrations gone wrong: each is passed over for the next, and header and sidecar tell why.

The light leak is measured by the recipe itself on made-up frames; for the others the story begins with the sidecar.
"""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from soxslib.catalogue.guardrails import limits_rules
from soxslib.config.settings import settings_for
from soxslib.config.user import check_config
from soxslib.datamodel import Exposure, RawFrame
from soxslib.instruments import load_instrument
from soxslib.io import products
from soxslib.io.cards import Header
from soxslib.job import Job, checks_of, unusable
from soxslib.qc.master_bias import measure
from soxslib.qc.master_dark import measure as measure_dark
from soxslib.qc.metric import header_cards
from soxslib.qc.verdicts import FAIL, LIMITS_FILE, judge
from soxslib.recipes.master_bias import master_bias
from soxslib.recipes.master_dark import master_dark

SOXS = load_instrument("SOXS")


@pytest.fixture
def night(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    enforce({})
    return tmp_path


def enforce(limits):
    rules = limits_rules(check_config({"limits": limits}), SOXS)
    products.write_json(LIMITS_FILE, rules)
    return rules["limits"]


def calibration(step, stem, *metrics, **facts):
    """Path of a product with a sidecar that holds these metrics."""
    path = f"reduced/2026-01-27/{step}/{stem}.fits"
    header = Header()
    header["HIERARCH ESO PRO CATG"] = f"{step.upper()}_VIS"
    products.write_tables(path, [], header)
    content = {"step": step, "arm": "VIS", "stem": stem, "status": "ok", "metrics": list(metrics), **facts}
    products.write_json(path.replace(".fits", ".qc.json"), content)
    return path


def metric(name, value, order=None):
    return {"name": name, "value": value, "order": order, "unit": "", "meaning": ""}


def consumer(name, candidates):
    """The Job of a science step, after it has asked for its calibration."""
    job = Job("stare", {name: candidates}, {"metrics": "reduced/x.qc.json"}, {"arm": "VIS", "stem": "x"})
    job.calibration(name, products.read_header)
    return job


def test_an_overexposed_flat_is_passed_over_for_the_next(night):
    best = calibration("master_flat", "A", metric("SATURATED FRAC", 0.4), metric("FLAT SNR", 500.0, 1))
    other = calibration("master_flat", "B", metric("SATURATED FRAC", 0.0))
    job = consumer("master_flat", [best, other])
    assert [path for path, _ in job.used] == [other]
    assert job.passed_over == [(best, "SATURATED FRAC is 0.4, 0 to 0.02 is needed")]


def test_a_failed_arc_is_passed_over_for_the_next(night):
    best = "reduced/2026-01-27/spatial_solution/A.fits"
    arc = Job("spatial_solution", {}, {"product": best, "metrics": best.replace(".fits", ".qc.json"),
              "verdict": best.replace(".fits", ".verdict")}, {"arm": "VIS", "stem": "A"})  # fmt: skip
    arc.fail("A: 3 lines found, 20 are needed; was the lamp on?")
    other = calibration("spatial_solution", "B", metric("LINES FRACTION", 0.95))
    job = consumer("spatial_solution", [best, other])
    assert [path for path, _ in job.used] == [other]
    assert job.passed_over == [(best, "A: 3 lines found, 20 are needed; was the lamp on?")]
    assert (night / "reduced/2026-01-27/spatial_solution/A.verdict").read_text() == "rejected\n"


def test_a_weak_arc_lamp_is_told_by_its_lines(night):
    weak = calibration("dispersion_solution", "A", metric("LINES FRACTION", 0.2), metric("LINES USED", 30))
    assert unusable(weak) == "LINES FRACTION is 0.2, 0.4 to 1 is needed and 1 more"


@pytest.mark.parametrize(("leak_e", "fails"), [(0.0, False), (40.0, True), (120.0, True), (3000.0, True)])
def test_a_light_leak_in_all_biases_fails_the_master(leak_e, fails, rng):
    """A strong leak in a corner as well: its pixels then pass for hot ones, and not for structure."""
    settings = SimpleNamespace(**settings_for("master_bias", "VIS"))
    result = master_bias([bias_frame(rng, leak_e) for _ in range(5)], settings)
    sidecar = {"step": "master_bias", "arm": "VIS", "metrics": [m.as_dict() for m in measure(result)]}
    limits = limits_rules(check_config({}), SOXS)["limits"]
    verdict = judge(sidecar, limits)
    assert (verdict.state == FAIL) == fails, verdict


def test_darks_without_any_noise_fail_the_master():
    """Frames of nothing but light at the full well: the noise of their mean over none at all is no number."""
    exposure = Exposure("dark.fits", "SOXS", "NIR", "CALIB", "DARK", "IMAGE", 10.0, 61067.6, gain_e_adu=2.0)
    frames = [RawFrame(np.full((256, 256), 65535.0), exposure)] * 3
    metrics = measure_dark(master_dark(frames, SimpleNamespace(**settings_for("master_dark", "NIR"))))
    assert "HIERARCH ESO QC RON RAW" in header_cards(metrics)
    assert "HIERARCH ESO QC NOISE RATIO" not in header_cards(metrics)  # FITS holds finite numbers only
    sidecar = {"step": "master_dark", "arm": "NIR", "metrics": [m.as_dict() for m in metrics]}
    assert judge(sidecar, limits_rules(check_config({}), SOXS)["limits"]).state == FAIL


def bias_frame(rng, leak_e, shape=(256, 512), ron_e=3.5, level_adu=600.0):
    """A bias with light that falls off along the detector; the strips beside it see none."""
    leak = leak_e * np.exp(-np.arange(shape[1]) / 200.0)[None, :] * np.exp(-np.arange(shape[0]) / 120.0)[:, None]
    noise = lambda shape: rng.normal(level_adu, ron_e / 1.1, shape)
    strip = lambda: noise((50, shape[1])).astype(np.float32)
    exposure = Exposure("bias.fits", "SOXS", "VIS", "CALIB", "BIAS", "IMAGE", 0.0, 61067.6, gain_e_adu=1.1)
    adu = noise(shape) + rng.poisson(leak) / 1.1
    return RawFrame(adu.astype(np.float32), exposure, strip(), strip())


def test_a_response_that_is_mostly_interpolated_is_passed_over(night):
    """0.92 is what good VIS standards give, 0.07 what one gave whose light was taken for cosmic rays."""
    best = calibration("response", "A", metric("RESP MEASURED", 0.07))
    other = calibration("response", "B", metric("RESP MEASURED", 0.92), metric("RESP MEASURED", 0.7, 4))
    job = consumer("response", [best, other])
    assert [path for path, _ in job.used] == [other]
    assert job.passed_over == [(best, "RESP MEASURED is 0.07, 0.5 to 1 is needed")]


def test_a_response_of_a_star_whose_extraction_fails_is_passed_over(night):
    """Also when the limits change afterwards: neither star nor response need be reduced again."""
    star = calibration("nod", "S", metric("THROUGHPUT MIN", 0.01), metric("SNR MEDIAN", 1.0))
    bad = calibration("response", "A", metric("RESP MEASURED", 0.92), extraction=checks_of(star))
    assert unusable(bad) == "its star: THROUGHPUT MIN is 0.01, at least 0.05 is needed and 1 more"
    enforce({"nod": {"THROUGHPUT MIN": {"fail": [0, None]}}})
    assert unusable(bad) is None  # warnings of the star are its own


def test_a_changed_limit_changes_the_verdict_without_the_recipe(night):
    flat = calibration("master_flat", "A", metric("SATURATED FRAC", 0.4))
    assert unusable(flat) is not None
    enforce({"master_flat": {"SATURATED FRAC": {"fail": [0, 0.5]}}})
    assert unusable(flat) is None


def test_the_sidecar_tells_what_was_passed_over(night):
    best = calibration("master_flat", "A", metric("SATURATED FRAC", 0.4))
    job = consumer("master_flat", [best])
    job.write_metrics([])
    told = json.loads((night / "reduced/x.qc.json").read_text())
    assert told["passed_over"] == [{"path": best, "reason": "SATURATED FRAC is 0.4, 0 to 0.02 is needed"}]
