"""Figures from small synthetic products: they can be drawn, say quantity and unit, and failures give cards.

What must stand on a figure follows from the products' contract, columns and units; no picture is compared.
"""

import json

import numpy as np
import pytest

from soxslib.datamodel import (
    Exposure,
    Frame,
    MasterBias,
    MasterFlat,
    MergedSpectrum,
    OrderEdges,
    OrderResponse,
    OrderSpectrum,
    OrderTrace,
    Quality,
    Response,
)
from soxslib.io import products, spectra
from soxslib.io.flats import write_master_flat
from soxslib.io.masters import write_master
from soxslib.io.slices import slices_table
from soxslib.numerics.tracing import Slices
from soxslib.plots import MODULES, draw, make, style
from soxslib.plots.arcs import without_hot
from soxslib.plots.sources import Sources

matplotlib = pytest.importorskip("matplotlib")

N = 240  # samples along the dispersion
ORDERS = {10: (1860.0, 2030.0), 11: (1690.0, 1848.0)}


@pytest.fixture
def header():
    """A product's header with the facts a figure reads."""
    from soxslib.io.cards import Header

    cards = {
        "INSTRUME": "SOXS", "HIERARCH ESO SEQ ARM": "NIR", "EXPTIME": 20.0, "MJD-OBS": 61068.0, "OBJECT": "SIM",
        "HIERARCH ESO DPR CATG": "SCIENCE", "HIERARCH ESO DPR TYPE": "OBJECT",
        "HIERARCH ESO DPR TECH": "ECHELLE,SLIT,STARE",
        "HIERARCH ESO INS NISE NAME": "SLIT1.0", "HIERARCH ESO PRO WAVE MEDIUM": "air",
        "DATE-OBS": "2026-01-28T00:00:00",
    }  # fmt: skip
    out = Header()
    for key, value in cards.items():
        out[key] = value
    return out


def exposure():
    return Exposure("a.fits", "SOXS", "NIR", "SCIENCE", "OBJECT", "ECHELLE,SLIT,STARE", 20.0, 61068.0)


def sources(folder, step, names, metrics=(), status="ok", **facts):
    """Sources of products <name>.fits in a folder, with a sidecar."""
    content = dict(step=step, stem="STEM", status=status, metrics=list(metrics), raw=["a.fits"], warnings=[], **facts)
    (folder / "STEM.qc.json").write_text(json.dumps(content), encoding="utf8")
    paths = {name: str(folder / f"{name}.fits") for name in names}
    return Sources(step, "STEM", {**paths, "metrics": str(folder / "STEM.qc.json")})


def texts(figure):
    """All text of a figure: titles, labels, notes."""
    found = [t.get_text() for t in figure.texts]
    for axes in figure.axes:
        found += [axes.get_title(), axes.get_title("left"), axes.get_xlabel(), axes.get_ylabel()]
        found += [t.get_text() for t in axes.texts]
    return "\n".join(found)


def check(source, tmp_path, *wanted):
    """Draws and saves a figure; it must be no card and hold the wanted words."""
    with style.styled():
        figure = draw(source)
        said = texts(figure)
        assert not said.startswith(source.step.replace("_", " ")), said  # a card begins with the step
        for word in wanted:
            assert word in said, (word, said)
        style.save(figure, tmp_path / "f.png", tmp_path / "f.pdf")
    assert (tmp_path / "f.png").read_bytes()[:4] == b"\x89PNG"
    assert (tmp_path / "f.pdf").read_bytes()[:4] == b"%PDF"
    assert (tmp_path / "f.png").stat().st_size < 300_000  # a report of 100 targets must stay light
    return figure


def metric(name, value, order=None):
    return dict(name=name, value=value, unit="", meaning="", order=order)


def order_spectra(rng):
    out = []
    for order, (low, high) in ORDERS.items():
        wave = np.linspace(low, high, N)
        flux = 100 * np.sin(np.pi * np.linspace(0, 1, N)) + rng.normal(0, 5, N)
        quality = np.zeros(N, np.uint16)
        quality[10] = Quality.COSMIC_RAY
        same = np.full(N, (high - low) / N)
        variance = np.full(N, 25.0)
        pixels = np.arange(N), np.full(N, 50.0)
        out.append(OrderSpectrum(order, wave, same, *pixels, flux, variance, flux, flux, np.full(N, 9.0), quality))
    return out


