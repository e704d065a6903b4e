"""Right answers: the true counts of noiseless exposures; what is off is the pipeline's own, whatever the magnitude."""

from dataclasses import replace

import numpy as np
import pytest

from soxslib.simulate import optics
from soxslib.simulate.bench import Target
from soxslib.simulate.small import small_bench, small_frame, small_shot
from tests.helpers.small_science import flat_before, inner, reduced, spectra, truth

ARMS = {"VIS": ((1, 3), (1800, 2400), 600.0), "NIR": ((12, 18), (700, 1300), 300.0)}


@pytest.fixture(scope="module", params=ARMS)
def bench(request):
    orders, along, _ = ARMS[request.param]
    return small_bench(orders, arm=request.param, along=along)


@pytest.mark.parametrize("mag", [11.0, 13.0, 15.0, 17.0, 18.0, 19.0, 20.0])  # 1e5 to 5 electrons per pixel
def test_mean_counts_are_the_true_ones_from_faint_to_bright(bench, mag):
    target = dict(name="SN", type="continuum", mag=mag)
    shot = small_shot(arm=bench.arm, target=target, exposure_s=ARMS[bench.arm][2])
    small = small_frame(bench, shot, np.random.default_rng(1), cosmic_rays=False)
    noiseless = small.frame.with_(flux=small.expected.astype(np.float32))
    for spectrum in spectra([reduced(replace(small, frame=noiseless), 0.6, flat_before(small))]):
        true, keep = truth(small, spectrum), inner(spectrum)
        bias = np.mean((spectrum.flux - true)[keep])
        sigma = np.sqrt(np.mean(spectrum.variance[keep]))
        assert abs(bias) < max(0.002 * np.mean(true[keep]), 0.02 * sigma)


@pytest.mark.parametrize(
    ("apart", "fainter", "worst"),
    [(1.2, 0.0, 0.03), (1.2, 0.5, 0.03), (1.5, 1.5, 0.02), (2.0, 0.5, 0.02), (2.5, 2.5, 0.02), (4.0, 0.0, 0.02)],
)
@pytest.mark.parametrize("bright", [True, False])
def test_a_second_source_takes_nothing_and_leaves_nothing(bench, apart, fainter, worst, bright):
    """1.2 and 1.5 arcsec apart the two are detected as one; 2.5, the fainter on the brighter one's flank."""
    mag = {"VIS": 14.0, "NIR": 13.0}[bench.arm] if bright else {"VIS": 17.5, "NIR": 16.5}[bench.arm]
    one, other = (
        Target(dict(name="SN", type="continuum", mag=m), x) for m, x in ((mag, -0.6), (mag + fainter, apart - 0.6))
    )
    shot = small_shot(arm=bench.arm, targets=(one, other), exposure_s=ARMS[bench.arm][2])
    small = small_frame(bench, shot, np.random.default_rng(3))
    out = reduced(small, -0.6, flat_before(small))
    assert out.extended is None
    assert [out.place(k) for k in range(len(out.sources))] == pytest.approx([-0.6, apart - 0.6], abs=0.05)
    for spectrum in spectra([out]):
        true, keep = truth(small, spectrum), inner(spectrum)
        weight = (true / (300.0 + 0.3 * true))[keep]
        assert weight @ spectrum.flux[keep] / (weight @ true[keep]) == pytest.approx(1.0, abs=0.01 if bright else worst)


@pytest.mark.parametrize(
    ("seeing", "places", "mags"),
    [
        (1.4, (-1.8, 0.8), (17.4, 16.0)),  # detected between the two
        (1.7, (-0.8, -4.6), (16.1, 14.8)),  # the brighter at the slit's end
        (1.6, (-1.4, -3.8, 2.5), (17.0, 16.9, 17.9)),  # two detected as one, and a third
        (1.8, (1.3, -4.7, -1.7), (17.8, 20.1, 18.2)),  # the third only lifts the sky
        (2.0, (-5.0,), (13.0,)),  # half of it beyond the slit's end
        (1.0, (5.1,), (15.0,)),
    ],
)
def test_sources_that_are_seen_in_part_keep_their_counts(bench, seeing, places, mags):
    brighter = {"VIS": 0.0, "NIR": 1.0}[bench.arm]
    pairs = zip(mags, places, strict=True)
    stars = tuple(Target(dict(name="SN", type="continuum", mag=m - brighter), x) for m, x in pairs)
    shot = small_shot(arm=bench.arm, targets=stars, exposure_s=ARMS[bench.arm][2], seeing_arcsec=seeing)
    small = small_frame(bench, shot, np.random.default_rng(4))
    out = reduced(small, places[0], flat_before(small))
    assert out.extended is None
    assert sorted(out.place(k) for k in range(len(out.sources))) == pytest.approx(sorted(places), abs=0.2)
    assert out.place() == pytest.approx(places[0], abs=0.05)
    for spectrum in spectra([out]):
        true, keep = truth(small, spectrum), inner(spectrum)
        weight = (true / (300.0 + 0.3 * true))[keep]
        noise = np.sqrt(weight**2 @ spectrum.variance[keep]) / (weight @ true[keep])
        assert weight @ spectrum.flux[keep] / (weight @ true[keep]) == pytest.approx(1.0, abs=0.02 + 2 * noise)


@pytest.mark.parametrize("fwhm_arcsec", [0.8, 1.5])
def test_a_profile_unlike_any_seeing_is_no_pair_of_sources(bench, fwhm_arcsec, monkeypatch):
    """A Gaussian function with more light than noise everywhere: two Moffat functions beside each other come nearer to it."""
    scale = 2.0 * np.sqrt(np.log(2.0) / np.pi)
    gaussian = lambda x, fwhm: scale / fwhm * np.exp(-4.0 * np.log(2.0) * (x / fwhm) ** 2)
    monkeypatch.setattr(optics, "moffat", gaussian)
    star = Target(dict(name="SN", type="continuum", mag={"VIS": 13.0, "NIR": 12.0}[bench.arm]), -0.6)
    shot = small_shot(arm=bench.arm, targets=(star,), exposure_s=ARMS[bench.arm][2], seeing_arcsec=fwhm_arcsec)
    small = small_frame(bench, shot, np.random.default_rng(3))
    out = reduced(small, -0.6, flat_before(small))
    assert len(out.sources) == 1 and out.extended is None
    for spectrum in spectra([out]):
        true, keep = truth(small, spectrum), inner(spectrum)
        assert np.sum(spectrum.flux[keep]) / np.sum(true[keep]) == pytest.approx(1.0, abs=0.01)
