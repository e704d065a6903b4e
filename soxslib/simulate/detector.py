"""What a detector makes of light: response, pedestal, noise, cosmic rays, digits.

One noise model, that of the pipeline: Poisson of the expected electrons plus Gaussian read noise.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

KIND_DEAD, KIND_HOT, KIND_COLUMN = 1, 2, 4


@dataclass(frozen=True)
class Detector:
    """One arm's detector in a night; images unbinned, turned and trimmed."""

    facts: dict
    response: np.ndarray
    pedestal_adu: np.ndarray  # of the science area, above the level
    hot_e: np.ndarray  # electrons of hot pixels, in 300 s where they grow with time
    kind: np.ndarray  # uint8: what is wrong with a pixel

    def dark_e(self, exposure_s):
        """Expected electrons without light."""
        share = exposure_s / 300.0 if self.facts["hot_scales_with_time"] else 1.0
        return self.facts["dark_e_s"] * exposure_s + self.hot_e * share

    def light_e(self, expected):
        """Expected electrons of light after the pixels' response."""
        return expected * self.response


def make_detector(facts, shape, rng):
    """A Detector with random defects, of the numbers in simulate.yaml."""
    response = (1 + facts["response_rms"] * rng.standard_normal(shape, np.float32)).astype(np.float32)
    kind = np.zeros(shape, np.uint8)
    hot = np.zeros(shape, np.float32)

    def scattered(number):
        return tuple(rng.integers(0, n, number) for n in shape)

    dead, warm = scattered(facts["dead"]), scattered(facts["hot"])
    response[dead] *= rng.uniform(0.0, 0.5, facts["dead"])
    low, high = np.log(facts["hot_e"])
    hot[warm] = np.exp(rng.triangular(low, low, high, facts["hot"]))
    kind[dead] |= KIND_DEAD
    kind[warm] |= KIND_HOT
    for _ in range(facts["columns"]):
        row, first = rng.integers(0, shape[0]), rng.integers(0, shape[1])
        response[row, first:] *= rng.uniform(0.4, 0.9)
        kind[row, first:] |= KIND_COLUMN
    return Detector(facts, response, _pattern(facts, shape, rng), hot, kind)


def _pattern(facts, shape, rng):
    """Fixed structure of the pedestal [ADU]: rows, columns and a slow slope."""
    rows = ndimage.gaussian_filter1d(rng.standard_normal(shape[0]), 4) * 2
    columns = ndimage.gaussian_filter1d(rng.standard_normal(shape[1]), 60) * 6
    slope = np.linspace(-0.5, 0.5, shape[1])
    pattern = rows[:, None] * 0.4 + columns[None, :] * 0.4 + slope[None, :]
    return (facts["bias_structure_adu"] * pattern).astype(np.float32)


def scattered_light(image, fraction, block=32):
    """Light spread over the whole detector: a share of each pixel's, smoothed over hundreds of pixels."""
    ny, nx = (int(np.ceil(n / block)) for n in image.shape)
    padded = np.zeros((ny * block, nx * block))
    padded[: image.shape[0], : image.shape[1]] = image
    coarse = padded.reshape(ny, block, nx, block).mean(axis=(1, 3))
    smooth = fraction * ndimage.gaussian_filter(coarse, 5, mode="nearest")
    y, x = ((np.arange(n) + 0.5) / block - 0.5 for n in image.shape)
    rows = ndimage.map_coordinates(smooth, np.meshgrid(y, np.arange(nx), indexing="ij"), order=1, mode="nearest")
    low = np.clip(np.floor(x).astype(int), 0, nx - 2)
    share = np.clip(x - low, 0, 1)
    return np.ascontiguousarray(rows[:, low] * (1 - share) + rows[:, low + 1] * share, np.float32)


def cosmic_rays(shape, facts, total_s, rng):
    """Electrons left by cosmic rays in the turned unbinned frame: straight tracks, most of them short."""
    image = np.zeros(shape, np.float32)
    hits = rng.poisson(facts["cosmic_rays_s"] * total_s)
    length = 1 + rng.exponential(2.5, hits) + 25 * (rng.random(hits) < 0.04) * rng.random(hits)
    angle = rng.uniform(0, 2 * np.pi, hits)
    charge = facts["cosmic_e_px"] * rng.lognormal(-0.3, 0.8, hits)
    start = rng.uniform(0, 1, (2, hits)) * np.array(shape)[:, None]
    step = np.arange(0, 60, 0.5)
    on = step[None, :] < length[:, None]
    y = (start[0][:, None] + step * np.sin(angle)[:, None])[on].astype(int)
    x = (start[1][:, None] + step * np.cos(angle)[:, None])[on].astype(int)
    amount = (0.5 * charge[:, None] * rng.uniform(0.6, 1.4, on.shape))[on]
    inside = (y >= 0) & (x >= 0) & (y < shape[0]) & (x < shape[1])
    np.add.at(image, (y[inside], x[inside]), amount[inside].astype(np.float32))
    return image


def binned(image, binning):
    """Sums over blocks; binning = (across, along)."""
    if tuple(binning) == (1, 1):
        return image
    b, c = binning
    ny, nx = image.shape[0] // b, image.shape[1] // c
    return image[: ny * b, : nx * c].reshape(ny, b, nx, c).sum(axis=(1, 3))


def expose(detector, light, rng, *, exposure_s, ndit=1, binning=(1, 1), shuttered=False):
    """(electrons read in the science area, electrons of cosmic rays), both binned, the mean of the integrations.

    light: expected electrons of one integration, None without any. shuttered: a zero-second frame sees no cosmic rays.
    """
    expected = detector.dark_e(exposure_s)
    if light is not None:
        expected = expected + detector.light_e(light)
    expected = binned(np.minimum(expected, detector.facts["full_well_e"]), binning)
    electrons = rng.poisson(expected * ndit).astype(np.float32) / np.float32(ndit)
    shape = detector.response.shape
    rays = binned(cosmic_rays(shape, detector.facts, 0 if shuttered else exposure_s * ndit, rng), binning) / ndit
    noise = detector.facts["read_noise_e"] / np.sqrt(ndit)
    return electrons + rays + noise * rng.standard_normal(electrons.shape, np.float32), rays
