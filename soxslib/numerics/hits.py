"""Cosmic rays among the pixels of an order: what a model of sky and sources cannot explain."""

import numpy as np

from soxslib.numerics import filters

ENCLOSED_SIGMA = 1.0  # from which a pixel between two hits is one: the source's own counts may have taken its light
MOST_REJECTED = 0.3  # of the pixels of one wavelength: a cosmic ray is smaller than the slit


def steady(residual, error, sigma):
    """Pixels [row, column] whose residual is within sigma errors of its neighbours' along the dispersion.

    What rejection has not found yet, before the model is good, stands alone there; what the model lacks of a source or of the
    sky's light does not.
    """
    return np.abs(residual - filters.median_of_five(residual)) < sigma * error


def nearest_node(basis):
    """The node nearest to each pixel, flat."""
    return (basis.first + 1 + (basis.phase > 0.5)).ravel()


class Hits:
    """Pixels that the model cannot explain, in the order of sorted data, and how much of each node is left without them."""

    def __init__(self, basis, usable, data, profiles):
        """basis: of all pixels; data: those that are usable, sorted; profiles [row, column] of the sources."""
        self._at, self._n = data.at, data.n_nodes
        self.node = data.first + 1 + (data.phase > 0.5)
        self._shape = usable.shape
        self._usable = np.maximum(np.bincount(self.node, minlength=self._n), 1)
        self.rejected = np.zeros(data.at.size, bool)
        self._light = [np.clip(data.take(p), 0.0, None) for p in profiles]
        self._seen = [np.bincount(self.node, light, self._n) for light in self._light]
        every = nearest_node(basis)
        clipped = (np.where(basis.on_grid, np.clip(p, 0.0, None), 0.0).ravel() for p in profiles)
        self._whole = [np.bincount(every, light, self._n) for light in clipped]

    def image(self, values):
        """Values of the data as an image, 0 elsewhere."""
        out = np.zeros(self._shape, values.dtype)
        out.ravel()[self._at] = values
        return out

    def coverage(self, source):
        """Per node, the part of a source's profile that the pixels seen hold; 1 where it has none."""
        light, whole = self._light[source], self._whole[source]
        lost = np.bincount(self.node[self.rejected], light[self.rejected], self._n)
        return np.where(whole > 1e-3, (self._seen[source] - lost) / np.maximum(whole, 1e-3), 1.0)

    def found(self, residual, error, reject_sigma, grow_sigma):
        """The worst of each column (a hit drags the fit, and with it its neighbours), what was rejected before and still
        sticks out, what touches them and sticks out less, and what stands between two of them."""
        z = residual / error
        out = self.image(self.rejected & (z > grow_sigma))
        candidates = np.flatnonzero((z > reject_sigma) & ~self.rejected)
        row, column = np.divmod(self._at[candidates], self._shape[1])
        by_height = np.lexsort((row, -z[candidates]))
        _, first = np.unique(column[by_height], return_index=True)
        worst = by_height[first]
        out[row[worst], column[worst]] = True
        if not out.any():
            return np.zeros_like(self.rejected)
        near = _with_neighbours(out).ravel()[self._at]
        out = (out.ravel()[self._at] | near) & (z > grow_sigma)
        out |= _enclosed(self.image(out)).ravel()[self._at] & (z > ENCLOSED_SIGMA)
        return out & ~self._too_many(out)[self.node]

    def _too_many(self, rejected):
        """Nodes that have lost so much of the slit that it is the model that fails there, not the pixels."""
        return np.bincount(self.node[rejected], minlength=self._n) / self._usable > MOST_REJECTED


def _enclosed(mask):
    """Pixels that have one of the mask on either side, along a row, a column or a diagonal: the way of a cosmic ray."""
    padded = np.pad(mask, 1)
    at = lambda i, j: padded[1 + i : padded.shape[0] - 1 + i, 1 + j : padded.shape[1] - 1 + j]
    return (at(0, 1) & at(0, -1)) | (at(1, 0) & at(-1, 0)) | (at(1, 1) & at(-1, -1)) | (at(1, -1) & at(-1, 1))


def _with_neighbours(mask):
    """The mask grown by one pixel in all eight directions."""
    across = mask.copy()
    across[1:] |= mask[:-1]
    across[:-1] |= mask[1:]
    out = across.copy()
    out[:, 1:] |= across[:, :-1]
    out[:, :-1] |= across[:, 1:]
    return out
