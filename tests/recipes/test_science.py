"""Right answers: the simulator's truth, with the true wavelength solution and variances."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from soxslib.datamodel import Quality
from soxslib.errors import ReductionError
from soxslib.numerics.extraction import OrderFit
from soxslib.recipes.science import without_lines
from soxslib.simulate.bench import Target
from soxslib.simulate.small import small_bench, small_frame, small_shot
from tests.helpers.pulls import assert_unit_pulls
from tests.helpers.small_science import STAR, inner, reduced, settings, spectra, truth


@pytest.fixture(scope="module")
def bench():
    return small_bench((1,))


def star(bench, mag=17.0, seed=3, **shot):
    return small_frame(bench, small_shot(target=dict(STAR, mag=mag), **shot), np.random.default_rng(seed))


@pytest.mark.parametrize("mag", [14.0, 17.0, 20.0])
def test_spectra_are_unbiased_with_true_errors(bench, mag):
    small = star(bench, mag)
    (spectrum,) = spectra([reduced(small)])
    keep, counts = inner(spectrum), truth(small, spectrum)
    assert keep.mean() > 0.9
    error = np.sqrt(spectrum.variance[keep].sum()) / counts[keep].sum()
    assert spectrum.flux[keep].sum() / counts[keep].sum() == pytest.approx(1, abs=0.01 + 3 * error)
    # about a smooth ratio: the shape of the profile's wings is a scale, not noise
    ratio = spectrum.flux[keep].sum() / counts[keep].sum()
    assert_unit_pulls(spectrum.flux[keep], ratio * counts[keep], spectrum.variance[keep], tolerance=0.05)


@pytest.mark.parametrize("mag", [10.0, 11.0, 12.0])
def test_bright_sources_are_explained_to_their_photons(bench, mag):
    """Up to 270 000 electrons in a column: the profile, not the noise, is what could be wrong."""
    exposure = reduced(star(bench, mag))
    assert exposure.fits[1].chi2 < 1.2
    assert exposure.sources[0].fwhm_arcsec == pytest.approx(0.99, abs=0.02)  # at every brightness the same


def test_nothing_on_the_slit_is_no_flux(bench):
    """Forced where a source was expected: a spectrum comes out, and its mean is zero."""
    totals = []
    for seed in range(3):
        small = small_frame(bench, small_shot(target=dict(STAR, mag=40.0)), np.random.default_rng(seed))
        exposure = reduced(small, expected_arcsec=1.0)
        (spectrum,) = spectra([exposure])
        keep = inner(spectrum)
        assert set(exposure.traces[0].mode.values()) == {"forced"}
        totals.append(spectrum.flux[keep].sum() / np.sqrt(spectrum.variance[keep].sum()))
    assert abs(np.mean(totals)) < 4 / np.sqrt(3)


def test_cosmic_rays_and_poison_leave_no_trace(bench):
    small = star(bench, 18.0)
    (one,) = spectra([reduced(small)])
    bad = (small.frame.quality & int(Quality.BAD)) > 0
    poisoned = small.frame.with_(flux=np.where(bad, np.nan, small.frame.flux))
    (two,) = spectra([reduced(type(small)(poisoned, *(getattr(small, n) for n in list(vars(small))[1:])))])
    assert np.array_equal(one.flux, two.flux, equal_nan=True)
    keep = inner(one)
    pull = (one.flux - truth(small, one) * one.flux[keep].sum() / truth(small, one)[keep].sum()) / np.sqrt(one.variance)
    assert np.abs(pull[keep]).max() < 6


def test_cosmic_rays_in_the_aperture_are_found(bench):
    missed, found, false = 0, 0, 0
    for seed, mag in enumerate([14.0, 14.5, 15.0, 15.5, 16.0, 16.5, 17.0, 17.5, 18.0, 20.0]):
        small = star(bench, mag, seed)
        exposure = reduced(small, expected_arcsec=0.6)
        cutout, fit = exposure.windows[1].cutout, exposure.fits[1]
        rays = cutout.take(small.cosmic)
        excess = cutout.take((small.frame.flux - small.expected) / np.sqrt(small.frame.variance))
        strong = rays & exposure.windows[1].good & (excess > 6) & (np.abs(cutout.slit_arcsec - 0.6) < 1.5)
        found += (fit.is_cosmic_ray & strong).sum()
        missed += (~fit.is_cosmic_ray & strong).sum()
        false += (fit.is_cosmic_ray & ~rays & (excess < 3)).sum()
    assert found > 400
    assert missed <= 0.02 * (missed + found)  # rays along the slit over the whole of a bright source pass for its light
    assert false <= 0.05 * found


def test_a_source_near_the_slits_edge_is_extracted(bench):
    small = star(bench, 16.0, slit_arcsec=4.7)
    exposure = reduced(small, expected_arcsec=4.0)
    assert exposure.sources[0].slit_arcsec == pytest.approx(4.7, abs=0.3)
    (spectrum,) = spectra([exposure])
    keep = inner(spectrum)
    assert spectrum.flux[keep].sum() / truth(small, spectrum)[keep].sum() == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("seed", [0, 1, 5])
def test_two_sources_the_expected_one_first(bench, seed):
    targets = (Target(dict(STAR, mag=18.5), -1.8), Target(dict(STAR, mag=16.0), 2.6))
    small = small_frame(bench, small_shot(targets=targets), np.random.default_rng(seed))
    exposure = reduced(small, expected_arcsec=-1.5)
    assert [s.slit_arcsec for s in exposure.sources[:2]] == pytest.approx([-1.8, 2.6], abs=0.15)
    for k in range(2):
        (spectrum,) = spectra([exposure], source=k)
        keep = inner(spectrum)
        counts = truth(small, spectrum, target=k)
        assert spectrum.flux[keep].sum() / counts[keep].sum() == pytest.approx(1, abs=0.03)


def test_a_ray_along_the_slit_before_rejection_is_no_extended_light(bench):
    """Rays as long as half the slit leave the two sources the light they have, but for the columns that they hit."""
    targets = (Target(dict(STAR, mag=18.5), -1.8), Target(dict(STAR, mag=16.0), 2.6))
    small = small_frame(bench, small_shot(targets=targets), np.random.default_rng(3))
    exposure = reduced(small, expected_arcsec=-1.5)
    assert exposure.extended is None
    for k in range(2):
        (spectrum,) = spectra([exposure], source=k)
        ratio = (spectrum.flux / truth(small, spectrum, target=k))[inner(spectrum)]
        assert np.median(ratio) == pytest.approx(1, abs=0.04)


def test_what_no_model_explains_is_flagged(bench):
    """Half of the slit at one wavelength is hit, each pixel by another ray: what is left there tells no counts."""
    small = star(bench, 17.0)
    (whole,) = spectra([reduced(small)])
    window = reduced(small).windows[1]
    cutout, hit = window.cutout, np.zeros(bench.shape)
    wavelength = np.median(whole.wavelength_nm)
    at = np.abs(cutout.wavelength_nm - wavelength) < 0.6 * np.median(whole.pixel_nm)
    at &= cutout.is_inside & (np.arange(len(at)) % 2 == 0)[:, None]
    hit.ravel()[cutout.take(np.arange(hit.size).reshape(hit.shape))[at]] = 8000.0
    frame = small.frame.with_(flux=small.frame.flux + hit.astype(np.float32))
    (spectrum,) = spectra([reduced(replace(small, frame=frame))])
    pulls = np.abs(spectrum.flux - whole.flux) / np.sqrt(whole.variance)
    flagged = (spectrum.quality & int(Quality.POOR_SKY)) > 0
    assert np.any(pulls[inner(whole)] > 10.0) and flagged.sum() < 20
    assert np.all(flagged[inner(whole) & (pulls > 10.0)])
    assert not np.any(whole.quality & int(Quality.POOR_SKY))


def test_a_position_can_be_forced(bench):
    targets = (Target(dict(STAR, mag=18.0), -2.5), Target(dict(STAR, mag=16.0), 2.6))
    small = small_frame(bench, small_shot(targets=targets), np.random.default_rng(5))
    exposure = reduced(small, slit_position_arcsec=-2.5)
    assert len(exposure.sources) == 1
    assert set(exposure.traces[0].mode.values()) == {"forced"}
    assert exposure.traces[0].at(1, 620.0) == pytest.approx(-2.5, abs=1e-6)


def test_an_order_too_faint_to_trace_follows_the_others():
    two = small_bench((1, 3))
    small = star(two, 17.5)
    # a reddened source: what is left of it in one order is a hundredth
    order = small.light.orders[3]
    dim = np.zeros(two.shape)
    order.pixels.add_to(dim, 0.99 * order.targets[0].light)
    faint = small.frame.with_(flux=small.frame.flux - dim)
    exposure = reduced(type(small)(faint, *(getattr(small, n) for n in list(vars(small))[1:])))
    assert exposure.traces[0].mode == {1: "fit", 3: "transferred"}
    seen = order.targets[0].slit_arcsec
    assert exposure.traces[0].at(3, np.median(order.grid.wavelength_nm)) == pytest.approx(np.median(seen), abs=0.25)
    spectrum = next(s for s in spectra([exposure]) if s.order == 3)
    keep = inner(spectrum)
    level = np.median(0.01 * truth(small, spectrum)[keep])
    assert np.mean(spectrum.flux[keep]) == pytest.approx(
        level, abs=0.15 * level + 4 * np.sqrt(np.mean(spectrum.variance[keep]) / keep.sum())
    )


def test_settings_are_left_as_they_were(bench):
    own = settings()
    before = dict(vars(own))
    reduced(star(bench))
    assert vars(own) == before
    assert vars(settings()) == before


def test_a_solution_that_is_not_of_the_frame_is_told(bench):
    small = star(bench)
    moved = type(small.solution)(small.solution.arm, {1: small.solution[1].shifted(along_px=1e5)})
    with pytest.raises(ReductionError, match="no order of the wavelength solution falls on the frame"):
        reduced(type(small)(small.frame, small.bench, small.shot, type(small.light)(None, None, moved), *[None] * 5))


def test_lines_that_wrong_illumination_prints_on_the_counts_are_taken_out(rng):
    """Counts with 2 per cent of the sky's lines in them, and the sky that much too low under the source."""
    columns, rows = np.arange(1000), np.arange(40.0)[:, None]
    profile = np.exp(-0.5 * ((rows - 19.5) / 2.0) ** 2) / np.sqrt(2 * np.pi) / 2.0 + 0.0 * columns
    density = 50.0 + sum(3000.0 * np.exp(-0.5 * ((columns - c) / 2.0) ** 2) for c in range(30, 1000, 60))
    sky, peak = density + 0.0 * rows, profile.max()
    variance = sky + 100.0
    noise = rng.normal(0, 1.0 / np.sqrt(np.sum(profile**2 / variance, axis=0)))
    counts = 400.0 + 0.02 * density / peak + noise
    none, is_hit, both = 0 * density, np.zeros(sky.shape, bool), (counts[None, :], counts[None, :])
    fit = OrderFit(sky, density, none, *both, sky, variance, is_hit, 1.0, none)
    out = without_lines({1: fit}, {1: [profile]}, 1, SimpleNamespace(slit_light_under=0.01))[1]
    is_line = density > 500.0
    assert np.mean((counts - 400.0)[is_line]) > 100.0
    assert abs(np.mean((out.counts[0] - 400.0 - noise)[is_line])) < 20.0
    np.testing.assert_allclose(out.sky[19, is_line] / sky[19, is_line], 1.02, atol=0.005)