def merged(rng, **facts):
    wave = np.arange(1690.0, 2030.0, 0.5)
    flux = 100 + rng.normal(0, 5, wave.size)
    quality = np.zeros(wave.size, np.uint16)
    quality[300:320], flux[300:320] = Quality.GAP, np.nan
    error, zero = np.full(wave.size, 5.0), np.zeros(wave.size)
    return MergedSpectrum(wave, flux, error, quality, zero + 9, (zero, zero), zero + 0.001, **facts)


def science_products(folder, rng, header):
    spectra.write_orders(folder / "orders.fits", order_spectra(rng), header)
    spectra.write_merged(folder / "merged.fits", merged(rng), header)
    rows = [(o, w, i * 29.0, 20.0 + 40 * (o - 10)) for o, r in ORDERS.items() for i, w in enumerate(np.linspace(*r, 9))]
    order, wave, along, across = (np.array(c) for c in zip(*rows, strict=True))
    one = np.ones(order.size)
    columns = dict(
        exposure=one.astype(np.int16), source=one.astype(np.int16), order=order.astype(np.int16), wavelength=wave,
        slit=0.3 * one,
        along=along, across=across, fwhm=one, slit_error=0.01 * one, mode=np.array(["fit"] * order.size),
    )  # fmt: skip
    products.write_tables(folder / "trace.fits", [("OBJECT_TRACE", columns, {})], header)
    lit = np.zeros((90, N), np.float32)
    lit[8:33], lit[48:73] = 10.0, 20.0
    quality = np.where(lit > 0, 0, int(Quality.NO_CALIBRATION)).astype(np.uint16)
    frame = Frame(rng.normal(0, 2, lit.shape), np.full(lit.shape, 4.0), quality, exposure())
    products.write_frame(folder / "skysub.fits", frame, header)
    products.write_frame(folder / "skymodel.fits", frame.with_(flux=lit), header)
    products.write_tombstone(folder / "rectified.fits", "no rectified orders were made")


def test_science_shows_spectrum_orders_trace_and_sky(tmp_path, rng, header):
    science_products(tmp_path, rng, header)
    metrics = [metric("N EXPOSURES", 1), *(metric("FLEXURE", 0.1 * o, o) for o in ORDERS)]
    names = ("orders", "merged", "trace", "rectified", "skysub", "skymodel")
    source = sources(tmp_path, "nod", names, metrics)
    wanted = (
        "electron / bin",
        "electron / pixel",
        "wavelength [nm]",
        "slit position [arcsec]",
        "shift [px]",
        "Sky model",
    )
    figure = check(source, tmp_path, *wanted)
    assert any(
        "no rectified orders" in t.get_text() for a in figure.axes for t in a.texts
    )  # a lost part, not a lost figure


def test_flux_calibration_shows_density_and_both_errors(tmp_path, rng, header):
    spectrum = merged(rng, flux_calibrated=True, systematic_error=np.full(680, 3.0))
    spectra.write_merged(tmp_path / "fluxcal.fits", spectrum, header)
    products.write_tombstone(tmp_path / "rectified2d.fits", "the extraction left no rectified orders")
    metrics = [metric("MERGE RATIO", 1.01, 11), metric("MERGE RATIO ERROR", 0.02, 11)]
    source = sources(tmp_path, "flux_calibration", ("fluxcal", "rectified2d"), metrics)
    check(source, tmp_path, style.FLUX_UNIT, "of the calibration", "error [%]", "wavelength [nm]", "ratio")


def test_response_shows_counts_response_error_and_efficiency(tmp_path, rng, header):
    curves = []
    for order, (low, high) in ORDERS.items():
        x = np.linspace(low, high, 50)
        curves.append(OrderResponse(order, x, -38 + 0.01 * (x - low), np.full(50, 0.01), np.arange(50) > 5))
    spectra.write_response(tmp_path / "response.fits", Response("EG274", tuple(curves)), header)
    x = np.linspace(1690, 2030, 60)
    efficiency = type("E", (), dict(wavelength_nm=x, value=0.1 + 0 * x, order=np.where(x > 1850, 10, 11)))
    spectra.write_efficiency(tmp_path / "efficiency.fits", efficiency, header)
    spectra.write_orders(tmp_path / "orders.fits", order_spectra(rng), header)
    source = sources(tmp_path, "response", ("response", "efficiency", "orders"), [metric("RESP RESIDUAL", 0.01, 10)])
    check(source, tmp_path, "EG274", "electron / pixel", "erg cm⁻² Å⁻¹", "error [%]", "efficiency [%]")


