"""Right answers: the simulator's truth; a spectrum of each source, positive, whatever the sequence."""

import weakref
from dataclasses import replace

import numpy as np
import pytest

from soxslib.qc.nod import measure
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


@pytest.mark.parametrize("lost", [0, 1])
def test_an_exposure_without_the_target_is_left_out(monkeypatch, lost):
    """The counts are the simulator's of the other exposure: a lost star made those of the one that shows it cosmic rays."""
    monkeypatch.setattr(recipe, "prepare", lambda frame, *_: frame)
    bench = small_bench((1,))
    smalls = [
        small_frame(
            bench,
            small_shot(target=dict(STAR, mag=40.0 if i == lost else 15.0), slit_arcsec=at),
            np.random.default_rng(i),
        )
        for i, at in enumerate((-2.5, 2.5))
    ]
    frames = [
        s.frame.with_(exposure=replace(s.frame.exposure, nod_offset_arcsec=at, file=name))
        for s, at, name in zip(smalls, (-2.5, 2.5), ("A.fits", "B.fits"), strict=True)
    ]
    small = smalls[1 - lost]
    calibrations = recipe.Calibrations(small.solution, small.frame.exposure)
    result = nod(frames, calibrations, settings(flexure=False))
    assert [e.exposure.file for e in result.exposures] == [frames[1 - lost].exposure.file] and result.throughput == [
        1.0
    ]
    (text,) = result.warnings
    assert text.startswith(f"{frames[lost].exposure.file}: left out") and "least_throughput" in text
    (spectrum,) = result.sources[0]
    keep = inner(spectrum)
    assert keep.mean() > 0.8  # of 0.1, when rays were seen in all of them
    assert spectrum.flux[keep].sum() / truth(small, spectrum)[keep].sum() == pytest.approx(1, abs=0.02)

    kept = nod(
        frames, recipe.Calibrations(small.solution, small.frame.exposure), settings(flexure=False, least_throughput=0.0)
    )
    assert min(kept.throughput) < 0.05  # which is the limit of THROUGHPUT MIN


def test_the_worst_exposure_is_judged(monkeypatch):
    """The second one scatters twice the variance that it tells: chi square is 2 there, the residual of the sky its root."""
    monkeypatch.setattr(recipe, "prepare", lambda frame, *_: frame)
    bench, rng = small_bench((1,)), np.random.default_rng(3)
    made = [
        small_frame(bench, small_shot(target=dict(STAR, mag=18.0), slit_arcsec=at), rng).frame for at in (-0.6, 0.6)
    ]
    small = small_frame(bench, small_shot(), rng)
    frames = [
        f.with_(exposure=replace(f.exposure, nod_offset_arcsec=at, file=name))
        for f, at, name in zip(made, (-0.6, 0.6), ("A.fits", "B.fits"), strict=True)
    ]
    calibrations = recipe.Calibrations(small.solution, small.frame.exposure)
    told = lambda: {m.name: m for m in measure(nod(frames, calibrations, settings(flexure=False))) if m.order == 1}
    quiet = told()
    assert quiet["EXTRACTION CHI2"].value == pytest.approx(1, abs=0.1)
    frames[1] = frames[1].with_(flux=frames[1].flux + rng.normal(0, np.sqrt(frames[1].variance)))
    noisy = told()
    assert noisy["EXTRACTION CHI2"].value == pytest.approx(2, rel=0.1)  # rays are rejected from 5 / sqrt(2) sigma
    assert noisy["SKY RESIDUAL"].value == pytest.approx(np.sqrt(2), rel=0.05)
    assert noisy["EXTRACTION CHI2"].file == noisy["SKY RESIDUAL"].file == "B.fits"


def test_no_more_than_one_raw_frame_is_held(monkeypatch):
    monkeypatch.setattr(recipe, "prepare", lambda frame, *_: frame)
    bench, seen = small_bench((1,)), []
    made = lambda at: small_frame(bench, small_shot(target=STAR, slit_arcsec=at), np.random.default_rng(len(seen)))

    def one_by_one():
        for at in (-2.5, 2.5):
            frame = made(at).frame
            frame = frame.with_(exposure=replace(frame.exposure, nod_offset_arcsec=at))
            seen.append(weakref.ref(frame))
            yield frame
            del frame
            assert seen[-1]() is None

    small = made(0.0)
    result = nod(one_by_one(), recipe.Calibrations(small.solution, small.frame.exposure), settings(flexure=False))
    first, second = result.exposures
    assert first.bases and not second.bases  # the grid of the output is the first's
    assert second.windows[1].floor is None and second.fits[1].variance.dtype == np.float32
    np.testing.assert_array_equal(first.position(1), first.positions[1])
    assert second.position(1).shape == second.windows[1].data.shape
