"""Right answers: the simulator's truth and the statistics of independent exposures."""

import numpy as np
import pytest

from soxslib.recipes.combine import extract_source, relative_throughput, true_wavelengths
from soxslib.simulate.small import small_bench, small_frame, small_shot
from tests.helpers.pulls import assert_unit_pulls
from tests.helpers.small_science import STAR, inner, reduced, settings, spectra, truth, unmoved


@pytest.fixture(scope="module")
def bench():
    return small_bench((1,))


def exposures(bench, positions, mag=18.0, seed=7):
    frames = [
        small_frame(bench, small_shot(target=dict(STAR, mag=mag), slit_arcsec=p), np.random.default_rng(seed + i))
        for i, p in enumerate(positions)
    ]
    return frames, [reduced(f, p) for f, p in zip(frames, positions, strict=True)]


def test_the_variance_falls_with_the_number(bench):
    _, many = exposures(bench, [0.6, 0.6, 0.6, 0.6])
    (one,), (four,) = spectra(many[:1]), spectra(many)
    keep = inner(one) & inner(four)
    assert np.median(four.variance[keep] / one.variance[keep]) == pytest.approx(0.25, rel=0.05)


def test_counts_of_several_exposures_are_the_mean_of_each(bench):
    """An exposure that its noise made brighter must not count less for it: that takes 0.7 electrons from each pixel of faint
    sources, (1 - 1 / N) sum(p^3 / v^2) / sum(p^2 / v)^2 for a profile p and the variances v."""
    _, many = exposures(bench, [0.6, 0.6, 0.6, 0.6], mag=20.0)
    (four,) = spectra(many)
    ones = [spectra([e])[0] for e in many]
    keep = inner(four) & np.all([inner(one) for one in ones], axis=0)
    assert np.mean(four.flux[keep] - np.mean([one.flux for one in ones], axis=0)[keep]) == pytest.approx(0.0, abs=0.2)


@pytest.mark.parametrize("positions", [[-2.2, 2.4], [-2.2, 2.4, -1.7], [0.6, 0.9]])
def test_exposures_at_other_places_agree(bench, positions):
    """Nods, unequal numbers at the two places, and jitter."""
    frames, many = exposures(bench, positions)
    (spectrum,) = spectra(many)
    keep = inner(spectrum)
    counts = truth(frames[0], spectrum)
    ratio = spectrum.flux[keep].sum() / counts[keep].sum()
    assert ratio == pytest.approx(1, abs=0.02)
    assert_unit_pulls(spectrum.flux[keep], ratio * counts[keep], spectrum.variance[keep], tolerance=0.05)


def test_a_cloud_is_seen_as_throughput(bench):
    frames = [
        small_frame(bench, small_shot(target=dict(STAR, mag=m)), np.random.default_rng(i))
        for i, m in enumerate((16.0, 16.75))
    ]
    throughput = relative_throughput([reduced(f) for f in frames], [0, 0])
    assert throughput[1] / throughput[0] == pytest.approx(0.5, abs=0.02)  # 0.75 mag
    assert np.mean(throughput) == pytest.approx(1)


def test_exposures_that_disagree_about_a_source_lose_none_of_it(bench):
    """Told to be alike, an exposure of a star and one of a star 3 mag fainter differ in all pixels: no cosmic rays."""
    frames = [
        small_frame(bench, small_shot(target=dict(STAR, mag=m)), np.random.default_rng(i))
        for i, m in enumerate((14.0, 17.0))
    ]
    many = [reduced(f) for f in frames]
    (spectrum,) = extract_source(many, [unmoved(e) for e in many], [1.0, 1.0], 0, settings())
    assert inner(spectrum).mean() > 0.9  # all but the ends


def test_without_a_source_the_throughput_is_one(bench):
    frames = [small_frame(bench, small_shot(target=dict(STAR, mag=40.0)), np.random.default_rng(i)) for i in range(2)]
    throughput = relative_throughput([reduced(f) for f in frames], [0, 0])
    assert throughput == pytest.approx([1, 1], abs=0.3)  # the scatter expected of exposures of one target


def test_a_shift_moves_wavelengths_by_pixels(bench):
    """Also where the cutout steps from one row of the frame to the next."""
    from soxslib.numerics.flexure import OrderShift

    exposure = reduced(small_frame(bench, small_shot(), np.random.default_rng(1)))
    cutout = exposure.windows[1].cutout
    moved = true_wavelengths(exposure, {1: OrderShift(1.0, 0.01, 0.0, 0.0, "test")}, 1)
    assert np.ptp(cutout.first_row) >= 2
    # light that the arc would have put one column earlier, on the same row of the frame
    step = np.diff(cutout.first_row)
    rows = np.arange(5, cutout.rows.shape[0] - 5)[:, None] + step
    earlier = np.take_along_axis(cutout.wavelength_nm[:, :-1], rows, axis=0)
    pixel_nm = 0.04
    assert np.abs(moved[5:-5, 1:] - earlier)[:, 3:-3].max() < 0.01 * pixel_nm