@pytest.mark.parametrize("step", ["master_bias", "master_dark"])
def test_masters_without_light_show_noise(tmp_path, rng, header, step):
    frame = Frame(rng.normal(0, 1, (80, 120)), np.ones((80, 120)), np.zeros((80, 120)), exposure())
    write_master(tmp_path / "product.fits", MasterBias(frame, 7.3), header)
    source = sources(
        tmp_path, step, ("product",), [metric("N FRAMES", 5), metric("RON RAW", 7.3), metric("STACK NOISE", 3.3)]
    )
    check(source, tmp_path, "electron", "Noise and structure", "along the dispersion [px]", "7.3")


def lines_and_solution(rng, slits):
    from soxslib.datamodel import DispersionSolution, OrderSolution

    rows = {}
    for order, (low, high) in ORDERS.items():
        along = np.zeros((3, 2))
        along[0, 0], along[1, 0] = 120, 110
        across = np.zeros((3, 2))
        across[0, 0], across[0, 1] = 20 + 40 * (order - 10), 12
        rows[order] = OrderSolution(order, (low, high), (-6.0, 6.0), along, across, (low, high), 0.001)
    order, wave, slit = (
        a.ravel() for a in np.meshgrid(list(ORDERS), np.linspace(0.05, 0.95, 20), slits, indexing="ij")
    )
    order = order.astype(np.int32)
    low, high = (np.array([ORDERS[o][i] for o in order]) for i in (0, 1))
    wave = low + wave * (high - low)
    places = [rows[o].position(w, s) for o, w, s in zip(order, wave, slit, strict=True)]
    columns = dict(order=order, wavelength=wave, slit=slit, listed=order > 0, used=np.arange(order.size) % 7 > 0)
    columns |= dict(blended=np.arange(order.size) % 14 == 0, saturated=order < 0)
    for i, axis in enumerate(("along", "across")):
        fit = np.array([float(p[i]) for p in places])
        columns |= {
            axis: fit + rng.normal(0, 0.02, fit.size),
            f"{axis}_fit": fit,
            f"{axis}_fwhm": np.full(fit.size, 2.0),
        }
    lsf = dict(
        order=np.repeat(list(ORDERS), 3).astype(np.int32), slit=np.zeros(6), wavelength=np.linspace(1700, 2000, 6)[::-1]
    )
    lsf |= dict(fwhm_px=np.full(6, 2.0), fwhm_error_px=np.full(6, 0.1), resolution=np.full(6, 5000.0))
    return DispersionSolution("NIR", rows), ("LINES", columns, {}), ("LSF", lsf, {})


@pytest.mark.parametrize(
    ("step", "slits"), [("dispersion_solution", [0.0]), ("spatial_solution", np.linspace(-5, 5, 9))]
)
def test_arcs_show_residuals_and_widths(tmp_path, rng, header, step, slits):
    solution, lines, lsf = lines_and_solution(rng, slits)
    products.write_tables(tmp_path / "product.fits", [*products.solution_tables(solution), lines, lsf], header)
    wanted = ("spot − fit", "wavelength [nm]", "FWHM along the dispersion [px]", "resolving power", "[px]")
    check(sources(tmp_path, step, ("product",)), tmp_path, *wanted)


def test_order_trace_shows_residuals_of_slices(tmp_path, rng, header):
    trace = OrderTrace(
        "NIR", (0.0, N - 1.0), {o: np.array([20.0 + 40 * (o - 10), 3.0]) for o in ORDERS}, dict.fromkeys(ORDERS, (0, N))
    )
    x = np.arange(4.0, N, 8)
    flat = lambda value: np.full(x.size, value)
    found = {o: trace.at(o, x) + rng.normal(0, 0.01, x.size) for o in ORDERS}
    slices = {o: Slices(x, across, flat(0.01), flat(0.7), flat(50.0), x > 20) for o, across in found.items()}
    tables = [products.trace_table(trace), slices_table(slices, (1, 1))]
    products.write_tables(tmp_path / "product.fits", tables, header)
    source = sources(tmp_path, "order_trace", ("product",), [metric("TRACE SHIFT", 0.4, o) for o in ORDERS])
    check(source, tmp_path, "slice − trace [px]", "FWHM across [px]", "shift across [px]")


