from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from soxslib.config.settings import settings_for
from soxslib.datamodel import Frame, MasterBias, Quality
from soxslib.errors import ReductionError
from soxslib.qc.master_flat import measure
from soxslib.recipes.master_flat import master_flat
from tests.helpers import detector_frames as made
from tests.helpers.pulls import assert_unit_pulls

HALF = 16.0


def settings(**changes):
    base = dict(half_px=26.0, background_nodes=(6, 6), intrinsic_pixels=1000, background_margin_px=4.0)
    return SimpleNamespace(**settings_for("master_flat", "VIS", {**base, **changes}))


def bias():
    zero = np.zeros(made.SHAPE, np.float32)
    return MasterBias(Frame(zero, zero, zero.astype(np.uint16), made.exposure()), made.READ_E, 1100.0)


def response(rng):
    out = 1 + 0.015 * rng.normal(size=made.SHAPE)
    dead = rng.random(made.SHAPE) < 0.002
    out[dead] = rng.uniform(0, 0.5, dead.sum())
    return out, dead


def flats(rng, n, light, pixels, scattered=0.0, lamps=("QTH",)):
    expected = made.slit_light(light, HALF) * pixels + scattered
    return [made.raw(rng, expected, type="LAMP,FLAT", exposure_s=10.0, lamps=lamps) for _ in range(n)]


def inside(margin=4.0):
    y, x = np.mgrid[: made.SHAPE[0], : made.SHAPE[1]]
    return np.any([np.abs(y - made.centre(o, x)) < HALF - margin for o in made.ORDERS], axis=0)


@pytest.mark.parametrize("n", [1, 3])
def test_response_and_its_errors(rng, n):
    pixels, dead = response(rng)
    frame = master_flat(flats(rng, n, 20_000, pixels), bias(), [], made.trace(), settings()).master.frame
    use = inside() & ~dead
    assert_unit_pulls(frame.flux[use], pixels[use], frame.variance[use], tolerance=0.06)
    # what is left is photon noise, not the 1.5 per cent of the pixels
    assert np.std((frame.flux / pixels)[use]) < 1.15 * np.sqrt(1.0 / (n * 12_000))
    np.testing.assert_array_equal(frame.flux[~inside(0)], 1.0)


def test_pixels_of_low_response_are_found_and_no_other(rng):
    pixels, dead = response(rng)
    quality = master_flat(flats(rng, 2, 20_000, pixels), bias(), [], made.trace(), settings()).master.frame.quality
    cold = quality & Quality.COLD > 0
    assert cold[dead & inside()].mean() >= 0.99
    assert not cold[~dead].any()


def test_edges_blaze_and_scattered_light(rng):
    pixels, _ = response(rng)
    result = master_flat(flats(rng, 2, 20_000, pixels, scattered=150.0), bias(), [], made.trace(), settings())
    along = np.arange(20, made.SHAPE[1] - 20)
    for order in made.ORDERS:
        lower, upper = result.master.edges.at(order, along)
        # 1.5 per cent of response in some 8 pixels of 32 columns: 0.01 px
        assert np.abs(lower - (made.centre(order, along) - HALF)).max() < 0.05
        assert np.abs(upper - (made.centre(order, along) + HALF)).max() < 0.05
        blaze = result.master.blaze[order][along] / (0.3 + 0.7 * np.exp(-(((along - 300) / 200.0) ** 2)))
        assert np.std(blaze / blaze.mean()) < 0.006
    assert abs(np.median(result.background.flux) - 150.0) < 1.0
    names = {(m.name, m.order): m.value for m in measure(result)}
    assert names["SLIT HEIGHT", 1] == pytest.approx(2 * HALF, abs=0.05)


def test_a_faint_lamp_adds_no_noise_to_a_bright_one(rng):
    pixels, dead = response(rng)
    bright, faint = flats(rng, 1, 20_000, pixels), flats(rng, 2, 40, pixels, lamps=("D",))
    use = inside() & ~dead
    scatter = lambda raws: np.std(
        (master_flat(raws, bias(), [], made.trace(), settings()).master.frame.flux / pixels)[use]
    )
    assert scatter(bright + faint) <= 1.01 * scatter(bright)
    alone = master_flat(faint, bias(), [], made.trace(), settings()).master.frame
    assert np.std(alone.flux[use]) < 0.012  # photon noise of a pixel is 10 per cent: it must not get in


def test_an_emission_line_of_one_lamp_is_left_to_the_other(rng):
    pixels, dead = response(rng)
    quartz = flats(rng, 2, 20_000, pixels)
    columns = slice(300, 304)
    line = pixels.copy()
    line[:, columns] *= 2.0
    deuterium = flats(rng, 2, 20_000, line, lamps=("D",))
    frame = master_flat(quartz + deuterium, bias(), [], made.trace(), settings()).master.frame
    use = (inside() & ~dead)[:, columns]
    assert (
        np.abs(np.mean((frame.flux / pixels)[:, columns][use]) - 1) < 0.005
    )  # half of it, averaged in, would be 50 per cent
    assert not frame.quality[:, columns][use].any()


def test_cosmic_rays_of_one_flat_are_left_out(rng):
    pixels, _ = response(rng)
    raws = flats(rng, 2, 5000, pixels)
    hit = raws[1].adu.copy()
    hit[38:42, 300:303] += 20_000
    clean = master_flat(raws, bias(), [], made.trace(), settings()).master.frame
    raws[1] = replace(raws[1], adu=hit)
    spoiled = master_flat(raws, bias(), [], made.trace(), settings()).master.frame
    assert (
        np.abs(clean.flux - spoiled.flux)[38:42, 300:303].max() < 0.06
    )  # noise of one flat, 1.5 per cent, in 12 pixels


def test_saturated_flats_are_left_out_or_refused_with_numbers(rng):
    pixels, _ = response(rng)
    good, full = flats(rng, 1, 20_000, pixels), flats(rng, 1, 400_000, pixels)
    result = master_flat([*full, *good], bias(), [], made.trace(), settings())
    assert len(result.warnings) == 1 and "saturated in 10 s" in result.warnings[0]
    with pytest.raises(ReductionError, match="per cent of order .* are saturated in 10 s, 50 allowed"):
        master_flat(full, bias(), [], made.trace(), settings())


def test_a_flat_without_light_is_refused(rng):
    with pytest.raises(ReductionError, match="electron in its brightest order"):
        master_flat([made.raw(rng, np.zeros(made.SHAPE), lamps=("QTH",))], bias(), [], made.trace(), settings())
