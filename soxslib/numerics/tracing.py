"""Where an order's light runs: cuts along a guessed line, its displacement, and smooth curves through what is found."""

from dataclasses import dataclass

import numpy as np
from numpy.polynomial import legendre

from soxslib.numerics.polynomials import falling_prior, robust_scatter, tukey_weights
from soxslib.numerics.profiles1d import fit_profiles


def cut_along(image, centre, half):
    """(values [row, column], rows) of an image within `half` pixels of a line; rows beyond the image repeat its border.

    centre: the line as (columns, positions across at these columns).
    """
    columns, position = centre
    rows = np.round(position).astype(int)[None, :] + np.arange(-half, half + 1)[:, None]
    return image.ravel().take(np.clip(rows, 0, image.shape[0] - 1) * image.shape[1] + columns), rows


def displacement(image, bad, lines, *, search_px, order_px, smooth_px, slice_px):
    """{order: displacement [px]} of the orders' light from guessed lines, coarse (about a pixel).

    lines: {order: (columns, positions)}. The profiles of all orders, each normalised, are added first: they move
    together by up to search_px; then each order is sought within order_px of that, so that a faint order does not jump
    to a neighbour.
    """
    image = np.where(bad, 0.0, image)
    profiles = {o: _mean_profile(image, line, search_px, slice_px) for o, line in lines.items()}
    kernel = np.exp(-0.5 * (np.arange(-3 * order_px, 3 * order_px + 1) / max(order_px / 2, 1)) ** 2)
    common = sum(np.convolve(p, kernel, mode="same") / max(p.max(), 1e-12) for p in profiles.values())
    base = int(np.argmax(common)) - search_px
    offsets = np.arange(-search_px, search_px + 1)
    fine = np.exp(-0.5 * (np.arange(-3 * smooth_px, 3 * smooth_px + 1) / smooth_px) ** 2)
    out = {}
    for order, profile in profiles.items():
        smooth = np.convolve(profile, fine, mode="same")
        near = np.abs(offsets - base) <= order_px
        out[order] = float(offsets[near][np.argmax(smooth[near])]) if smooth[near].max() > 0 else float(base)
    return out


def _mean_profile(image, line, half, slice_px):
    """Mean over an order's slices of the profile across it, each slice above its median and in units of its noise."""
    values, _ = cut_along(image, line, half)
    n = values.shape[1] // slice_px
    if n == 0:
        return np.zeros(2 * half + 1)
    slices = np.median(values[:, : n * slice_px].reshape(2 * half + 1, n, slice_px), axis=2)
    slices = slices - np.median(slices, axis=0)
    noise = np.maximum(1.4826 * np.median(np.abs(slices), axis=0), 1e-3)
    # bright slices must not decide alone, nor noise count as much as light
    return np.clip(slices / noise, 0.0, 10.0).mean(1)


@dataclass(frozen=True)
class Slices:
    """Positions of one order's light in slices along it, on the frame's pixels."""

    along: np.ndarray
    across: np.ndarray
    error: np.ndarray
    sigma: np.ndarray
    signal_to_noise: np.ndarray
    is_good: np.ndarray


def fit_slices(frame_flux, frame_variance, bad, full, line, *, slice_px, half, sigma_px, reach):
    """The Slices of one order about a line (columns, positions); bad: pixels not to be read, full: at the full well.

    All pixels of a slice enter one fit, each at its own distance from the line, so that the order's slope within the
    slice smears nothing.
    """
    columns, position = line
    n = columns.size // slice_px
    columns, position = columns[: n * slice_px], position[: n * slice_px]
    flux, rows = cut_along(frame_flux, (columns, position), half)
    variance, _ = cut_along(frame_variance, (columns, position), half)
    unusable, _ = cut_along(bad, (columns, position), half)
    is_full, _ = cut_along(full, (columns, position), half)
    variance = np.where(unusable | (rows < 0) | (rows >= frame_flux.shape[0]), 0.0, variance)
    distance = rows - position[None, :]
    per_slice = lambda a: a.reshape(2 * half + 1, n, slice_px).transpose(1, 0, 2).reshape(n, -1)
    along = columns.reshape(n, slice_px).mean(1)
    distance, flux, variance, is_full = (per_slice(a) for a in (distance, flux, variance, is_full))
    start = _brightest(distance, flux, variance, half)
    start = np.clip(start, np.median(start) - reach / 2, np.median(start) + reach / 2)
    fits = fit_profiles(
        distance,
        flux,
        variance,
        is_full,
        start_centre=start,
        start_sigma=sigma_px,
        sigma_limits=(0.3, 4 * sigma_px),
        reach=reach,
    )
    centre_of_slice = position.reshape(n, slice_px).mean(1)
    # one line's worth of light per column: the height's noise follows from read-out and light alike
    noise = np.sqrt(np.where(variance > 0, variance, 0.0).sum(1) / slice_px) / np.sqrt(slice_px)
    return Slices(along, centre_of_slice + fits.centre, fits.error, fits.sigma, fits.height / noise, fits.is_good)


