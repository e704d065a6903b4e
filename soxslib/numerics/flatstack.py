"""The sum of flats of one lamp, without cosmic rays."""

import numpy as np

from soxslib.numerics.noise import strips


def stack_flats(fluxes, floors, masks, scales, *, clip_sigma, clip_ratio):
    """(mean, floor variance, light, count) of flats brought to the brightness of the first, weighted by their light.

    scales: brightness of each frame relative to the first. Sum over sum of scales is the best estimate when photons
    make the noise. masks: True where a frame must not be read. A value is left out when it exceeds the lowest of the
    others (of two) or their median by clip_sigma of noise and by clip_ratio of itself. light: sum of the scales of the
    values used; the photon noise of the mean is its signal over light. count 0: no frame has a good value there.
    """
    out = [np.empty(fluxes[0].shape, np.float32) for _ in range(4)]
    for rows in strips(len(fluxes[0])):
        some = [[a[rows] for a in arrays] for arrays in (fluxes, floors, masks)]
        for whole, part in zip(out, _stacked(*some, scales, clip_sigma, clip_ratio), strict=True):
            whole[rows] = part
    return tuple(out)


def _stacked(fluxes, floors, masks, scales, clip_sigma, clip_ratio):
    """(mean, floor variance, light, count) of some rows."""
    scaled = [f / np.float32(s) for f, s in zip(fluxes, scales, strict=True)]
    reference = scaled[0]
    if len(scaled) == 2:
        reference = np.minimum(*scaled)
    elif len(scaled) == 3:  # as the median, ten times faster
        low, high = np.minimum(*scaled[:2]), np.maximum(*scaled[:2])
        reference = np.maximum(low, np.minimum(high, scaled[2]))
    elif len(scaled) > 3:
        reference = np.median(scaled, axis=0)
    total, weight, variance, count = (np.zeros(reference.shape, np.float32) for _ in range(4))
    for flux, floor, mask, scale, value in zip(fluxes, floors, masks, scales, scaled, strict=True):
        noise = np.sqrt(2.0 * (floor / scale**2 + np.maximum(reference, 0.0) / scale))
        high = value - reference > clip_sigma * noise + clip_ratio * np.abs(reference)
        kept = ~mask & ~high
        total += np.where(kept, flux, 0.0)
        weight += np.where(kept, np.float32(scale), 0.0)
        variance += np.where(kept, floor, 0.0)
        count += kept
    safe = np.where(weight > 0, weight, 1.0)
    mean = np.where(weight > 0, total / safe, reference)
    return mean, variance / safe**2, safe, count
