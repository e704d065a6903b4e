"""Extended light along the slit, a host under a transient, told from point sources by its shape."""

from dataclasses import dataclass, field

import numpy as np

from soxslib import kernels
from soxslib.numerics.profile import SEEING_EXPONENT

_along = kernels.function("extended_along", "ddddddbxxxnnd")

_UNLIKE = 0.1  # of extended light under a source: what galaxies of other forms leave, a Gaussian or a disc with a bulge
_HIDDEN = 0.25  # FWHM of a source from the centre of extended light, within which a bulge looks like the source


@dataclass(frozen=True)
class ExtendedLight:
    """Extended light along the slit: exp -(r / scale)^(1 / index), r^2 = (s - centre)^2 + core^2.

    The profile of a galaxy (Sersic 1963, BAAA 6, 41) whose cusp the seeing has made a core, as wide as it makes a point source:
    core_arcsec is that where `blur` is as wide as at its reference wavelength. norm: makes its integral over the slit 1 there.
    relative_peak: its peak within the slit over that of the first point source; doubt: relative error of the first point
    source's counts that all these forms together leave, {order: }.
    """

    centre_arcsec: float
    scale_arcsec: float
    index: float
    core_arcsec: float
    blur: "Points"
    norm: float
    relative_peak: float
    doubt: dict[int, float] = field(default_factory=dict)

    @property
    def fwhm_arcsec(self):
        """Full width at half maximum at the blur's reference wavelength."""
        depth = (self.core_arcsec / self.scale_arcsec) ** (1.0 / self.index) + np.log(2.0)
        return 2.0 * float(np.sqrt((self.scale_arcsec * depth**self.index) ** 2 - self.core_arcsec**2))

    def unlike(self, slit_arcsec, fwhm_arcsec):
        """Part of the light under a source by which galaxies of other forms change the source's: all of it where a bulge stands
        right beneath."""
        apart = (self.centre_arcsec - slit_arcsec) / (_HIDDEN * fwhm_arcsec)
        return _UNLIKE + (1.0 - _UNLIKE) * float(np.exp(-(apart**2)))

    def at(self, slit_arcsec, wavelength_nm):
        """Light per arcsec at one wavelength."""
        core = self.core_arcsec * self.blur.widening(wavelength_nm)
        return self.norm * shape(slit_arcsec, self.centre_arcsec, self.scale_arcsec, self.index, core)


@dataclass(frozen=True)
class Points:
    """The point sources on the slit: where they stand, how wide each is, and the power of all their Moffat profiles.

    fwhm_arcsec: at reference_nm; it follows the wavelength to the power of the seeing's law and `bend`.
    """

    positions: list[float]
    fwhm_arcsec: list[float]
    power: float
    reference_nm: float = 500.0
    bend: float = 0.0
    peaks: tuple[float, ...] = (1.0,)  # over the first one's, at reference_nm

    def stretch(self, wavelength_nm):
        """Width at a wavelength over what the seeing's law alone makes of that at reference_nm."""
        return (wavelength_nm / self.reference_nm) ** self.bend

    def widening(self, wavelength_nm):
        """Width at a wavelength over that at reference_nm."""
        return float((wavelength_nm / self.reference_nm) ** (SEEING_EXPONENT + self.bend))


def light_along(grid, slit_arcsec, arcsec, data, sky, floor, variance, used, *, sky_error):
    """(mean light above the sky per arcsec, its variance) of the used pixels about each point of a uniform slit grid.

    Pixels count by what the sky does to them: its lines hide the light by their noise, and by `sky_error`, relative.
    """
    images = [np.ascontiguousarray(a, float) for a in (slit_arcsec, arcsec, data, sky, floor, variance)]
    sums = np.zeros((3, grid.size))
    _along(*images, used, sky_error, grid[0], grid[1] - grid[0], used.size, grid.size, sums)
    seen = sums[0] > 0
    total = np.where(seen, sums[0], 1.0)
    return sums[1] / total, np.where(seen, sums[2] / total**2, np.inf)


def shape(slit_arcsec, centre, scale, index, core):
    """Extended light along the slit, by the parameters of an ExtendedLight, not normalised."""
    return np.exp(-((np.hypot(slit_arcsec - centre, core) / scale) ** (1.0 / index)))
