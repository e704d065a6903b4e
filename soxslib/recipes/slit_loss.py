"""The seeing that a spectrum was taken in."""

from soxslib.numerics.extinction import seeing_at

_TYPICAL_ARCSEC = 1.0  # median of La Silla
_ALONG_OVER_DISC = 1.11  # FWHM summed along one direction over that of the disc, Moffat beta 3


def seeing_of(exposure, profile_fwhm, source):
    """(FWHM of the seeing disc [arcsec], wavelength [nm] it holds at).

    From the profile along the slit where it was measured (seeing and optics as they were), else from the site's
    monitor.
    """
    if source == "measured" and profile_fwhm is not None:
        return profile_fwhm[0] / _ALONG_OVER_DISC, profile_fwhm[1]
    return seeing_at(exposure.seeing_arcsec or _TYPICAL_ARCSEC, exposure.airmass or 1.0), 500.0
