"""What the telescope, the slit and the spectrograph do to light: throughput, blur, and images of orders.

Spectra live on a fine grid of `u`, the position along the dispersion of a wavelength at the slit's centre, in pixels:
there the line spread is the same all along an order, so that blurring is one convolution.
"""

from dataclasses import dataclass

import numpy as np
from numpy.polynomial import chebyshev
from scipy import signal, special

FINE = 20  # samples of the fine grid per pixel: half a per mille of a narrow line's peak with linear interpolation
MARGIN_PX = 40
NODES, WEIGHTS = np.polynomial.legendre.leggauss(3)  # integration across a pixel
NODES, WEIGHTS = NODES / 2, WEIGHTS / 2


@dataclass(frozen=True)
class FineGrid:
    """The fine grid of one order: positions u [px], their wavelengths, and the wavelength span of each sample [nm]."""

    order: int
    u: np.ndarray
    wavelength_nm: np.ndarray
    span_nm: np.ndarray

    def place(self, wavelength_nm, amount):
        """A spectrum of lines on the grid, each shared by the two samples nearest to it."""
        rising = self.wavelength_nm[-1] > self.wavelength_nm[0]
        w, u = (self.wavelength_nm, self.u) if rising else (self.wavelength_nm[::-1], self.u[::-1])
        inside = (wavelength_nm > w[0]) & (wavelength_nm < w[-1])
        x = (np.interp(wavelength_nm[inside], w, u) - self.u[0]) * FINE
        low = np.clip(x.astype(int), 0, self.u.size - 2)
        out = np.bincount(low, amount[inside] * (1 - (x - low)), self.u.size)
        return out + np.bincount(low + 1, amount[inside] * (x - low), self.u.size)


def fine_grid(order, size):
    """The FineGrid of an OrderSolution on a detector of `size` pixels along the dispersion."""
    from scipy.interpolate import CubicSpline

    low, high = order.wavelength_nm
    wavelength = np.linspace(low, high, 3000)
    along = order.position(wavelength, 0.0)[0]
    k = np.argsort(along)
    first = max(along.min(), -MARGIN_PX)
    last = min(along.max(), size - 1 + MARGIN_PX)
    u = np.arange(np.ceil(first * FINE), np.floor(last * FINE) + 1) / FINE
    spline = CubicSpline(along[k], wavelength[k])
    return FineGrid(order.order, u, spline(u), np.abs(spline(u, 1)) / FINE)


def throughput(order, wavelength_nm, facts):
    """Transmission of telescope and instrument in one order, from simulate.yaml's facts of the arm."""
    w = np.asarray(wavelength_nm, float)
    if "throughput" in facts:
        f = facts["throughput"][order]
        out = f["peak"] * np.exp(-(((w - f["centre_nm"]) / f["width_nm"]) ** 2))
    else:
        f = facts["echelle"]
        blaze_nm = f["product_nm"] / order
        out = f["peak"] * np.sinc(0.75 * order * (w - blaze_nm) / blaze_nm) ** 2
        out *= np.exp(-((np.log(blaze_nm / f["best_nm"]) / 0.9) ** 2))
    (low, high), (fall_low, fall_high) = f["edges_nm"], f["fall_nm"]
    return out * special.expit((w - low) / fall_low) * special.expit((high - w) / fall_high)


def moffat(x, fwhm, beta=3.5):
    """A seeing profile of unit area (the Moffat function summed over one direction), and its share below x."""
    power = beta - 0.5
    alpha = fwhm / (2 * np.sqrt(2 ** (1 / power) - 1))
    norm = special.gamma(power) / (special.gamma(power - 0.5) * np.sqrt(np.pi))
    return norm / alpha * (1 + (x / alpha) ** 2) ** -power


def disc(size, fwhm):
    """(x, light of unit area) along the slit of a galaxy's exponential disc (Freeman 1970, ApJ 160, 811) of full width `size`
    at half maximum, blurred by seeing."""
    x = np.arange(-20 * size, 20 * size, 0.02)
    kernel = moffat(np.arange(-300, 301) * 0.02, fwhm)
    light = np.convolve(np.exp(-2 * np.log(2) * np.abs(x) / size), kernel, "same")
    return x, light / np.trapezoid(light, x)


def share_within(half, fwhm):
    """Share of a seeing profile within +-half."""
    x = np.linspace(-1, 1, 401)
    values = moffat(x * np.asarray(half)[..., None], np.asarray(fwhm)[..., None])
    return np.trapezoid(values, x, axis=-1) * half


def line_spread(kind, slit_arcsec, optics, fwhm_arcsec=None):
    """A kernel on the fine grid [1/px], pixel included: of the lit slit, of a star in the slit, or of a pinhole."""
    reach = int(FINE * (0.5 * (slit_arcsec or 1.0) * optics["slit_px_arcsec"] + 6))
    x = np.arange(-reach, reach + 1) / FINE
    if kind == "pinhole":
        kernel = np.exp(-0.5 * (x / optics["pinhole_px"]) ** 2)
    else:
        half, blur = 0.5 * slit_arcsec * optics["slit_px_arcsec"], optics["blur_px"] * np.sqrt(2)
        kernel = 0.5 * (special.erf((x + half) / blur) - special.erf((x - half) / blur))
        if kind == "star":
            star = moffat(x / optics["slit_px_arcsec"], fwhm_arcsec) * (np.abs(x) <= half)
            gauss = np.exp(-0.5 * (x / optics["blur_px"]) ** 2)
            kernel = signal.fftconvolve(star, gauss, mode="same")
    pixel = np.full(FINE + 1, 1.0)
    pixel[[0, -1]] = 0.5
    kernel = np.convolve(kernel, pixel, mode="same")
    return kernel / kernel.sum() * FINE


