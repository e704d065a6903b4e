import numpy as np
from scipy.ndimage import gaussian_filter1d

from soxslib.numerics.edges import edge_curves, edge_points, mean_profile, rough_edges

SLICE = 32


def flat(rng, light, blur=1.2):
    """Flat of one tilted order, its edges 17.3 px below and 18.6 above its trace, their distance growing by 0.5 px."""
    columns = np.arange(1024)
    trace = 40 + 12 * columns / 1024
    lower, upper = trace - 17.3, trace + 18.6 + 0.5 * columns / 1024
    fine = np.arange(-0.45, 100, 0.1)  # pixel r holds samples r-0.45 .. r+0.45
    inside = (fine[:, None] > lower) & (fine[:, None] < upper)
    image = gaussian_filter1d(inside.astype(float), 10 * blur, axis=0)[:1000].reshape(100, 10, 1024).mean(1)
    variance = light * image + 16
    return light * image + rng.normal(0, np.sqrt(variance)), variance, (columns, trace), lower, upper


def measured(rng, light):
    image, variance, line, lower, upper = flat(rng, light)
    bad = np.zeros(image.shape, bool)
    rough = rough_edges(mean_profile(image, bad, line, 35, SLICE))
    points = edge_points(image, variance, bad, line, (rough[0] - 35, rough[1] - 35), slice_px=SLICE, reach=4)
    return points, line, lower, upper


def test_edges_are_where_the_light_ends_whatever_the_blur(rng):
    points, line, lower, upper = measured(rng, 20_000)
    offsets = points.along.astype(int)
    assert points.is_good.all()
    # noise: sqrt(9 rows / (32 columns * 20 000 electrons)) = 0.004 px; sampling of the test's image 0.05 px
    assert np.abs(points.lower - (lower - line[1])[offsets]).max() < 0.08
    assert np.abs(points.upper - (upper - line[1])[offsets]).max() < 0.08


def test_curves_follow_each_edge_by_itself_in_faint_flats_too(rng):
    points, line, lower, upper = measured(rng, 60)
    domain = (0.0, 1023.0)
    trace = np.polynomial.legendre.legfit(np.linspace(-1, 1, 1024), line[1], 1)
    low, high, _ = edge_curves(points, trace, domain, degree=2, cut=5, floor_px=0.02, prior_px=3)
    at = np.linspace(-1, 1, 1024)
    # noise of a slice 0.1 px, of the curve 0.1 * sqrt(3 / 32)
    assert np.abs(np.polynomial.legendre.legval(at, low) - lower).max() < 0.2
    assert np.abs(np.polynomial.legendre.legval(at, high) - upper).max() < 0.2


def test_no_plateau_no_edges(rng):
    assert rough_edges(np.zeros(71)) is None
