"""The whole step on small frames: what comes out, in which shape, and what is said when something is wrong."""

from dataclasses import replace

import numpy as np
import pytest

from soxslib.datamodel import Quality
from soxslib.errors import ReductionError
from soxslib.qc.stare import measure
from soxslib.recipes import stare as recipe
from soxslib.simulate.small import small_bench, small_frame, small_shot
from tests.helpers.small_science import STAR, settings


@pytest.fixture
def prepared(monkeypatch):
    """Frames that are prepared already."""
    monkeypatch.setattr(recipe, "prepare", lambda frame, *_: frame)


@pytest.fixture(scope="module")
def small():
    return small_frame(small_bench((1,)), small_shot(target=dict(STAR, mag=17.0)), np.random.default_rng(11))


def calibrations(small):
    return recipe.Calibrations(small.solution, small.frame.exposure)


@pytest.fixture
def result(prepared, small):
    return recipe.stare([small.frame], calibrations(small), settings(flexure=False))


def test_a_spectrum_comes_out_and_is_merged(result):
    (spectrum,) = result.sources[0]
    merged = result.merged[0]
    assert spectrum.order == 1
    seen = np.isfinite(merged.flux)
    inside = np.isfinite(spectrum.flux) & np.isfinite(spectrum.wavelength_nm)
    # bins of a fixed width hold what the pixels held
    assert np.sum(merged.flux[seen]) == pytest.approx(np.sum(spectrum.flux[inside]), rel=0.02)


def test_sky_frames_add_up_to_the_frame(result, small):
    subtracted, sky = recipe.sky_frames(result)
    inside = subtracted.flux != 0
    assert (subtracted.flux + sky.flux)[inside] == pytest.approx(small.frame.flux[inside], rel=1e-5, abs=1e-2)
    away = inside & (np.abs(small.slit_arcsec - 0.6) > 3) & (subtracted.quality == 0)
    pull = subtracted.flux[away] / np.sqrt(subtracted.variance[away])
    assert 1.4826 * np.median(np.abs(pull - np.median(pull))) == pytest.approx(1, abs=0.03)
    assert abs(np.median(pull)) < 0.02 + 1.25 / np.sqrt(away.sum())


def test_metrics_are_measured(result):
    names = {m.name for m in measure(result)}
    assert {"SNR MEDIAN", "EXTRACTION CHI2", "SKY RESIDUAL", "TRACE MODE", "FLEXURE"} <= names
    chi2 = next(m.value for m in measure(result) if m.name == "EXTRACTION CHI2")
    assert chi2 == pytest.approx(1, abs=0.1)


def test_a_frame_that_cannot_be_reduced_is_passed_over(prepared, small):
    broken = small.frame.with_(flux=np.full(small.frame.shape, np.nan))

    def refuse(frame, *_):
        if frame is broken:
            raise ReductionError("broken.fits: nothing there")
        return frame

    with pytest.MonkeyPatch.context() as patch:
        reduce_exposure = recipe.reduce_exposure
        patch.setattr(recipe, "reduce_exposure", lambda frame, *rest: reduce_exposure(refuse(frame), *rest))
        result = recipe.stare([broken, small.frame], calibrations(small), settings(flexure=False))
        assert result.warnings == ["broken.fits: nothing there"]
        with pytest.raises(ReductionError, match=r"broken\.fits"):
            recipe.stare([broken], calibrations(small), settings(flexure=False))


def test_an_exposure_at_the_full_well_is_left_out(prepared, small):
    """On the target or on the empty sky: the others are reduced, and their pedestal and scattered light are told."""
    quality = np.full(small.frame.shape, int(Quality.SATURATED), np.uint16)
    exposure = replace(small.frame.exposure, file="full.fits")
    full = small.frame.with_(quality=quality, exposure=exposure)
    text = "full.fits: 100% of its illuminated pixels are saturated or bad; take a shorter exposure or exclude it"
    result = recipe.stare([small.frame, full], calibrations(small), settings(flexure=False))
    assert result.warnings == [text]
    assert len(result.exposures) == len(result.bias_drift_e) == 1 and result.background is not None
    warnings = []
    assert recipe.sky_exposures([full], calibrations(small), settings(flexure=False), {}, warnings) == []
    assert warnings == [f"{text}; the frame is not used"]
    with pytest.raises(ReductionError, match=r"^full\.fits: 100%"):
        recipe.stare([full], calibrations(small), settings(flexure=False))
