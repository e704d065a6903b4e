from types import SimpleNamespace

import numpy as np
import pytest

from soxslib.config.settings import settings_for
from soxslib.datamodel import Frame, MasterBias
from soxslib.errors import ReductionError
from soxslib.qc.order_trace import measure
from soxslib.recipes.order_trace import order_trace
from tests.helpers import detector_frames as made

ALONG = np.arange(10, made.SHAPE[1] - 10, 7)


def settings(**changes):
    return SimpleNamespace(**settings_for("order_trace", "VIS", {"search_px": 20, "degree": 4, **changes}))


def bias():
    zero = np.zeros(made.SHAPE, np.float32)
    return MasterBias(Frame(zero, zero, zero.astype(np.uint16), made.exposure()), made.READ_E, 1100.0)


def worst(result, order):
    return np.abs(result.trace.at(order, ALONG) - made.centre(order, ALONG)).max()


@pytest.mark.parametrize("shift_px", [0.0, 3.4, -15.0])
def test_finds_the_centre_from_an_expectation_far_off(rng, shift_px):
    frame = made.raw(rng, made.gaussian_light(20_000, 0.8))
    result = order_trace(frame, bias(), [], made.solution(shift_px), settings())
    for order in made.ORDERS:
        assert (
            worst(result, order) < 0.02
        )  # a slice of 32 columns: 0.8 / sqrt(640 000) = 0.001 px, and the sampled curve
    told = {m.name: m.value for m in measure(result) if m.order is None}
    assert told["TRACE N ORDERS"] == 2
    assert told["TRACE SHIFT"] == pytest.approx(
        -shift_px, abs=0.03
    )  # to a fraction of a pixel, not to the next whole one


def test_faint_light_is_enough(rng):
    result = order_trace(made.raw(rng, made.gaussian_light(60, 0.8)), bias(), [], made.solution(2.0), settings())
    for order in made.ORDERS:
        assert worst(result, order) < 0.15  # slice: 0.8 px / 30; ends of a polynomial three times worse


def test_an_overexposed_pinhole_still_has_a_centre(rng):
    result = order_trace(made.raw(rng, made.gaussian_light(400_000, 0.8)), bias(), [], made.solution(), settings())
    for order in made.ORDERS:
        assert worst(result, order) < 0.05


def test_an_order_without_light_follows_the_other(rng):
    light = made.gaussian_light(20_000, 0.8)
    light[70:] = 0
    result = order_trace(made.raw(rng, light), bias(), [], made.solution(2.5), settings())
    assert worst(result, 1) < 0.02
    assert worst(result, 2) < 0.6


def test_no_light_is_said_with_numbers(rng):
    with pytest.raises(ReductionError, match="too few slices.*8 needed in half the orders"):
        order_trace(made.raw(rng, np.zeros(made.SHAPE)), bias(), [], made.solution(), settings())