def _brightest(distance, flux, variance, half):
    """Distance of the brightest row of each slice, from sums over whole pixels of distance."""
    bins = np.arange(-half, half + 1)
    index = np.clip(np.round(distance).astype(int) + half, 0, 2 * half)
    used = variance > 0
    bin_of = (np.arange(len(flux))[:, None] * bins.size + index)[used]
    total, count = (np.bincount(bin_of, w, len(flux) * bins.size).reshape(-1, bins.size) for w in (flux[used], None))
    return bins[np.argmax(np.where(count > 0, total / np.maximum(count, 1), -np.inf), axis=1)].astype(float)


def fit_curves(slices, guess, *, domain, degree, common_degree, order_degree, cut, floor_px, prior_px):
    """({order: Legendre coefficients of the position}, {order: residual scatter}) through the slices of all orders.

    What is fitted is the departure from the guessed lines {order: function of along}. First one polynomial for all
    orders (order_degree over the orders, common_degree along): optics move as a whole. Then each order's own departure
    from that, held to prior_px where its slices are few or faint. Robust: iterated Tukey weights about the scatter.
    """
    orders = sorted(slices)
    rank = dict(zip(orders, np.linspace(-1, 1, len(orders)) if len(orders) > 1 else [0.0], strict=True))
    unit = lambda along: (2.0 * np.asarray(along) - sum(domain)) / (domain[1] - domain[0])
    order_degree = min(order_degree, len(orders) - 1)
    basis = lambda o, u: (
        legendre.legvander(u, common_degree)[:, :, None]
        * legendre.legvander(np.full(u.shape, rank[o]), order_degree)[:, None, :]
    ).reshape(u.size, (common_degree + 1) * (order_degree + 1))
    good = {o: s.is_good for o, s in slices.items()}
    design = np.concatenate([basis(o, unit(slices[o].along[good[o]])) for o in orders])
    values = np.concatenate([(slices[o].across - guess[o](slices[o].along))[good[o]] for o in orders])
    errors = np.concatenate([np.hypot(slices[o].error, floor_px)[good[o]] for o in orders])
    # mostly a shift of all: what an order without light has to follow
    prior = falling_prior((common_degree, order_degree), scale=100.0, decay=0.2, decay_second=0.05)
    common = robust_weighted(design, values, errors, prior, cut=cut)[0]
    curves, scatter = {}, {}
    grid = np.linspace(domain[0], domain[1], 8 * (degree + 2))
    for o in orders:
        s, m = slices[o], good[o]
        base = lambda along, o=o: guess[o](along) + basis(o, unit(along)) @ common
        # few slices cannot hold a high degree beyond their ends
        terms = min(degree, max(int(m.sum()) // 6, 1)) + 1
        own = legendre.legvander(unit(s.along[m]), terms - 1)
        residual = s.across[m] - base(s.along[m])
        prior = prior_px * 0.6 ** np.arange(terms)  # a departure is mostly a shift, hardly a ripple
        coefficients, left, weight = robust_weighted(own, residual, np.hypot(s.error[m], floor_px), prior, cut=cut)
        curves[o] = legendre.legfit(unit(grid), base(grid), degree)
        curves[o][:terms] += coefficients
        kept = weight > 0
        scatter[o] = robust_scatter(left[kept]) if kept.any() else float("nan")
    return curves, scatter


def robust_weighted(design, values, errors, prior_sd, *, cut, rounds=12):
    """(coefficients, residuals, weights [0, 1]) of a least-squares fit with errors, a prior about 0 and Tukey weights.

    Weights fall with the residual over the larger of its error and the scatter of all: errors that are too small for
    the model do not turn good data into outliers.
    """
    weights = np.ones(values.size)
    ridge = np.diag(1.0 / prior_sd**2)
    coefficients = np.zeros(design.shape[1])
    for _ in range(rounds):
        w = weights / errors**2
        coefficients = np.linalg.solve(design.T @ (w[:, None] * design) + ridge, design.T @ (w * values))
        residual = values - design @ coefficients
        pull = residual / errors
        spread = max(robust_scatter(pull[weights > 0]) if (weights > 0).any() else 1.0, 1.0)
        weights = tukey_weights(pull / spread, cut=cut)
    return coefficients, values - design @ coefficients, weights
