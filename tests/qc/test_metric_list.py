"""What users of the consortium's pipeline look up (its table of quality control) has its equal here, and so has what they miss."""

import pytest
from metric_names import is_measured, names_of

from soxslib.config.settings import STEPS
from soxslib.instruments import load_instrument

ARCS = ("dispersion_solution", "spatial_solution")
SKY = ("stare", "nod", "offset")
LIGHTLESS = ("master_bias", "master_dark")

THEIRS = [  # (steps, name there, names here)
    (STEPS, "DETECTOR TEMP", ["DETECTOR TEMP"]),
    (STEPS, "CPATH TEMP", ["CPATH TEMP"]),
    (LIGHTLESS, "RAW RON", ["RON RAW"]),
    (LIGHTLESS, "MASTER RON", ["RON MASTER"]),
    (("master_bias",), "MBIAS MEDIAN", ["BIAS LEVEL"]),
    (("master_bias",), "FPN FRACMAX", ["FPN"]),
    (("master_bias",), "STRUCTX", ["STRUCTX"]),
    (("master_bias",), "STRUCTY", ["STRUCTY"]),
    (("master_bias",), "BADPIX NUM, FRAC", ["N BAD", "FRAC BAD"]),
    (("master_dark",), "MDARK MEDIAN", ["DARK LEVEL"]),
    (("master_dark",), "HOTPIX NUM, FRAC", ["N HOT", "FRAC HOT"]),
    (ARCS, "DETLINES TOT, NUM, FRAC", ["LINES LISTED", "LINES DETECTED", "LINES DETECTED FRACTION"]),
    (ARCS, "DETLINES CLIP NUM, GOODLINES FRAC", ["LINES CLIPPED", "LINES FRACTION"]),
    (("spatial_solution",), "PINHOLE COUNT MIN", ["PINHOLES"]),
    (ARCS, "X/Y RES MIN", ["RESIDUAL ALONG MIN", "RESIDUAL ACROSS MIN"]),
    (ARCS, "X/Y RES MEDIAN", ["RESIDUAL ALONG MEDIAN", "RESIDUAL ACROSS MEDIAN"]),
    (ARCS, "X/Y RES MAX", ["RESIDUAL ALONG MAX", "RESIDUAL ACROSS MAX"]),
    (ARCS, "X/Y RES SD", ["RESIDUAL ALONG SD", "RESIDUAL ACROSS SD"]),
    (ARCS, "XY RES MIN, MEDIAN, MAX, SD", ["RESIDUAL MIN", "RESIDUAL MEDIAN", "RESIDUAL MAX", "RESIDUAL SD"]),
    (ARCS, "X/Y DIFF MEDIAN", ["SHIFT ALONG", "SHIFT ACROSS"]),
    (ARCS, "X/Y DIFF SD", ["SHIFT ALONG SD", "SHIFT ACROSS SD"]),
    (ARCS, "XY DIFF MEDIAN, SD", ["SHIFT", "SHIFT SD"]),
    (ARCS, "FWHM PIN MEDIAN, SD", ["FWHM", "FWHM SD"]),
    (ARCS, "R PIN MEDIAN, SD", ["RESOLUTION", "RESOLUTION SD"]),
    (("order_trace",), "N ORDERS", ["TRACE N ORDERS"]),
    (("order_trace",), "SAMPLES TOT, DET, CLIP NUM", ["TRACE SAMPLES", "TRACE N SLICES", "TRACE N CLIPPED"]),
    (("order_trace",), "DET FRAC, CLIP FRAC", ["TRACE FRAC"]),  # what is not used is clipped
    (("order_trace",), "RES MIN, MAX, SD, MEDIAN", ["TRACE RES MIN", "TRACE RES MAX", "TRACE RES"]),
    (("master_flat",), "ORDEXP10, 50, 90", ["FLAT LEVEL 10", "FLAT LEVEL 50", "FLAT LEVEL 90"]),
    (("master_flat",), "COLDPIX NUM, FRAC, N LOW SENS", ["N COLD", "COLD FRAC"]),
    (("master_flat",), "INNER ORDER PIX MEAN, SUM", ["INNER ORDER MEAN", "INNER ORDER SUM"]),
    (("master_flat",), "X RES MIN, MAX, SD", ["EDGE RES MIN", "EDGE RES MAX", "EDGE RES"]),
    (SKY, "BADPIX NUM, FRAC", ["BADPIX NUM", "BADPIX FRAC"]),
    (SKY, "INNER ORDER PIX MEAN, SUM", ["INNER ORDER MEAN", "INNER ORDER SUM"]),
    (SKY, "N ORDERS", ["N ORDERS"]),
    (SKY, "SAMPLES TOT, DET, CLIP", ["TRACE SAMPLES", "TRACE N USED", "TRACE N CLIPPED", "TRACE FRAC"]),
    (SKY, "RES MIN, MAX, SD", ["TRACE RES MIN", "TRACE RES MAX", "TRACE RES"]),
    (SKY, "SNR MEDIAN", ["SNR MEDIAN"]),
    (SKY, "SKY SHIFT", ["FLEXURE"]),
    (("response",), "EFF MEDIAN", ["EFFICIENCY MEDIAN", "EFFICIENCY"]),
]
NEW = [
    (SKY, "sky-line zero point and scatter", ["SKY ZERO POINT", "SKY SCATTER", "SKY LINES"]),
    (ARCS, "hold-out wavelength residual", ["HELDOUT ALONG SD", "HELDOUT ACROSS SD", "HELDOUT WAVE SD"]),
    (ARCS, "LSF width per order", ["FWHM", "RESOLUTION"]),
    (SKY, "sky residual over photon noise", ["SKY RESIDUAL"]),
    (SKY, "extraction chi-square", ["EXTRACTION CHI2"]),
    (SKY, "cosmic-ray and saturation fractions", ["COSMIC RAY FRAC", "SATURATED FRAC"]),
    (("flux_calibration",), "overlap of neighbouring orders and of the arms", ["MERGE RATIO", "ARM RATIO"]),
    (SKY, "seeing from the trace", ["SEEING", "PROFILE BETA"]),
    (("response", "flux_calibration"), "slit loss", ["SLIT FRACTION"]),
    (("master_flat",), "flat S/N per order", ["FLAT SNR"]),
    (SKY, "bias drift against overscan", ["BIAS DRIFT"]),
    (("master_bias",), "bias drift within the stack", ["BIAS DRIFT"]),
    (SKY, "how the trace was found", ["TRACE MODE"]),
    (SKY, "flexure per order with its error", ["FLEXURE", "FLEXURE ERROR", "FLEXURE METHOD"]),
    (("master_dark",), "dark rate", ["DARK RATE"]),
    (SKY, "covariance factor", ["COVARIANCE FACTOR"]),
    (SKY, "shift of the slit since the flat", ["SLIT SHIFT"]),
]
# ranges that the consortium's pipeline judges by: here too
JUDGED_THERE = {
    "master_bias": ["RON RAW", "RON MASTER", "BIAS LEVEL", "FPN", "STRUCTX", "STRUCTY", "FRAC BAD", "DETECTOR TEMP"],
    "master_dark": ["DARK LEVEL", "RON RAW", "RON MASTER"],
    "dispersion_solution": ["LINES DETECTED FRACTION", "LINES FRACTION", "RESIDUAL ALONG SD", "RESIDUAL ACROSS SD",
                            "RESIDUAL SD", "SHIFT ALONG SD", "SHIFT ACROSS SD", "FWHM"],
    "spatial_solution": ["PINHOLES", "LINES FRACTION", "RESIDUAL ALONG SD", "RESIDUAL ACROSS SD", "RESIDUAL SD", "FWHM"],
    "order_trace": ["TRACE FRAC", "TRACE RES"],
    "master_flat": ["FLAT LEVEL 90", "COLD FRAC", "EDGE RES"],
    "nod": ["BADPIX FRAC", "N ORDERS", "TRACE FRAC", "TRACE RES", "SNR MEDIAN"],
    "response": ["EFFICIENCY MEDIAN"],
}  # fmt: skip


@pytest.mark.parametrize(("steps", "name", "ours"), THEIRS + NEW, ids=lambda v: v if isinstance(v, str) else "")
def test_every_metric_of_the_list_is_measured(steps, name, ours):
    missing = [(step, metric) for step in steps for metric in ours if not is_measured(step, metric)]
    assert not missing


@pytest.mark.parametrize("step", JUDGED_THERE)
def test_what_is_judged_there_is_judged_here(step):
    content = load_instrument("SOXS").yaml("qc_limits.yaml")
    known = {**content["every_step"], **content[step]}
    for name in JUDGED_THERE[step]:
        arms = [known[name], *(known[name][arm] for arm in ("VIS", "NIR") if arm in known[name])]
        assert any("warn" in entry or "warn" in entry.get("each", {}) for entry in arms), name


def test_a_name_that_nobody_measures_is_noticed():
    assert not is_measured("stare", "RON RAW") and not is_measured("stare", "SKY ZERO POIN")
    assert names_of("spatial_solution") > names_of("dispersion_solution")
