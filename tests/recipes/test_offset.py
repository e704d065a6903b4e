"""Right answers: the simulator's truth of the exposures on the target."""

from dataclasses import replace

import numpy as np
import pytest

from soxslib.errors import ReductionError
from soxslib.recipes import stare as recipe
from soxslib.recipes.offset import offset
from soxslib.simulate.small import small_bench, small_frame, small_shot
from tests.helpers.small_science import STAR, inner, settings, truth


@pytest.fixture
def prepared(monkeypatch):
    monkeypatch.setattr(recipe, "prepare", lambda frame, *_: frame)


def observed(seed, *, is_sky, mag=18.0):
    shot = small_shot(target=dict(STAR, mag=40.0 if is_sky else mag))
    small = small_frame(small_bench((1,)), shot, np.random.default_rng(seed))
    exposure = replace(small.frame.exposure, sky_offset_arcsec=30.0 if is_sky else 0.0)
    return small, small.frame.with_(exposure=exposure)


def test_the_target_is_extracted_between_its_skies(prepared):
    pairs = [observed(1, is_sky=False), observed(2, is_sky=True)]
    small, frame = pairs[0]
    result = offset([f for _, f in pairs], recipe.Calibrations(small.solution, frame.exposure), settings(flexure=False))
    (spectrum,) = result.sources[0]
    keep = inner(spectrum)
    assert spectrum.flux[keep].sum() / truth(small, spectrum)[keep].sum() == pytest.approx(1, abs=0.03)


def test_sky_alone_is_told(prepared):
    small, frame = observed(1, is_sky=True)
    with pytest.raises(ReductionError, match="none of the exposures is on the target"):
        offset([frame], recipe.Calibrations(small.solution, frame.exposure), settings(flexure=False))
