"""Images on their way through the reduction."""

from dataclasses import dataclass, replace

import numpy as np

from soxslib.datamodel.exposure import Exposure


def _frozen(array, dtype):
    """The array itself, or a read-only view or copy of it with the wanted type."""
    out = np.asarray(array, dtype).view()
    out.flags.writeable = False
    return out


@dataclass(frozen=True)
class RawFrame:
    """A raw frame as read: ADU, turned so that the dispersion runs along axis 1, trimmed to the science area.

    prescan, overscan: the pixels without light beside the science area, turned alike (rows x columns of the
    strip; for VIS shape (n, n_dispersion)), or None. is_bad: pixels of adu that were no numbers, and hold a typical one now;
    None without any.
    """

    adu: np.ndarray  # float32 [y, x]
    exposure: Exposure
    prescan: np.ndarray | None = None
    overscan: np.ndarray | None = None
    is_bad: np.ndarray | None = None

    def __post_init__(self):
        object.__setattr__(self, "adu", _frozen(self.adu, np.float32))


@dataclass(frozen=True)
class Frame:
    """An image with its errors: flux [electron], variance [electron^2], quality (bits of Quality, 0 is good).

    All arrays have one shape, dispersion along axis 1, pixels as the exposure is binned. Read-only: a step
    returns a new Frame (`frame.with_(flux=...)`).
    """

    flux: np.ndarray
    variance: np.ndarray
    quality: np.ndarray
    exposure: Exposure
    floor: np.ndarray | None = None  # part of the variance that is there without signal (read-out, bias, dark)

    def __post_init__(self):
        if self.floor is not None:
            object.__setattr__(self, "floor", _frozen(self.floor, np.float32))
        object.__setattr__(self, "flux", _frozen(self.flux, np.float32))
        object.__setattr__(self, "variance", _frozen(self.variance, np.float32))
        object.__setattr__(self, "quality", _frozen(self.quality, np.uint16))
        if not self.flux.shape == self.variance.shape == self.quality.shape:
            raise ValueError(
                f"flux {self.flux.shape}, variance {self.variance.shape} and quality {self.quality.shape} differ in shape"
            )

    @property
    def shape(self):
        return self.flux.shape

    def with_(self, **changes):
        """A new frame with some arrays or facts replaced."""
        return replace(self, **changes)
