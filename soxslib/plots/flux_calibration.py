"""Figure of a flux-calibrated spectrum: flux with its errors, agreement of the orders, rectified image."""

import numpy as np
from matplotlib.ticker import FuncFormatter

from soxslib.datamodel import Quality
from soxslib.errors import ReductionError
from soxslib.io import products, spectra
from soxslib.io.standards import read_standard
from soxslib.plots import style
from soxslib.plots.spectrum import curve, quality_row, spectrum_axes

_TITLE = "Flux density: mean of blocks, ±1 σ of a bin (blue) and of the calibration (orange), range of the bins (light)"


def plot(sources):
    """The calibrated spectrum, its errors, orders against each other, the image it comes from."""
    facts = sources.facts("fluxcal")
    spectrum, header = spectra.read_merged(sources.paths["fluxcal"])
    colours = style.order_colours(facts.instrument, facts.arm)
    star = _catalogue(facts, header)
    page = style.Page(
        f"{facts.target}   {sources.stem}", _subtitle(sources, facts, header),
        [(2.3, [1], 0.06), (1.5, [1], 0.06), *[(1.1, [1], 0.06)] * bool(star), (0.9, [1], 0.06), (0.9, [1], 0.06),
         (0.9, [1]), (1.4, [1])],
    )  # fmt: skip
    linear, log, *over, ratio, errors, image = (page.row() for _ in range(6 if star else 5))
    wave = spectrum.wavelength_nm
    spectrum_axes((linear, log, *over, ratio, errors, image), wave[0], wave[-1], facts)
    power = _flux(linear, log, spectrum)
    if star:
        _against_catalogue(linear, log, over[0], spectrum, star, power)
    _errors(ratio, errors, spectrum)
    _image(image, sources)
    _agreement(page.row(), sources, colours)
    return page.figure


def _subtitle(sources, facts, header):
    m = sources.metric
    corrected = "slit loss corrected" if m("SLIT CORRECTED", default="F") == "T" else "slit loss not corrected"
    medium = "vacuum" if header.get("ESO PRO WAVE MEDIUM") == "vacuum" else "air"
    frame = "barycentre" if header.get("ESO PRO WAVE VELOCITY", 0.0) else "observer's frame"
    return (
        f"{facts.subtitle} · airmass {m('AIRMASS'):.2f}   —   median S/N {m('SNR MEDIAN'):.1f} per bin; "
        f"systematic error {100 * m('SYSTEMATIC ERROR'):.1f} %; "
        f"response from {m('STAR', default='?')}; {corrected}; {medium}, {frame}"
    )


def _flux(linear, log, spectrum):
    wave = spectrum.wavelength_nm
    x, mean = curve(
        linear,
        wave,
        spectrum.flux,
        spectrum.error,
        style.GOOD,
        quality=spectrum.quality,
        systematic=spectrum.systematic_error,
    )
    trusted = np.interp(x, wave, np.where(spectrum.quality == 0, 1.0, 0.0)) > 0.5
    values = mean[trusted] if trusted.any() else mean
    low, high = style.limits(values, 0.5, 99.5, 0.12, include=(0.0,))
    linear.set_ylim(max(low, -0.3 * high), high)
    power = int(np.floor(np.log10(max(abs(high), 1e-300))))
    unit = f"[{style.power_of_ten(power)} {style.FLUX_UNIT}]"
    linear.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v / 10.0**power:g}"))
    linear.set(ylabel=f"flux {unit}", title=_TITLE)
    _logarithmic(log, x, mean, spectrum.error, power)
    _without_molecules(linear, spectrum)
    return power


def _without_molecules(axes, spectrum):
    """The flux without telluric absorption, where that is more than a per cent."""
    if not spectrum.telluric:
        return
    absorbed = np.abs(spectrum.telluric["TELLURIC"]) > 0.01
    flux = np.where(absorbed & (spectrum.quality == 0), spectrum.telluric["FLUX_TELLURIC"], np.nan)
    axes.plot(
        style.blocks(spectrum.wavelength_nm, 700),
        style.blocks(flux, 700),
        color=style.INK,
        lw=0.7,
        label="without telluric absorption",
    )
    axes.legend(loc="upper right")


def _catalogue(facts, header):
    """The Standard of a flux standard's spectrum in air and the observer's frame, None of any other."""
    if "STD" not in facts.exposure.type or header.get("ESO PRO WAVE MEDIUM") == "vacuum":
        return None
    try:
        return read_standard(facts.exposure)
    except ReductionError:
        return None


