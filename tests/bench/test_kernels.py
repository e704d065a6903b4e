"""Time of the numerics that a reduction spends its time in: `make kernels`. Arrays are of a detector's true size."""

import numpy as np
import pytest
from tilted_order import REJECTION, line, tilted_order

from soxslib.numerics import background, extraction, peaks, stacking

pytestmark = pytest.mark.bench
SHAPE = (2048, 2048)


def frames(count):
    rng = np.random.default_rng(1)
    return rng.normal(20, 5, (count, *SHAPE)).astype(np.float32)


def test_stack_of_five_frames(benchmark):
    stack = benchmark(stacking.stack_mean, frames(5), read_variance=25.0, clip_sigma=5)
    assert stack.mean.shape == SHAPE


def test_scattered_light_between_orders(benchmark):
    flux = frames(1)[0]
    edges = [(np.full(SHAPE[1], c - 40.0), np.full(SHAPE[1], c + 40.0)) for c in range(150, 1950, 150)]
    usable = background.between_orders(SHAPE, edges, margin_px=3)
    options = dict(nodes=(8, 8), block_px=(16, 32), clip_sigma=4.5, stiffness=1e-3)
    model, *_ = benchmark(background.scattered_light, flux, np.full(SHAPE, 25.0, np.float32), usable, **options)
    assert model.shape == SHAPE


def test_peaks_of_an_arc(benchmark):
    image, bad = frames(1)[0], np.zeros(SHAPE, bool)
    flat = benchmark(peaks.smooth_background, image, bad, box=(64, 64), quantile=0.3)
    assert flat.shape == SHAPE


def test_sky_and_source_of_an_order(benchmark):
    lines = [line(c, 1.3, 3000.0) for c in np.linspace(20, 1980, 60)]
    order = tilted_order(
        np.random.default_rng(1),
        lambda u: 300 + 0.0 * u,
        lambda u: 20 + sum(one(u) for one in lines),
        rows=50,
        columns=2000,
    )
    fit = benchmark(extraction.fit_order, order.pixels, [order.profile], **REJECTION)
    assert fit.sky.shape == order.pixels.data.shape
