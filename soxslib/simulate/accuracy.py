"""How well a simulated night was reduced: its products against its truth, one line of a table each.

Noise is judged about a smooth ratio to the truth (degree 6 an order), so that a wrong flux is not taken for noise;
"ideal" is the signal-to-noise ratio of an extraction that knows profile and background, all exposures together.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.polynomial import legendre

from soxslib.errors import ReductionError
from soxslib.io import products
from soxslib.io.raw import stem_of

SUM_PX = 8  # noise is that of sums of so many pixels: correlated neighbours cannot flatter it
LEAST_TRANSMISSION = {"counts": 0.25, "flux": 0.95}  # of the atmosphere, to be judged
COLUMNS = {
    "orders": "orders extracted, of those that are there",
    "cover": "share of the usable range extracted and not flagged",
    "counts": "measured over true counts",
    "SNR/id": "achieved over ideal signal-to-noise ratio",
    "err/id": "quoted over ideal error",
    "pull": "scatter of (measured - true) over the quoted error",
    "dl_xy": "error of the wavelength given to the extracted pixels [px]",
    "dl_sp": "shift of the spectrum's own features [px], worst of the orders that show it to 0.02 px",
    "flux": "calibrated flux over (true flux through the slit)",
    "scatter": "smooth part of the flux ratio, rms",
}


@dataclass(frozen=True)
class Truth:
    """Truth of one order over the exposures of a product, at wavelengths in increasing order."""

    wavelength_nm: np.ndarray
    pixel_nm: np.ndarray
    counts: np.ndarray  # of one integration, mean of the exposures
    snr: np.ndarray  # ideal, all exposures
    telluric: np.ndarray
    usable: np.ndarray
    flux: np.ndarray  # through the slit
    along: np.ndarray  # of the target in the first exposure

    def at(self, name, wavelength_nm):
        return np.interp(wavelength_nm, self.wavelength_nm, getattr(self, name), left=0.0, right=0.0)


def truth_of(arrays, order, vertical):
    """The Truth of one order, from the arrays of its frames."""

    def sorted_(z, name):
        wave = z[f"order{order}_wavelength_nm"]
        k = np.flatnonzero(np.isfinite(wave))
        return z[f"order{order}_{name}"][k[np.argsort(wave[k])]].astype(float)

    first = arrays[0]
    wave = sorted_(first, "wavelength_nm")

    def mean(value):
        return np.mean([np.interp(wave, sorted_(z, "wavelength_nm"), value(z)) for z in arrays], axis=0)

    snr = np.sqrt(len(arrays) * mean(lambda z: sorted_(z, "snr_ideal") ** 2))
    return Truth(
        wave,
        sorted_(first, "pixel_nm"),
        mean(lambda z: sorted_(z, "target0_counts")),
        snr,
        sorted_(first, "telluric"),
        sorted_(first, "usable") > 0.5,
        mean(lambda z: sorted_(z, "target0_flux_seen") * sorted_(z, "target0_slit_fraction")),
        sorted_(first, "target0_" + ("y" if vertical else "x")),
    )


def spread(values):
    """Robust standard deviation; NaN of too few values."""
    values = np.asarray(values)[np.isfinite(values)]
    return float(1.4826 * np.median(np.abs(values - np.median(values)))) if values.size > 4 else float("nan")


def smooth_ratio(wavelength_nm, measured, expected, sigma, *, degree=6, rounds=5):
    """P(wavelength) of measured = expected * P: a Legendre polynomial, outliers left out."""
    u = np.interp(wavelength_nm, [wavelength_nm.min(), wavelength_nm.max()], [-1, 1])
    basis = legendre.legvander(u, degree)
    design, target = basis * (expected / sigma)[:, None], measured / sigma
    good = np.isfinite(target)
    for _ in range(rounds):
        coefficients = np.linalg.lstsq(design[good], target[good], rcond=None)[0]
        residual = target - design @ coefficients
        good = np.isfinite(residual) & (np.abs(residual) < 5 * max(spread(residual[good]), 1e-9))
    return basis @ coefficients


def measure_order(wavelength_nm, width_nm, flux, error, good, truth):
    """Numbers of one extracted order, increasing wavelengths; None where there is too little to judge."""
    expected = truth.at("counts", wavelength_nm) * width_nm / np.maximum(truth.at("pixel_nm", wavelength_nm), 1e-9)
    inside = (wavelength_nm > truth.wavelength_nm[truth.usable].min()) & (
        wavelength_nm < truth.wavelength_nm[truth.usable].max()
    )
    good = good & np.isfinite(flux) & np.isfinite(error) & (error > 0)
    out = dict(cover=float(good[inside].mean()) if inside.any() else 0.0)
    judged = good & inside & (truth.at("telluric", wavelength_nm) > LEAST_TRANSMISSION["counts"])
    if judged.sum() < 10 * SUM_PX:
        return out
    wave, flux, error, expected = (v[judged] for v in (wavelength_nm, flux, error, expected))
    sigma = expected / np.maximum(truth.at("snr", wave), 1e-9)
    ratio = smooth_ratio(wave, flux, expected, sigma)
    residual = flux - expected * ratio
    slope = np.gradient(expected * ratio, wave) * np.median(np.abs(width_nm))
    weight = np.where(np.abs(residual) < 8 * sigma, sigma**-2.0, 0)
    information = np.sum(weight * slope**2)
    noise = spread(_sums(residual) / np.sqrt(_sums(sigma**2)))
    out.update(
        counts=float(np.median(ratio)),
        snr_ideal=float(np.median(truth.at("snr", wave))),
        snr=float(np.median(ratio)) / noise,
        err=float(np.median(error / sigma)),
        pull=spread(residual / error),
        shift_px=float(-np.sum(weight * slope * residual) / information),
        shift_error_px=float(1 / np.sqrt(information)),
    )
    return out


def _sums(values):
    n = values.size // SUM_PX * SUM_PX
    return values[:n].reshape(-1, SUM_PX).sum(axis=1)


class Night:
    """The truth of a night, read as it is asked for."""

    def __init__(self, folder):
        self.folder = Path(folder) / "truth"
        path = self.folder / "index.json"
        if not path.exists():
            raise ReductionError(
                f"{path} is missing: only simulated nights have a truth; give the directory of `soxs simulate`"
            )
        self.index = json.loads(path.read_text(encoding="utf8"))

    def arrays(self, name):
        with np.load(self.folder / self.index["frames"][name]["truth"]) as z:
            return dict(z)

    def observation(self, raws):
        """The observation that raw frames belong to, or None."""
        return next((o for o in self.index["observations"] if set(raws) & set(o["frames"])), None)

    def is_vertical(self, arm):
        return self.index["detectors"][arm]["dispersion_axis"] == "y"


def raws_of(header):
    """Names of the raw frames a product was made from."""
    cards = (f"ESO PRO REC1 RAW{i} NAME" for i in range(1, 200))
    return [stem_of(header[c]) for c in cards if c in header]


def measure_night(night, reduced):
    """One dict a spectrum and one a wavelength map, of everything below `reduced`."""
    night, reduced = Night(night), Path(reduced)
    spectra = [_measure_spectrum(night, p) for p in sorted(reduced.rglob("*_EXTRACTED_ORDERS.fits"))]
    maps = [_measure_map(night, p) for p in sorted(reduced.rglob("*_IMAGE.fits"))]
    return [s for s in spectra if s], [m for m in maps if m]


def _measure_spectrum(night, path):
    try:
        header, table = products.read_header(path), products.read_table(path)
    except ReductionError as error:
        return dict(name=path.name, failed=str(error))
    raws = raws_of(header)
    observation = night.observation(raws)
    if observation is None:
        return None
    arm = observation["arm"]
    frames = [r for r in raws if r in observation["object_frames"]]
    arrays = [night.arrays(r) for r in frames]
    vertical, orders = night.is_vertical(arm), {}
    truths = {n: truth_of(arrays, n, vertical) for n in night.index["detectors"][arm]["orders"]}
    binning = night.index["frames"][frames[0]]["binning"][1 if vertical else 0]
    for n, truth in truths.items():
        rows = np.flatnonzero((table["order"] == n) & np.isfinite(table["wavelengthMedian"]))
        rows = rows[np.argsort(table["wavelengthMedian"][rows])]
        wave, flux = table["wavelengthMedian"][rows], table["extractedFluxOptimal"][rows]
        width, error = np.abs(table["pixelScaleNm"][rows]), np.sqrt(table["varianceSpectrum"][rows])
        orders[n] = measure_order(wave, width, flux, error, table["quality"][rows] == 0, truth)
        along = (table["ycoord" if vertical else "xcoord_centre"][rows] + 0.5) * binning - 0.5
        k = np.argsort(truth.along)
        given = (wave - np.interp(along, truth.along[k], truth.wavelength_nm[k])) / np.median(truth.pixel_nm)
        orders[n]["dl_px"] = float(np.median(np.abs(given))) if rows.size else float("nan")
    calibrated = path.with_name(path.name.replace("_EXTRACTED_ORDERS", "_FLUXCAL"))
    return dict(
        name=path.name, arm=arm, object=observation["target"], mode=observation["mode"], exposures=len(frames),
        orders=orders, flux=_measure_flux(calibrated, truths) if calibrated.exists() else {},
    )  # fmt: skip


def _measure_flux(path, truths):
    """Median and smooth scatter of the calibrated flux over the true flux through the slit."""
    try:
        table = products.read_table(path)
    except ReductionError:
        return {}
    wave = table["WAVE"]
    counts = np.array([t.at("counts", wave) * (t.at("usable", wave) > 0.5) for t in truths.values()])
    best = counts.argmax(axis=0)

    def of_best(name):
        return np.choose(best, [t.at(name, wave) for t in truths.values()])

    good = np.isfinite(table["FLUX"]) & (table["QUAL"] == 0) & (counts.max(axis=0) > 0)
    good &= of_best("telluric") > LEAST_TRANSMISSION["flux"]
    if good.sum() < 200:
        return {}
    ratio = table["FLUX"][good] / of_best("flux")[good]
    blocks = [np.median(b) for b in np.array_split(ratio, max(good.sum() // 200, 1))]
    return dict(ratio=float(np.median(ratio)), scatter=float(np.std(blocks) / np.median(ratio)))


def _measure_map(night, path):
    """Wavelength and slit errors of a map against the exact map of its own arc."""
    try:
        header, images = products.read_images(path, ["WAVELENGTH", "SLIT", "ORDER"])
    except ReductionError as error:
        return dict(name=path.name, failed=str(error))
    arc = next((r for r in raws_of(header) if r in night.index["frames"]), None)
    if arc is None:
        return None
    z, arm = night.arrays(arc), night.index["frames"][arc]["arm"]
    wave, slit, number = (images[k] for k in ("WAVELENGTH", "SLIT", "ORDER"))
    x, y = z["map_x"], z["map_y"]  # of the frame as binned, like the map
    row, col = (x, y) if night.is_vertical(arm) else (y, x)
    row, col = row.astype(int), col.astype(int)
    out = dict(name=path.name, arm=arm, orders={})
    for n in np.unique(z["map_order"]):
        k = (z["map_order"] == n) & (np.abs(z["map_slit_arcsec"]) < 5.3) & (number[row, col] == n)
        if k.sum() < 20:
            continue
        w = wave[row[k], col[k]]
        pixel = np.median(np.abs(np.diff(np.unique(z["map_wavelength_nm"][k][np.argsort(col[k])][::9])))) / 16
        out["orders"][int(n)] = dict(
            wavelength_px=float(np.median(np.abs(w - z["map_wavelength_nm"][k])) / pixel),
            slit_arcsec=float(np.median(np.abs(slit[row[k], col[k]] - z["map_slit_arcsec"][k]))),
        )
    return out
