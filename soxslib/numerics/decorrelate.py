"""Least squares samples with independent errors."""

import numpy as np

LEAST_ALIKE = 0.01  # information of two samples, relative, below which they are not mixed
MOST_COUPLED = 0.9  # sum of a sample's correlations with all others
SQUARE_ROOT = (1 / 2, -1 / 8, 1 / 16, -5 / 128, 7 / 256, -21 / 1024)  # binomial series of (1 + x)^1/2, from x on


def decorrelated(solution, bands, is_mixed):
    """(samples, variances) with independent errors from a least squares solution and its information matrix (upper bands).

    is_mixed: samples that may be mixed with others; those of which a cosmic ray left little would spoil their neighbours.

    The information is D^1/2 (1 + E) D^1/2 with D its diagonal. Multiplying by (1 + E)^1/2, rows normalised, removes the
    correlations where D changes little from sample to sample (after Bolton & Schlegel 2010, PASP 122, 248, eq. 9-12, whose
    D^1/2 under the root would move light from the faint foot of a bright line to its peak: this form keeps the sum). Where D
    does change, the variance holds what is added to first order. It is inf where there is no information.
    """
    diagonal = bands[-1]
    informed = diagonal > 1e-6 * np.median(diagonal[diagonal > 0]) if (diagonal > 0).any() else diagonal > 0
    sigma = 1.0 / np.sqrt(np.where(informed, diagonal, 1.0))
    couplings, usable = [], informed & is_mixed  # E, band by band
    for d in range(1, bands.shape[0]):
        one, other = diagonal[d:], diagonal[:-d]
        both = usable[d:] & usable[:-d] & (np.minimum(one, other) > LEAST_ALIKE * np.maximum(one, other))
        couplings.append(np.where(both, bands[-1 - d, d:] * sigma[d:] * sigma[:-d], 0.0))
    couplings = _convergent(couplings)
    samples, row_sum = _root_times(couplings, solution), _root_times(couplings, np.ones(solution.size))
    variance = sigma**2
    for d, e in enumerate(couplings, 1):
        added = (0.5 * e * (sigma[d:] - sigma[:-d])) ** 2
        variance[d:] += added
        variance[:-d] += added
    return np.where(informed, samples / row_sum, 0.0), np.where(informed, variance / row_sum**2, np.inf)


def _convergent(couplings):
    """The couplings without those of samples whose sum is too large for the series of the root: at ragged ends of an order."""
    total = np.zeros(couplings[0].size + 1)
    for d, e in enumerate(couplings, 1):
        total[d:] += np.abs(e)
        total[:-d] += np.abs(e)
    weak = total < MOST_COUPLED
    return [np.where(weak[d:] & weak[:-d], e, 0.0) for d, e in enumerate(couplings, 1)]


def _root_times(couplings, values):
    """(1 + E)^1/2 times a vector."""
    out, power = values.copy(), values
    for c in SQUARE_ROOT:
        product = np.zeros_like(power)
        for d, e in enumerate(couplings, 1):
            product[d:] += e * power[:-d]
            product[:-d] += e * power[d:]
        power = product
        out += c * power
    return out
