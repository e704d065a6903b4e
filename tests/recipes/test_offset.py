"""Right answers: the simulator's truth of the exposures on the target."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from soxslib.config.settings import settings_for
from soxslib.errors import ReductionError
from soxslib.qc.offset import measure
from soxslib.recipes import stare as recipe
from soxslib.recipes.offset import offset
from soxslib.simulate.bench import Target
from soxslib.simulate.small import small_bench, small_frame, small_shot
from tests.helpers.small_science import STAR, inner, truth

HOST = dict(name="HOST", type="host", mag=17.0, z=0.03)
BRIGHTNESS = (1.0, 1.06, 0.97)  # of the sky: on the target, on the empty sky before and after


@pytest.fixture
def prepared(monkeypatch):
    monkeypatch.setattr(recipe, "prepare", lambda frame, *_: frame)


@pytest.fixture(scope="module")
def bench():
    return small_bench((1,))


def settings(arm="VIS", **changes):
    return SimpleNamespace(**{**settings_for("offset", arm), "trace_blocks": 10, "flexure": False, **changes})


def night(bench, *targets, seed=1, n_sky=2, sky_targets=(), sky_s=600.0):
    """(SmallFrame on the target, all frames): one on the target, n_sky on the empty sky, of sky_s seconds each."""
    smalls, frames = [], []
    for i in range(1 + n_sky):
        shot = small_shot(
            arm=bench.arm, targets=sky_targets if i else targets, sky_brightness=BRIGHTNESS[i],
            exposure_s=sky_s if i else 600.0,
        )  # fmt: skip
        small = small_frame(bench, shot, np.random.default_rng(10 * seed + i))
        away = dict(sky_offset_arcsec=30.0 if i else 0.0, mjd=61068.1 + 0.008 * i)
        frames.append(small.frame.with_(exposure=replace(small.frame.exposure, **away)))
        smalls.append(small)
    return smalls[0], frames


def reduced(small, frames, **changes):
    each_raw = lambda wanted: (f for f in frames if wanted(f.exposure))
    return offset(
        each_raw, recipe.Calibrations(small.solution, frames[0].exposure), settings(small.bench.arm, **changes)
    )


def ratio_and_noise(small, result):
    """(counts over the truth, noise about it, median error) of the target's only order."""
    (spectrum,) = result.sources[0]
    keep, counts = inner(spectrum), truth(small, spectrum)
    ratio = spectrum.flux[keep].sum() / counts[keep].sum()
    return ratio, np.std((spectrum.flux - ratio * counts)[keep]), np.median(np.sqrt(spectrum.variance[keep]))


@pytest.mark.parametrize(("mag", "size_arcsec"), [(17.0, 3.0), (17.0, 6.0), (15.0, 20.0)])
def test_a_galaxy_fills_the_slit(prepared, bench, mag, size_arcsec):
    """The galaxy's form is known no better than the noise of one short order shows it: 1 to 3 per cent of the counts in each
    night, and less in the mean of five."""
    star, host = Target(dict(STAR, mag=17.5), -0.6), Target(dict(HOST, mag=mag), 0.9, size_arcsec)
    ratios = []
    for seed in range(1, 6):
        small, frames = night(bench, star, host, seed=seed)
        result = reduced(small, frames)
        ratio, noise, error = ratio_and_noise(small, result)
        ratios.append(ratio)
        assert noise == pytest.approx(error, rel=0.15)
        assert any("extended light under the target" in w for w in result.warnings)
    assert np.mean(ratios) == pytest.approx(1, abs=0.025)
    assert np.std(ratios) < 0.04


def test_the_sky_of_a_galaxys_exposure_is_that_of_the_empty_sky(prepared, bench):
    """Free to follow the galaxy, the fitted sky takes most of what fills the slit evenly; the empty sky's frames tell it apart."""
    small, frames = night(bench, Target(dict(STAR, mag=17.5), -0.6), Target(dict(HOST, mag=15.0), 0.9, 14.0))
    seen = small.light.orders[1]

    def excess(result):
        window, fit = result.exposures[0].windows[1], result.exposures[0].fits[1]
        expected = np.zeros(bench.shape)
        seen.pixels.add_to(expected, seen.sky_light)
        expected = window.cutout.take(expected + small.light.scattered)
        return (fit.sky - expected)[window.good].sum() / expected[window.good].sum()

    assert abs(excess(reduced(small, frames))) < 0.1
    assert abs(excess(reduced(small, frames, use_sky_frames=False))) > 0.25


