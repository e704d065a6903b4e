"""The report of a made-up night: what its pages say and what is written again. Right answers: what was put in."""

import base64
import json
import re
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_up_report import LINE_NM, MadeUpNight, read_state, spectrum

from soxslib.catalogue.pairs import pairs_of
from soxslib.io.products import write_json
from soxslib.qc.arms import arms_ratio
from soxslib.report.build import build
from soxslib.report.payload import joined
from soxslib.report.picture import write_png

PAGE = "report/target/2026-01-27_SN000.html"


@pytest.fixture
def night(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return MadeUpNight(stride=20)


def test_the_first_page_tells_states_and_reasons(night):
    build(night.plan)
    text = Path("report/index.html").read_text()
    assert "EXTRACTION CHI2 of order 11 is 1.8" in text
    assert "no spatial solution: not observed" in text
    assert "one &lt;frame&gt; &amp; more" in text


def test_a_targets_page_tells_what_was_passed_over_and_why(night):
    build(night.plan)
    text = Path(PAGE).read_text()
    assert "passed over:</b> SATURATED FRAC is 0.4" in text
    assert 'href="../calibration/master_flat_20260127T170000_VIS_MFLAT.html"' in text


def test_every_link_between_pages_leads_somewhere(night):
    build(night.plan)
    for page in Path("report").rglob("*.html"):
        for link in re.findall(r'(?:href|src)="([^"#]+)"', page.read_text()):
            if not link.startswith("data:"):
                assert (page.parent / link).exists(), f"{page}: {link}"


def test_no_page_asks_the_network_for_anything(night):
    build(night.plan)
    for page in Path("report").rglob("*.html"):
        assert not re.search(r"""(?:src|href|url\()=?["']?https?:""", page.read_text())


def test_spectra_stand_in_the_page_as_they_are_on_disk(night):
    build(night.plan)
    data = json.loads(re.search(r'id="data">(.*?)</script>', Path(PAGE).read_text())[1].replace("\\u003c", "<"))
    vis = next(s for s in data["series"] if s["arm"] == "VIS" and s["kind"] == "flux")
    flux = np.frombuffer(base64.b64decode(vis["flux"]), "<f2").astype(float) * vis["scale"]
    wave = vis["start"] + vis["step"] * np.arange(flux.size)
    truth = 300e-18 * (wave / 600) ** -1.5
    away = np.abs(wave - LINE_NM) > 5
    assert np.median(flux[away] / truth[away]) == pytest.approx(1, abs=0.005)


def test_joined_bins_have_the_error_of_a_mean(rng):
    mean, error, _, _ = joined(spectrum("VIS", rng, False))
    wave = np.arange(350.01, 853, 0.04)[: mean.size]
    away = np.abs(wave - LINE_NM) > 5
    pull = ((mean - 300 * (wave / 600) ** -1.5) / error)[away]
    assert np.std(pull) == pytest.approx(1, abs=5 / np.sqrt(2 * pull.size))  # 5 sigma of a scatter of so many


def test_nothing_is_written_again_without_need(night):
    build(night.plan)
    pages = list(Path("report").rglob("*.*"))
    before = {p: p.stat().st_mtime_ns for p in pages}
    build(night.plan)
    assert {p: p.stat().st_mtime_ns for p in pages} == before
    assert len(read_state("report")) == 3


def test_another_limit_changes_states_and_nothing_else(night):
    build(night.plan)
    night.put_limits({"stare": {"EXTRACTION CHI2": {"each": {"fail": [0, 1.5]}}}})
    story = build(night.plan)
    assert {t.name: t.state for t in story.targets} == {"SN000": "pass", "SN001": "fail", "LOST": "fail"}


def test_a_png_holds_the_image(tmp_path, rng):
    """Against the format itself: chunks found again, rows unpacked."""
    image = rng.integers(0, 255, (7, 11)).astype(np.uint8)
    write_png(tmp_path / "a.png", image)
    data = (tmp_path / "a.png").read_bytes()
    start = data.index(b"IDAT")
    size = int.from_bytes(data[start - 4 : start], "big")
    rows = np.frombuffer(zlib.decompress(data[start + 4 : start + 4 + size]), np.uint8).reshape(7, 12)
    assert (rows[:, 1:] == image).all() and (rows[:, 0] == 0).all()


def test_the_arms_ratio_is_that_of_their_fluxes(rng):
    blue, red = spectrum("VIS", rng, True), spectrum("NIR", rng, True)
    ratio, error = arms_ratio(blue, replace(red, flux=1.2 * red.flux, error=1.2 * red.error))
    assert ratio == pytest.approx(1.2, abs=5 * error) and error < 0.01


def test_orders_go_by_their_bands_the_bluest_first(night):
    path = next(Path("reduced").rglob("*_VIS_*SN001.qc.json"))
    path.write_text(path.read_text().replace('"order": 11', '"order": 2'))
    night.put_limits({"stare": {"EXTRACTION CHI2": {"each": {"fail": [0, 1.5]}}}})
    story = build(night.plan)
    assert list(story.bands["VIS"].values()) == ["u", "g", "r", "i"]
    assert "EXTRACTION CHI2 of order u is 1.8, 0 to 1.5 is needed" in [i.reason for i in story.items]


def test_a_spectrum_of_both_arms_is_linked_once_it_is_made(night):
    build(night.plan)
    assert "both arms in one spectrum" not in Path(PAGE).read_text()
    pair = next(p for p in pairs_of(night.tasks) if p.target == "SN000")
    metrics = [
        {"name": name, "value": value, "order": None} for name, value in (("ARM SCALED", "NIR"), ("ARM SCALE", 1.25))
    ]
    sidecar = {"step": pair.step, "status": "ok", "metrics": metrics, "warnings": ["NIR over VIS is 0.8"]}
    write_json(pair.outputs["metrics"], sidecar)
    Path(pair.outputs["fluxcal"]).write_text("")
    build(night.plan)
    text = Path(PAGE).read_text()
    assert f'<a href="../../{pair.outputs["fluxcal"]}">both arms in one spectrum</a>: NIR multiplied by 1.250' in text
    assert "NIR over VIS is 0.8" in text
