"""Quality of a spectrum of both arms: how they agree, what was done about it."""

import numpy as np

from soxslib.qc.metric import Metric


def measure(result):
    """[Metric] of a BothArms."""
    s, ratio = result.spectrum, result.ratio
    good = np.isfinite(s.flux) & (s.error > 0)
    snr = float(np.median(s.flux[good] / s.error[good])) if good.any() else np.nan
    relative = ratio.error / ratio.value if ratio else np.nan
    return [
        Metric("ARM RATIO", ratio.value if ratio else np.nan, "", "flux over that of the bluer arm"),
        Metric("ARM RATIO ERROR", ratio.error if ratio else np.nan, "", "one sigma"),
        Metric("ARM RATIO BINS", ratio.bins if ratio else 0, "", "that were compared"),
        Metric("ARM SCALED", result.scaled_arm or "none", "", "arm brought to the other's scale"),
        Metric("ARM SCALE", result.scale, "", "its fluxes were multiplied by"),
        Metric("ARM SCALE ERROR", relative * result.scale if result.scaled_arm else np.nan, "", "common, not in ERR"),
        Metric("ARM SWITCH", result.switch_nm, "nm", "bluer arm below, redder one above"),
        Metric("SNR MEDIAN", snr, "", "median S/N per bin"),
    ]
