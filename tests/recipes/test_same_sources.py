"""Right answers: the places and counts of the simulated sources."""

import numpy as np
import pytest

from soxslib.recipes.same_sources import same_sources
from soxslib.simulate.bench import Target
from soxslib.simulate.small import small_bench, small_frame, small_shot
from tests.helpers.small_science import STAR, flat_before, inner, reduced, spectra, truth


@pytest.fixture(scope="module")
def bench():
    return small_bench((1,))


def exposure(bench, at, *others, seed=1):
    """(small frame, ReducedExposure) of a star with others beside it: (arcsec from it, magnitude)."""
    stars = Target(dict(STAR, mag=15.5), at), *(Target(dict(STAR, mag=m), at + x) for x, m in others)
    small = small_frame(bench, small_shot(targets=stars), np.random.default_rng(seed))
    return small, reduced(small, at, flat_before(small))


def test_sources_meet_their_like_in_other_exposures(bench):
    """Of two beside the target the left one is the brighter in the first exposure, the right one in the second, nodded."""
    small, one = exposure(bench, -0.4, (-2.4, 16.5), (2.4, 17.0))
    _, other = exposure(bench, 0.6, (-2.4, 17.0), (2.4, 16.5), seed=2)
    assert one.place(1) - one.place(0) == pytest.approx(-2.4, abs=0.05)
    assert other.place(1) - other.place(0) == pytest.approx(2.4, abs=0.05)  # the more significant first
    exposures, n = same_sources([one, other])
    assert n == 3
    assert [[e.place(k) - e.place(0) for k in range(3)] for e in exposures] == [
        pytest.approx([0, -2.4, 2.4], abs=0.05)
    ] * 2
    for k in (1, 2):
        (spectrum,) = spectra([exposures[1]], source=k)
        mag = 17.0 if k == 1 else 16.5
        true = truth(small, spectrum, k) * 10 ** (-0.4 * (mag - (16.5 if k == 1 else 17.0)))
        keep = inner(spectrum)
        assert spectrum.flux[keep].sum() / true[keep].sum() == pytest.approx(1.0, abs=0.03)


def test_a_source_that_one_exposure_lacks_is_none_of_all(bench):
    _, one = exposure(bench, -0.4, (-2.4, 16.5), (2.4, 17.0))
    _, other = exposure(bench, -0.4, (2.4, 17.0), seed=2)
    exposures, n = same_sources([one, other])
    assert n == 2 and [len(e.sources) for e in exposures] == [3, 2]
    assert [e.place(1) - e.place(0) for e in exposures] == pytest.approx([2.4, 2.4], abs=0.05)
    assert exposures[1] is other