@pytest.mark.parametrize("use_sky_frames", [True, False])
def test_a_galaxys_own_lines_are_not_the_targets(prepared, bench, use_sky_frames):
    """H alpha of the galaxy all along the slit: fainter away from its centre, which no line of the sky is, and wider than the
    target. Were its light smooth along the spectrum, a fifth of it would be the target's."""
    middle = small_frame(bench, small_shot(), np.random.default_rng(0)).spectrum(1)[0][300]
    host = Target(dict(name="HOST", type="sniin", mag=16.0, z=middle / 656.279 - 1.0), 0.9, 4.0)
    small, frames = night(bench, Target(dict(STAR, mag=17.5), -0.6), host)

    def near_the_line(**changes):
        """(counts too much, their error, pulls) of the target's spectrum near the line."""
        (spectrum,) = reduced(small, frames, use_sky_frames=use_sky_frames, **changes).sources[0]
        near = np.abs(spectrum.wavelength_nm - middle) < 6 * np.median(spectrum.pixel_nm)
        keep, counts = inner(spectrum), truth(small, spectrum)
        left = spectrum.flux - np.median((spectrum.flux / counts)[keep & ~near]) * counts
        return left[near].sum(), np.sqrt(spectrum.variance[near].sum()), left[near] / np.sqrt(spectrum.variance[near])

    left, error, pulls = near_the_line()
    assert abs(left) < 3 * error
    assert np.sqrt(np.mean(pulls**2)) < 1.7  # of 12: the light of the line has its photons in the errors
    assert near_the_line(extended_line_sigma=1e9)[0] > 4 * error


def test_light_of_a_galaxy_may_stay_in_the_counts(prepared, bench):
    small, frames = night(bench, Target(dict(STAR, mag=17.5), -0.6), Target(HOST, 0.9, 3.0))
    result = reduced(small, frames, subtract_extended=False)
    assert ratio_and_noise(small, result)[0] > 1.1
    assert result.sources[0][0].scale_error == 0.0


@pytest.mark.parametrize("mag", [19.0, 16.0])
def test_a_point_source_loses_nothing_to_the_frames_on_the_sky(prepared, bench, mag):
    both = []
    for seed in (1, 2, 3):
        small, frames = night(bench, Target(dict(STAR, mag=mag), 0.6), seed=seed)
        with_sky, alone = (ratio_and_noise(small, reduced(small, frames, use_sky_frames=u)) for u in (True, False))
        assert with_sky[0] == pytest.approx(alone[0], abs=0.01)
        both.append((with_sky, alone))
    with_sky, alone = np.mean(both, axis=0)
    assert with_sky[1] < 1.02 * alone[1]
    assert with_sky[2] < alone[2]
    assert with_sky[1] == pytest.approx(with_sky[2], rel=0.1)


def test_what_changed_since_the_empty_sky_is_measured(prepared):
    bench = small_bench((15,), arm="NIR", along=(800, 1400), read_noise_e=7.5)
    small, frames = night(bench, Target(dict(STAR, mag=16.0), 0.6))
    result = reduced(small, frames)
    metrics = {m.name: m.value for m in measure(result)}
    assert metrics["SKY FRAMES"] == 2
    assert metrics["SKY LINE SCALE"] == pytest.approx(np.median([1 / 1.06, 1 / 0.97]), abs=0.01)
    assert abs(metrics["SKY MOVED"]) < 0.02
    assert metrics["SKY LINE MISFIT"] < 0.02


def test_frames_on_the_sky_may_be_of_another_length(prepared, bench):
    star, host = Target(dict(STAR, mag=17.5), -0.6), Target(HOST, 0.9, 6.0)
    small, frames = night(bench, star, host, sky_s=300.0)
    result = reduced(small, frames)
    ratio, noise, error = ratio_and_noise(small, result)
    assert result.exposures[0].off is not None
    assert ratio == pytest.approx(1, abs=0.03)
    assert noise == pytest.approx(error, rel=0.15)


def test_a_source_on_the_empty_sky_is_left_out(prepared, bench):
    stray = (Target(dict(STAR, mag=17.0), 2.5),)
    small, frames = night(bench, Target(dict(STAR, mag=18.0), 0.6), sky_targets=stray)
    result = reduced(small, frames)
    assert ratio_and_noise(small, result)[0] == pytest.approx(1, abs=0.03)


def test_without_frames_on_the_sky_it_is_told(prepared, bench):
    small, frames = night(bench, Target(dict(STAR, mag=18.0), 0.6), n_sky=0)
    result = reduced(small, frames)
    assert ratio_and_noise(small, result)[0] == pytest.approx(1, abs=0.03)
    assert any("no usable frame on the empty sky" in w for w in result.warnings)
    assert {m.name: m.value for m in measure(result)}["SKY FRAMES"] == 0


def test_sky_that_is_full_of_stars_is_not_used(prepared, bench):
    crowd = tuple(Target(dict(STAR, mag=15.5), y) for y in (-3.4, 0.0, 3.4))
    small, frames = night(bench, Target(dict(STAR, mag=18.0), 0.6), n_sky=1, sky_targets=crowd)
    result = reduced(small, frames)
    assert any("on the empty sky; the frame is not used" in w for w in result.warnings)
    assert any("no usable frame on the empty sky" in w for w in result.warnings)
    assert ratio_and_noise(small, result)[0] == pytest.approx(1, abs=0.03)


def test_sky_alone_is_told(prepared, bench):
    small, frames = night(bench, Target(dict(STAR, mag=18.0), 0.6))
    with pytest.raises(ReductionError, match="none of the exposures is on the target"):
        reduced(small, frames[1:])
