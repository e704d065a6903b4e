"""Cosmic rays among the pixels of an order: what a model of sky and sources cannot explain."""

import numpy as np

from soxslib import kernels
from soxslib.numerics import filters

_pulls = kernels.function("hits_pulls", "bdddxdn")
_found = kernels.function("hits_found", "dbinnxxxxnddbb")

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
    """Pixels that the model cannot explain, and how much of each node is left without them."""

    def __init__(self, basis, usable, profiles):
        """basis: of all pixels [row, column]; usable: those that may be read; profiles [row, column] of the sources."""
        self._n, self._usable = basis.n_nodes, usable
        self.node = nearest_node(basis).reshape(usable.shape)
        self._count = np.maximum(self._by_node(usable.astype(float)), 1.0)
        self.rejected = np.zeros(usable.shape, bool)
        self._light = [np.where(basis.on_grid, np.clip(p, 0.0, None), 0.0) for p in profiles]
        self._seen = [self._by_node(np.where(usable, light, 0.0)) for light in self._light]
        self._whole = [self._by_node(light) for light in self._light]

    def _by_node(self, values):
        return np.bincount(self.node.ravel(), values.ravel(), self._n)

    def coverage(self, source):
        """Per node, the part of a source's profile that the pixels seen hold; 1 where it has none."""
        light, whole, at = self._light[source], self._whole[source], np.flatnonzero(self.rejected)
        lost = np.bincount(self.node.ravel()[at], light.ravel()[at], self._n)
        return np.where(whole > 1e-3, (self._seen[source] - lost) / np.maximum(whole, 1e-3), 1.0)

    def pulls(self, data, model, variance, model_error):
        """Data less model over their error, to which a fraction of the model is added; -inf where not usable."""
        out = np.empty(data.shape)
        _pulls(self._usable, data, model, variance, model_error, out, out.size)
        return out

    def found(self, pull, reject_sigma, grow_sigma):
        """The worst of each column (a hit drags the fit, and with it its neighbours), what was rejected before and still
        sticks out, what touches them and sticks out less, and what stands between two of them.

        pull: of `pulls`. Nodes that would lose too much of the slit lose nothing: there it is the
        model that fails, not the pixels.
        """
        lost, scratch, out = (
            np.empty(max(self._n, pull.shape[1])),
            np.empty(pull.shape, bool),
            np.empty(pull.shape, bool),
        )
        _found(
            pull, self.rejected, self.node, *pull.shape, reject_sigma, grow_sigma, ENCLOSED_SIGMA, MOST_REJECTED, self._n,
            self._count, lost, scratch, out,
        )  # fmt: skip
        return out
