"""Right answers: the simulator's truth; a spectrum of each source, positive, whatever the sequence."""

from dataclasses import replace

import numpy as np
import pytest

from soxslib.recipes import stare as recipe
from soxslib.recipes.nod import nod
from soxslib.simulate.small import small_bench, small_frame, small_shot
from tests.helpers.small_science import STAR, inner, settings, truth


@pytest.mark.parametrize("places", ["AB", "ABA"])
def test_nodded_exposures_meet(monkeypatch, places):
    monkeypatch.setattr(recipe, "prepare", lambda frame, *_: frame)
    bench, at = small_bench((1,)), dict(A=-2.5, B=2.5)
    smalls = [
        small_frame(bench, small_shot(target=dict(STAR, mag=18.0), slit_arcsec=at[p]), np.random.default_rng(i))
        for i, p in enumerate(places)
    ]
    frames = [
        s.frame.with_(exposure=replace(s.frame.exposure, nod_offset_arcsec=at[p]))
        for s, p in zip(smalls, places, strict=True)
    ]
    result = nod(frames, recipe.Calibrations(smalls[0].solution, frames[0].exposure), settings(flexure=False))
    assert len(result.sources) == 1  # no ghost
    assert [e.sources[0].slit_arcsec for e in result.exposures] == pytest.approx([at[p] for p in places], abs=0.15)
    (spectrum,) = result.sources[0]
    keep = inner(spectrum)
    assert spectrum.flux[keep].sum() / truth(smalls[0], spectrum)[keep].sum() == pytest.approx(1, abs=0.02)
