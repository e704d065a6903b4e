"""Cosmic rays among the pixels of an order: what a model of sky and sources cannot explain."""

import numpy as np

from soxslib import kernels
from soxslib.numerics import filters
from soxslib.numerics.noise import median
from soxslib.numerics.special import erf

_pulls = kernels.function("hits_pulls", "bddddxxdn")
_found = kernels.function("hits_found", "ddbbinnxxxxnddbb")
_leverage = kernels.function("hits_leverage", "bbddixxnndd")
_lit = kernels.function("hits_lit", "bbddddxxnddi")
_spikes = kernels.function("hits_spikes", "bddxxxnnb")

ENCLOSED_SIGMA = 1.0  # from which a pixel between two hits is one: the source's own counts may have taken its light
LEAST_LIT = 50  # pixels on bright lines that tell the error of the sky's model
MOSTLY_SKY = 1.2  # times the sky may the model be where the sky's error is measured
MEDIAN_OF_SQUARE = 0.4549  # of a normal deviate
ERROR_OF_MEDIAN = 2.33  # of squares, relative, times the root of their number
SPIKE_SIGMA = 8.0  # above the sharpest line
LEAST_LIGHT = 0.03  # of a source in a pixel, below which the pixel has next to no leverage on its counts
MOST_LEVERAGE = 0.7  # that is believed of a pixel
MOST_REJECTED = 0.3  # of the pixels of one wavelength: a cosmic ray is smaller than the slit


def steady(residual, error, sigma):
    """Pixels [row, column] whose residual is within sigma errors of its neighbours' along the dispersion.

    What rejection has not found yet, before the model is good, stands alone there; what the model lacks of a source or of the
    sky's light does not.
    """
    return np.abs(residual - filters.median_of_five(residual)) < sigma * error


def spikes(data, floor, usable, ndit, sharpest_px):
    """Pixels [row, column] that stand above both their neighbours along the dispersion more than a line could.

    sharpest_px: Gaussian sigma of the sharpest line; twice its ratio of a centred pixel to the next is what a line never has.
    A ray along the slit is found so, which the model would take for an emission line as it fills the slit.
    """
    centre, beyond = (float(erf(end / sharpest_px * np.sqrt(0.5))) for end in (0.5, 1.5))
    out = np.zeros(data.shape, bool)
    _spikes(usable, data, floor, ndit, 4.0 * centre / (beyond - centre), SPIKE_SIGMA, *data.shape, out)
    return out


def nearest_node(basis):
    """The node nearest to each pixel, flat."""
    return (basis.first + 1 + (basis.phase > 0.5)).ravel()


class Hits:
    """Pixels that the model cannot explain, and how much of each node is left without them."""

    def __init__(self, basis, usable, profiles, spikes=None):
        """basis: of all pixels [row, column]; usable: those that may be read; profiles [row, column] of the sources; spikes:
        what is hit whatever the model says, or None."""
        self._n, self._usable = basis.n_nodes, usable
        self.node = nearest_node(basis).reshape(usable.shape)
        self._count = np.maximum(self._by_node(usable.astype(float)), 1.0)
        self.spikes = np.zeros(usable.shape, bool) if spikes is None else spikes
        self.rejected = self.spikes
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

    def sky_error(self, data, model, sky, variance, *, least, most):
        """Fraction by which the model of the sky errs on bright lines, between least and most; least where none is bright.

        Told by what the residuals scatter more than their noise, where `most` of the sky would be half of it at least. What
        chance makes of their median counts as noise; what is rejected does not count.
        """
        square, relative, n = np.empty(data.size), np.empty(data.size), np.zeros(1, np.intp)
        _lit(
            self._usable, self.rejected, data, model, sky, variance, 2 * most, MOSTLY_SKY, data.size, square, relative, n
        )  # fmt: skip
        n = int(n[0])
        if n < LEAST_LIT:
            return least
        excess = median(square[:n]) / MEDIAN_OF_SQUARE - 1.0 - ERROR_OF_MEDIAN / np.sqrt(n)
        return float(np.clip(np.sqrt(max(excess, 0.0) * median(relative[:n])), least, most))

    def pulls(self, data, model, sky, variance, sky_error, source_error):
        """Data less model over their error, to which fractions of the sky and of the rest of the model are added; -inf where
        not usable."""
        out = np.empty(data.shape)
        _pulls(self._usable, data, model, sky, variance, sky_error, source_error, out, out.size)
        return out

    def leverage(self, variance):
        """Part of each pixel in what the fit says of the sources there: it takes as much of the variance of the residual."""
        out, sums = np.zeros(variance.shape), np.empty(self._n)
        for light in self._light:
            _leverage(
                self._usable, self.rejected, light, variance, self.node, LEAST_LIGHT, MOST_LEVERAGE, out.size, self._n,
                sums, out,
            )  # fmt: skip
        return out

    def found(self, pull, leverage, reject_sigma, grow_sigma):
        """The worst of each column (a hit drags the fit, and with it its neighbours), what was rejected before and still
        sticks out, what touches them and sticks out less, and what stands between two of them. A ray along the slit
        leaves little beside it to tell the source's counts, which follow it: what touches others is measured by the
        scatter that its leverage leaves.

        pull: of `pulls`. Nodes that would lose too much of the slit lose nothing but spikes: there it is the model that
        fails, not the pixels.
        """
        lost, scratch, out = (
            np.empty(max(self._n, pull.shape[1])),
            np.empty(pull.shape, bool),
            np.empty(pull.shape, bool),
        )
        _found(
            pull, leverage, self.rejected, self.spikes, self.node, *pull.shape, reject_sigma, grow_sigma, ENCLOSED_SIGMA,
            MOST_REJECTED, self._n, self._count, lost, scratch, out,
        )  # fmt: skip
        return out