def _against_catalogue(linear, log, over, spectrum, star, power):
    """The star's catalogue spectrum in both panels of flux, and the measured one over it with the errors of both kinds."""
    wave = spectrum.wavelength_nm
    known = np.interp(wave, star.wavelength_nm, star.flux, left=np.nan, right=np.nan)
    x = style.blocks(wave, 700)
    expected = style.blocks(known, 700)
    style_of = dict(color=style.INK, lw=0.8, ls="--", label=f"catalogue: {star.name}")
    linear.plot(x, expected, **style_of)
    linear.legend(loc="upper right")
    log.plot(x, expected / 10.0**power, **style_of)
    good = np.where((spectrum.quality & int(Quality.GAP)) > 0, np.nan, 1.0)
    with np.errstate(all="ignore"):
        value, error = style.blocks(good * spectrum.flux / known, 700), style.blocks(good * spectrum.error / known, 700)
        common = style.blocks(good * spectrum.systematic_error / known, 700)
    over.fill_between(x, 1 - common, 1 + common, color=style.BAD, alpha=0.3, lw=0)
    over.fill_between(x, value - error, value + error, color=style.GOOD, alpha=0.3, lw=0)
    over.plot(x, value, color=style.GOOD, lw=0.8)
    over.axhline(1, color=style.FAINT, lw=0.6)
    over.set(ylabel="over catalogue", ylim=(0.75, 1.25))
    style.note(over, "bands: ±1 σ of a bin (blue), of the calibration (orange)")


def _logarithmic(axes, x, mean, error, power):
    """The same mean on a logarithmic scale, with the error of one bin below it."""
    flux = np.where(mean > 0, mean, np.nan) / 10.0**power
    noise = np.sqrt(style.blocks(np.square(error), 700)) / 10.0**power
    axes.plot(x, flux, color=style.GOOD, lw=0.8)
    axes.plot(x[: noise.size], noise[: x.size], color=style.FAINT, lw=0.7)
    style.log_scale(axes.yaxis, fine=True)
    if np.isfinite(flux).any():
        low = min(np.nanpercentile(flux, 3), np.nanpercentile(noise, 3))
        axes.set_ylim(0.6 * low, 2 * np.nanpercentile(flux, 99.8))
    axes.set_ylabel("flux, error (grey)")


def _errors(ratio, errors, spectrum):
    wave = spectrum.wavelength_nm
    x = style.blocks(wave, 900)
    with np.errstate(all="ignore"):
        snr = style.blocks(spectrum.flux / spectrum.error, 900, style.quiet_median)
        random = 100 * style.blocks(spectrum.error / np.abs(spectrum.flux), 900, style.quiet_median)
    ratio.plot(x, snr, color=style.INK, lw=0.8)
    ratio.set(ylabel="S/N / bin", ylim=style.limits(snr, 0.5, 99.7, include=(0.0,)))
    quality_row(ratio, wave, spectrum.quality)
    errors.plot(x, random, color=style.GOOD, lw=0.8)
    if spectrum.systematic_error is not None:
        with np.errstate(all="ignore"):
            common = 100 * style.blocks(spectrum.systematic_error / np.abs(spectrum.flux), 900, style.quiet_median)
        errors.plot(x, common, color=style.BAD, lw=0.8)
    style.log_scale(errors.yaxis)
    errors.set(ylabel="error [%]", ylim=(0.3, 300))
    style.note(errors, "blue: random, of a bin; orange: of the calibration", y=0.97)


def _image(axes, sources):
    axes.set(ylabel="slit [arcsec]", xlabel="wavelength [nm]")
    try:
        header, planes = products.read_images(sources.paths["rectified2d"], ["FLUX", "ERRS", "QUAL"])
    except (ReductionError, KeyError, OSError) as error:
        style.empty(axes, str(error)[:120])
        return
    flux, errs = planes["FLUX"], planes["ERRS"]
    if flux.shape[0] > flux.shape[1]:
        flux, errs = flux.T, errs.T
    # by inverse variance: where an order ends, bins have errors a thousand times those of their neighbours
    weight = np.where(np.isfinite(flux) & (errs > 0), 1.0 / np.where(errs > 0, errs, 1.0).astype(float) ** 2, 0.0)
    sums = lambda a: style.shrink(a, 41, 460, np.sum)
    with np.errstate(all="ignore"):
        snr = sums(np.where(weight > 0, flux, 0.0) * weight) / np.sqrt(sums(weight))
    wave, slit = (
        header[f"CRVAL{i}"] + header[f"CDELT{i}"] * (np.array([-0.5, n - 0.5]))
        for i, n in ((1, flux.shape[1]), (2, flux.shape[0]))
    )
    limits = axes.get_xlim()
    style.show(axes, snr, (*wave, *slit), -5, 25, "gray_r")
    axes.set_xlim(limits)
    style.note(axes, "rectified image: S/N of blocks, −5 … 25")


def _agreement(axes, sources, colours):
    ratio, error = sources.by_order("MERGE RATIO"), sources.by_order("MERGE RATIO ERROR")
    axes.set(
        ylabel="ratio",
        title="Flux of an order over that of its bluer neighbour, where they overlap (±1 σ)",
    )
    if not ratio:
        style.empty(axes, "no overlaps measured")
        return
    for order, value in ratio.items():
        e = error.get(order, 0.0)
        at = colours.place(order)
        axes.vlines(at, value - e, value + e, color=colours[order], lw=1.1)
        axes.plot([at], [value], "o", ms=4, color=colours[order])
    axes.axhline(1, color=style.FAINT, lw=0.6)
    style.order_axis(axes, ratio, colours)
