"""One-dimensional spectra."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class OrderSpectrum:
    """One extracted order on its native pixels, sorted along the detector's dispersion axis.

    Counts [electron] of one exposure (one integration) per native pixel of the frame as binned; wavelengths in air, nm,
    observer's frame. All arrays of one length.
    """

    order: int
    wavelength_nm: np.ndarray
    pixel_nm: np.ndarray  # width of the pixel, positive
    along_px: np.ndarray  # position on the frame as binned
    across_px: np.ndarray
    flux: np.ndarray  # optimal
    variance: np.ndarray
    boxcar: np.ndarray
    boxcar_robust: np.ndarray
    sky: np.ndarray  # electron in the boxcar's aperture
    quality: np.ndarray
    wavelength_error_nm: float = 0.0  # one sigma, common to the order
    blaze: np.ndarray | None = None  # shape of the lamp in the flat, per native pixel, any scale common to the arm
    scale_error: float = 0.0  # relative, one sigma, common to the order: what the form of a host beneath leaves open

    def __post_init__(self):
        n = np.size(self.wavelength_nm)
        for name in (
            "pixel_nm",
            "along_px",
            "across_px",
            "flux",
            "variance",
            "boxcar",
            "boxcar_robust",
            "sky",
            "quality",
        ):
            if np.size(getattr(self, name)) != n:
                raise ValueError(
                    f"order {self.order}: {name} has {np.size(getattr(self, name))} samples, wavelength {n}"
                )


@dataclass(frozen=True)
class MergedSpectrum:
    """The orders of an arm on one uniform grid of bins.

    flux, error: electrons per bin, or erg/s/cm2/Angstrom once calibrated (`flux_calibrated`); covariance: (COV1, COV2, ...),
    covariance of bin i with i + k, last k entries 0; gaps are NaN with Quality.GAP.
    """

    wavelength_nm: np.ndarray
    flux: np.ndarray
    error: np.ndarray
    quality: np.ndarray
    sky: np.ndarray
    covariance: tuple[np.ndarray, ...]
    wavelength_error_nm: np.ndarray
    flux_calibrated: bool = False
    systematic_error: np.ndarray | None = None  # of the calibration: common to many bins, not averaged by rebinning
    is_vacuum: bool = False
    velocity_km_s: float = 0.0  # barycentric correction that the wavelengths hold; 0 in the observer's frame
    telluric: dict[str, np.ndarray] | None = None  # columns of the absorption by molecules and of the flux without it


@dataclass(frozen=True)
class RectifiedOrder:
    """One order on a grid of slit position (axis 0) and wavelength (axis 1), both uniform: counts [electron] per bin."""

    order: int
    wavelength_nm: np.ndarray  # centres of the bins
    slit_arcsec: np.ndarray
    flux: np.ndarray
    variance: np.ndarray
    quality: np.ndarray
    correlation: float = 1.0  # variance of a large sum over the sum of the variances: pixels are shared between bins


@dataclass(frozen=True)
class OrderResponse:
    """Response of one order on a grid of wavelengths: energy for one detected electron, blaze included.

    exp(log_response) [erg/s/cm2/Angstrom above the atmosphere for one electron/s/nm]; log_error: its relative error, one
    sigma; measured: False where it is inter- or extrapolated.
    """

    order: int
    wavelength_nm: np.ndarray
    log_response: np.ndarray
    log_error: np.ndarray
    measured: np.ndarray


@dataclass(frozen=True)
class Absorption:
    """Optical depth of the atmosphere's molecules as a star showed it on the pixels of an order, by wavelength [nm, air].

    error: of the depth, one sigma, inf where unknown; molecule: index into numerics.telluric.MOLECULES, -1 outside the bands;
    airmass: the star's.
    """

    order: int
    wavelength_nm: np.ndarray
    depth: np.ndarray
    error: np.ndarray
    molecule: np.ndarray
    airmass: float


@dataclass(frozen=True)
class Response:
    """Response of an arm, order by order, from one star, and what the molecules above it absorbed in these orders."""

    star: str
    orders: tuple[OrderResponse, ...]
    absorptions: tuple[Absorption, ...] = ()

    def __getitem__(self, order):
        for response in self.orders:
            if response.order == order:
                return response
        raise KeyError(order)

    def __contains__(self, order):
        return any(response.order == order for response in self.orders)
