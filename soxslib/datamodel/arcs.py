"""What the arc steps pass on: spots of pinholes in arc light, lines and their measurements."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Spots:
    """An arc frame made ready: image [electron] without smooth background, its noise, and its peaks.

    `peaks` [peak, (along, across)] in unbinned pixels, brightest first; images in pixels of the frame as binned.
    """

    image: np.ndarray
    floor: np.ndarray  # variance without the spots' own photons
    bad: np.ndarray
    peaks: np.ndarray
    binning: tuple[int, int]  # (across, along)
    ndit: int
    file: str
    slit: str
    lamps: tuple
    is_saturated: bool = False  # most of the brightest peaks are

    @property
    def pixel(self):
        """Size of a pixel (along, across) in unbinned pixels."""
        return np.array([self.binning[1], self.binning[0]])

    def to_frame(self, place):
        """Places [..., (along, across)] of unbinned pixels in pixels of the frame."""
        return (place + 0.5) / self.pixel - 0.5

    def to_unbinned(self, place):
        """Places [..., (along, across)] of the frame in unbinned pixels."""
        return (place + 0.5) * self.pixel - 0.5

    def hold(self, place):
        """True for places [spot, (along, across)] far enough within the frame to be measured."""
        at = self.to_frame(place)
        return ((at > (2, 1)) & (at < np.array(self.image.shape[::-1]) - (3, 2))).all(axis=1)

    @property
    def told(self):
        """Slit and lamps, for messages."""
        return f"slit wheel at {self.slit or 'unknown'}, lamps {', '.join(self.lamps) or 'none'}"

    @property
    def remedy(self):
        """What to do about a frame that is of no use."""
        return "expose shorter or exclude the frame" if self.is_saturated else "exclude the frame"


@dataclass(frozen=True)
class LineList:
    """Arc lines by order, arrays of one length: `listed` ones are known to be good, the rest is of the lamp's atlas."""

    order: np.ndarray
    wavelength_nm: np.ndarray
    listed: np.ndarray
    intensity: np.ndarray  # of the atlas, NaN where unknown

    def of(self, order, listed=False):
        """Indices of an order's lines, or of its listed ones only."""
        return np.flatnonzero((self.order == order) & (self.listed | (not listed)))

    @property
    def n_listed(self):
        """{order: number of listed lines}."""
        return {int(o): int(self.listed[self.order == o].sum()) for o in np.unique(self.order)}


@dataclass(frozen=True)
class MeasuredLines:
    """Measured spots of all orders, arrays of one length; positions are [spot, (along, across)] in unbinned pixels."""

    order: np.ndarray
    wavelength_nm: np.ndarray
    slit_arcsec: np.ndarray
    line: np.ndarray  # number of the line within the list
    listed: np.ndarray
    position: np.ndarray
    error: np.ndarray
    width: np.ndarray  # sigma before the pixels
    width_error: np.ndarray
    fwhm: np.ndarray  # as sampled by the pixels
    flux: np.ndarray  # electron
    signal_to_noise: np.ndarray
    chi2: np.ndarray  # of the spot's fit, per degree of freedom
    usable: np.ndarray  # detected, near its prediction
    blended: np.ndarray
    saturated: np.ndarray  # saturated or bad pixels in the spot
    fitted: np.ndarray | None = None  # position by the solution
    held_out: np.ndarray | None = None  # residual about a fit without the line
    weight: np.ndarray | None = None  # in the fit, 0 for outliers and for spots left out

    def where(self, keep):
        """Some of the spots."""
        values = (getattr(self, name) for name in self.__dataclass_fields__)
        return MeasuredLines(*(None if v is None else v[keep] for v in values))