def test_master_flat_shows_edges_response_lamp_and_slit(tmp_path, rng, header):
    shape = (90, N)
    frame = Frame(1 + rng.normal(0, 0.01, shape), np.full(shape, 1e-4), np.zeros(shape), exposure())
    lower = {o: np.array([8.0 + 40 * (o - 10)]) for o in ORDERS}
    edges = OrderEdges("NIR", (0.0, N - 1.0), lower, {o: c + 25 for o, c in lower.items()})
    fraction = np.linspace(0, 1, 20)
    flat = MasterFlat(
        frame, edges, dict.fromkeys(ORDERS, np.full(N, 1e4)), dict.fromkeys(ORDERS, (fraction, 1 + 0 * fraction))
    )
    write_master_flat(tmp_path / "product.fits", flat, header)
    products.write_images(tmp_path / "background.fits", [("FLUX", np.ones(shape, np.float32), "electron")], header)
    source = sources(tmp_path, "master_flat", ("product", "background"))
    check(
        source,
        tmp_path,
        "Pixel response",
        "Scattered light",
        "electron / column",
        "fraction from lower to upper edge",
        "error [%]",
    )


def test_every_step_has_a_figure():
    from importlib.util import find_spec

    from soxslib.config.settings import STEPS

    for step in STEPS:
        assert find_spec(f"soxslib.plots.{MODULES.get(step, step)}"), step


def test_failed_step_gives_a_card_that_says_why(tmp_path):
    source = sources(tmp_path, "master_flat", ("product",), status="failed", reason="the lamp was off in all 3 frames")
    make(source, tmp_path / "f.png", tmp_path / "f.pdf")
    said = texts(draw(source))
    assert "master flat: not made" in said
    assert "the lamp was off in all 3 frames" in said
    assert (tmp_path / "f.png").stat().st_size > 0


def test_tombstone_and_unreadable_product_give_cards(tmp_path):
    products.write_tombstone(tmp_path / "product.fits", "no usable frames")
    assert "no usable frames" in texts(draw(sources(tmp_path, "master_bias", ("product",))))
    (tmp_path / "product.fits").write_bytes(b"no FITS")
    assert "not made" in texts(draw(sources(tmp_path, "master_bias", ("product",))))


def test_order_keeps_its_colour_in_every_figure_and_differs_from_its_neighbours():
    """The colours depend on the instrument's orders alone, not on which of them a product holds."""
    colours = style.order_colours("SOXS", "NIR")
    assert sorted(colours) == list(range(10, 25))
    assert all(colours[o] != colours[o + 1] for o in range(10, 24))


def test_thinning_keeps_means_and_extremes():
    values = np.arange(1000.0)
    assert style.blocks(values, 100).size == 100
    assert style.blocks(values, 100)[0] == pytest.approx(4.5)  # mean of 0..9
    image = np.zeros((40, 40))
    image[17, 23] = 1.0
    assert style.shrink(image, 10, 10, np.max).max() == 1.0  # a spot of one pixel does not vanish


def test_orders_go_by_their_bands_in_the_order_of_wavelength():
    vis, nir = style.order_colours("SOXS", "VIS"), style.order_colours("SOXS", "NIR")
    assert [vis.name(o) for o in vis] == ["u", "g", "r", "i"]
    assert [vis.place(o) for o in (2, 3, 1, 4)] == [1, 2, 3, 4]
    assert (nir.name(12), nir.place(12)) == ("12", 12)


def test_hot_pixels_leave_the_arcs_picture_and_spots_stay(rng):
    y, x = np.mgrid[:60, :80]
    spot = 500 * np.exp(-0.5 * ((y - 30) ** 2 + (x - 40) ** 2) / 0.8**2)  # 1.9 px wide
    hot = np.zeros(spot.shape)
    hot[0:20:4, 0:80:7] = 4000
    seen = without_hot(spot + hot + rng.normal(0, 1, spot.shape))
    assert seen[:20].max() < 20  # a few times the noise of their neighbours
    assert seen[30, 40] > 490


def test_a_standard_is_drawn_against_its_catalogue(tmp_path, rng, header):
    header["HIERARCH ESO DPR TYPE"] = "STD,FLUX"
    header["HIERARCH ESO OBS TARG NAME"] = "EG274"
    spectrum = merged(rng, flux_calibrated=True, systematic_error=np.full(680, 3.0))
    spectra.write_merged(tmp_path / "fluxcal.fits", spectrum, header)
    products.write_tombstone(tmp_path / "rectified2d.fits", "the extraction left no rectified orders")
    source = sources(tmp_path, "flux_calibration", ("fluxcal", "rectified2d"))
    check(source, tmp_path, "over catalogue", "of the calibration (orange)")
