"""The sum of flats of one lamp, without cosmic rays."""

import numpy as np

from soxslib import kernels

_flats = kernels.function("stacking_flats", "pppfnnxxfffff")
_PART = 256  # pixels that the loop works on at once


def stack_flats(fluxes, floors, masks, scales, *, clip_sigma, clip_ratio):
    """(mean, floor variance, light, count) of flats brought to the brightness of the first, weighted by their light.

    scales: brightness of each frame relative to the first. Sum over sum of scales is the best estimate when photons
    make the noise. masks: True where a frame must not be read. A value is left out when it exceeds the lowest of the
    others (of two) or their median by clip_sigma of noise and by clip_ratio of itself. light: sum of the scales of the
    values used; the photon noise of the mean is its signal over light. count 0: no frame has a good value there.
    """
    n, shape = len(fluxes), fluxes[0].shape
    out = [np.empty(shape, np.float32) for _ in range(4)]
    whole = lambda arrays, kind: [np.ascontiguousarray(a, kind) for a in arrays]
    kept = whole(fluxes, np.float32), whole(floors, np.float32), whole(masks, bool)  # as long as they are read
    places = (kernels.addresses(arrays, shape, kind) for arrays, kind in zip(kept, "ffb", strict=True))
    buffer = np.empty(n * _PART, np.float32)
    _flats(*places, np.array(scales, np.float32), n, out[0].size, clip_sigma, clip_ratio, buffer, *out)
    return tuple(out)
