"""The truth is judged by what is in the frames: positions by centroids, counts by sums, noise by its scatter."""

import numpy as np
import pytest

from soxslib.simulate.small import simulated_science_order, small_bench, small_frame, small_shot
from soxslib.simulate.sources import arc_lines


@pytest.fixture(scope="module")
def science():
    return simulated_science_order(np.random.default_rng(4))


def test_counts_are_what_the_pixels_sum_to(science):
    wave, counts, _, _ = science.spectrum(1)
    light = science.light.orders[1].targets[0].light.sum(axis=0)
    # the slit lets 1 % less or more through along its length, and a tilted line spreads over columns: compare in blocks
    columns = slice(50, 550)
    assert light[columns].sum() == pytest.approx(counts[columns].sum(), rel=0.02)
    blocks = light[columns].reshape(10, 50).sum(axis=1) / counts[columns].reshape(10, 50).sum(axis=1)
    assert np.ptp(blocks) < 0.02
    assert np.all(np.diff(wave) > 0)


def test_the_object_lies_where_the_truth_says(science):
    _, _, _, across = science.spectrum(1)
    light = science.light.orders[1].targets[0]
    pixels = science.light.orders[1].pixels
    centroid = (light.light * pixels.row).sum(axis=0) / light.light.sum(axis=0)
    # seeing wings cut by the slit's end pull the centroid by a few hundredths of a pixel
    assert np.abs(centroid - across)[50:550].max() < 0.1


def test_noise_is_poisson_and_read_noise():
    bench, shot = small_bench(dead=0), small_shot()
    frames = [small_frame(bench, shot, np.random.default_rng(i), cosmic_rays=False) for i in range(3)]
    pulls = np.stack([(f.frame.flux - f.expected) / np.sqrt(f.frame.variance) for f in frames])
    assert pulls.mean() == pytest.approx(0, abs=5 / np.sqrt(pulls.size))
    assert pulls.std() == pytest.approx(1, abs=5 / np.sqrt(2 * pulls.size))


def test_arc_lines_fall_on_the_solution():
    bench = small_bench((1,), dead=0)
    shot = small_shot("multi_pinhole_arc", slit="MULTPIN", lamps=("THAR",), on_sky=False, targets=(), exposure_s=30.0)
    image = bench.light_of(shot).image
    wave, rate = arc_lines("SOXS", "VIS")
    order = bench.solution[1]
    near = np.abs(wave[:, None] - wave) < 0.4  # nm: 10 px
    lone = (near @ rate < 1.05 * rate) & (rate > 300) & (wave > 592) & (wave < 618)
    assert lone.sum() >= 1
    for slit in (-4.125, 0.0, 4.125):
        for along, across in zip(*order.position(wave[lone], slit), strict=True):
            if not 10 < along < bench.shape[1] - 10:
                continue
            y, x = np.mgrid[round(across) - 2 : round(across) + 3, round(along) - 5 : round(along) + 6]
            stamp = image[y, x] - image[y, x].min()
            got = (stamp * x).sum() / stamp.sum(), (stamp * y).sum() / stamp.sum()
            assert got == pytest.approx((along, across), abs=0.1)  # px: a window that is not centred on the spot


def test_the_same_seed_is_the_same_frame():
    first, second = (simulated_science_order(np.random.default_rng(8), exposure_s=60.0) for _ in range(2))
    np.testing.assert_array_equal(first.frame.flux, second.frame.flux)
    assert first.cosmic.sum() == second.cosmic.sum()


def test_maps_agree_with_the_solution(science):
    y, x = np.nonzero(science.order == 1)
    along, across = science.solution[1].position(science.wavelength_nm[y, x], science.slit_arcsec[y, x])
    assert np.abs(along - x).max() < 0.002  # px
    assert np.abs(across - y).max() < 0.002
