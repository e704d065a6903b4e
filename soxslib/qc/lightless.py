"""Quality control that master bias and master dark share."""

import numpy as np

from soxslib.datamodel import Quality
from soxslib.numerics.noise import median
from soxslib.qc.metric import Metric


def measure_lightless(master, stack):
    """Metrics of a stack of frames without light."""
    quality = master.frame.quality
    count = lambda bits: int(np.count_nonzero(quality & np.uint16(bits)))
    expected = np.sqrt(stack.read_variance / stack.n_frames)  # none of frames at the full well
    rows, columns = stack.structure.rows, stack.structure.columns
    return [
        Metric(
            "RON MASTER",
            float(np.sqrt(median(master.frame.variance))),
            "electron",
            "Noise the master adds to a pixel",
        ),
        Metric("RON RAW", master.read_noise_e, "electron", "Read noise of one frame, from differences"),
        Metric("STACK NOISE", stack.noise_e, "electron", "Noise of the mean of the frames, about its structure"),
        Metric(
            "NOISE RATIO",
            stack.noise_e / expected if expected > 0 else np.nan,
            "",
            "The same over read noise / sqrt(frames)",
        ),
        Metric("STRUCTX", float(rows.std()), "electron", "Structure across the dispersion, rms"),
        Metric("STRUCTY", float(columns.std()), "electron", "Structure along the dispersion, rms"),
        Metric(
            "STRUCT MAX", largest_structure(master.frame.flux), "electron", "Largest deviation of a part of the frame"
        ),
        Metric("FPN", stack.intrinsic_e, "electron", "Scatter of pixels beyond noise and structure"),
        Metric("N FRAMES", stack.n_frames, "", "Frames combined"),
        Metric("N EXCLUDED", len(stack.excluded), "", "Frames left out: structure unlike the others'"),
        Metric("FRAC REJECTED", stack.rejected_fraction, "", "Fraction of values rejected as cosmic rays"),
        Metric("N HOT", count(Quality.HOT), "pixel", "Hot pixels"),
        Metric("FRAC HOT", count(Quality.HOT) / quality.size, "", "Fraction of pixels that are hot"),
        Metric("N BAD", count(Quality.BAD), "pixel", "Bad or unstable pixels"),
        Metric("FRAC BAD", count(Quality.HOT | Quality.BAD) / quality.size, "", "Fraction of pixels flagged"),
    ]


def largest_structure(image, parts=16):
    """How far the level of a part of an image, 1/16 of it in both directions, is from the typical one.

    Nothing is left out: light that leaks in stands out so much that the structure's fit takes its pixels for hot ones.
    """
    height, width = (n // parts for n in image.shape)
    cut = image[: height * parts, : width * parts].reshape(parts, height, parts, width)
    levels = np.median(cut[:, ::3, :, ::3], axis=(1, 3))
    return float(np.abs(levels - np.median(levels)).max())