def blur(spectrum, kernel):
    """Electrons per pixel on the fine grid, of a spectrum of electrons per fine sample."""
    return np.maximum(signal.oaconvolve(spectrum, kernel, mode="same"), 0.0)


@dataclass(frozen=True)
class OrderPixels:
    """The pixels of one order: for pixel [k, a] its row, and at three heights in it u [px] and slit position [arcsec].

    area: arcsec times u per pixel, so that a pixel holds area times a surface brightness per arcsec and pixel of u.
    """

    order: int
    row: np.ndarray  # [k, a]
    u: np.ndarray  # [q, k, a]
    slit_arcsec: np.ndarray  # [q, k, a]
    area: np.ndarray  # [k, a]
    inside: np.ndarray  # [k, a]: on the detector and within the order's wavelengths
    centre: np.ndarray  # [a]

    def image(self, spectrum, profile, first_u):
        """Electrons of light of a blurred spectrum and a profile(slit_arcsec [k, a]) per arcsec."""
        out = np.zeros(self.area.shape)
        for weight, u, s in zip(WEIGHTS, self.u, self.slit_arcsec, strict=True):
            x = (u - first_u) * FINE
            low = np.clip(x.astype(np.int32), 0, spectrum.size - 2)
            share = np.clip(x - low, 0, 1)
            value = spectrum[low]
            out += weight * (value + share * (spectrum[low + 1] - value)) * profile(s)
        return out * self.area * self.inside

    def add_to(self, image, light):
        """Adds light [k, a] to the detector's image."""
        k, a = np.nonzero(self.inside)
        image[self.row[k, a], a] += light[k, a]


def order_pixels(order, shape, half_arcsec=6.6):
    """The OrderPixels of an OrderSolution on a detector of this shape (across, along)."""
    n = shape[1]
    low, high = order.wavelength_nm
    w, s = np.meshgrid(np.linspace(low, high, 160), np.linspace(-7, 7, 15), indexing="ij")
    along, across = order.position(w, s)
    seen = (along > -60) & (along < n + 60)
    centre_along, centre_across = (p[seen[:, 7], 7] for p in (along, across))
    limits = (min(-60.0, along[seen].min()), max(n + 60.0, along[seen].max()))

    def scale(a):
        return (2 * a - limits[0] - limits[1]) / (limits[1] - limits[0])

    centre_fit = chebyshev.chebfit(scale(centre_along), centre_across, 7)
    t = (across - chebyshev.chebval(scale(along), centre_fit))[seen] / 30.0
    u = np.broadcast_to(along[:, 7:8], along.shape)[seen] - along[seen]
    design = chebyshev.chebvander2d(scale(along[seen]), t, (8, 3))
    fits = [np.linalg.lstsq(design, v, rcond=None)[0].reshape(9, 4) for v in (u, s[seen])]
    a = np.arange(n, dtype=float)
    centre = chebyshev.chebval(scale(a), centre_fit)
    px_arcsec = np.median(np.abs(across[:, 14] - across[:, 0])) / 14
    half = int(np.ceil(half_arcsec * px_arcsec)) + 1
    row = np.floor(centre).astype(int) + np.arange(-half, half + 1)[:, None]
    shift, slit = _on_nodes(fits, scale(a), (row - centre) / 30.0)
    area = _area(fits, scale(a), (row - centre) / 30.0, 2 / (limits[1] - limits[0]), 1 / 30.0)
    first, last = np.sort([centre_along.min(), centre_along.max()])
    inside = (row >= 0) & (row < shape[0]) & (a >= first - 12) & (a <= last + 12)
    return OrderPixels(order.order, row, a + shift, slit, area, inside, centre)


def _on_nodes(fits, x, t):
    """Polynomials at the three heights inside each pixel."""
    out = []
    for fit in fits:
        c = chebyshev.chebval(x, fit)  # [j, a]: coefficients in t at each position
        out.append(np.stack([chebyshev.chebval(t + q / 30.0, c[:, None, :], tensor=False) for q in NODES]))
    return out


def _area(fits, x, t, dx, dt):
    """|d(u, slit) / d(along, across)| at the pixels' centres: (1 + U_a) S_t - U_t S_a, which no shear changes."""
    shift, slit = fits

    def value(fit):
        return chebyshev.chebval(t, chebyshev.chebval(x, fit)[:, None, :], tensor=False)

    u_a, s_a = (value(chebyshev.chebder(f, axis=0)) * dx for f in (shift, slit))
    u_t, s_t = (value(chebyshev.chebder(f, axis=1)) * dt for f in (shift, slit))
    return np.abs((1 + u_a) * s_t - u_t * s_a)
