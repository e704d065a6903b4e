"""Quality bits: what can be wrong with a pixel or a wavelength bin. 0 is good."""

from enum import IntFlag


class Quality(IntFlag):
    """One bit per reason; several may be set at once. Stored as 16-bit integers."""

    BAD = 1  # dead, unstable or otherwise useless pixel
    HOT = 2  # dark level far above that of its neighbours
    COLD = 4  # response far below that of its neighbours
    SATURATED = 8  # at or above the full well, or bled into
    NONLINEAR = 16  # so bright that the linearity correction is uncertain
    COSMIC_RAY = 32
    NO_CALIBRATION = 64  # outside the orders, the slit or the calibrated range
    INTERPOLATED = 128  # rests on few good pixels: the value is a weak estimate
    EXTRAPOLATED = 256  # wavelength outside the range of the lines that define it
    POOR_SKY = 512  # the sky model is not supported by enough pixels
    TELLURIC = 1024  # the atmosphere is opaque
    GAP = 2048  # no order has light here: the value is NaN


QUALITY_BITS = {bit.name: int(bit) for bit in Quality}
