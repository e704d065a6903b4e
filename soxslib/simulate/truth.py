"""The truth of a simulated night: what every frame holds, and what a perfect reduction would find.

One `.npz` a frame; `truth/index.json` (soxslib.simulate.index) says what each frame is. Coordinates are those of the
raw frame: x to the right and y up, pixel centres at 0, 1, ... of the trimmed science area.
"""

import numpy as np

from soxslib.io.atomic import atomic_path
from soxslib.simulate import optics
from soxslib.simulate.detector import binned

MAP_SLIT_ARCSEC = np.linspace(-5.5, 5.5, 9)
MAP_STEP = 16


def is_vertical(bench):
    return bench.data["detector"]["dispersion_axis"] == "y"


def turned_xy(bench, along, across):
    return (across, along) if is_vertical(bench) else (along, across)


def frame_truth(bench, frame, light, rays):
    """Arrays of one frame's truth, by name."""
    out = {}
    shape = rays.shape
    y, x = np.nonzero(rays > 0.5)
    out["cr_electron"] = rays[y, x].astype(np.float32)
    col, row = turned_xy(bench, x, y)
    nx = shape[0] if is_vertical(bench) else shape[1]
    order = np.argsort(row * nx + col)
    out["cr_index"] = (row * nx + col).astype(np.int32)[order]
    out["cr_electron"] = out["cr_electron"][order]
    if light is None:
        return out
    if frame.shot.on_sky or frame.shot.role == "multi_pinhole_arc" or frame.shot.role == "single_pinhole_arc":
        out.update(_map(bench, frame, light, shape))
    if light.orders:
        out.update(_spectra(bench, frame, light))
    if light.orders and "nodding" not in frame.shot.role:
        out.update(_sky_pixels(bench, frame, light, nx))
    return out


def _map(bench, frame, light, shape):
    """Exact wavelengths and slit positions at centres of binned pixels: every 16 along, 9 across."""
    columns = {k: [] for k in ("order", "x", "y", "wavelength_nm", "slit_arcsec")}
    across_bin, along_bin = frame.shot.binning
    for n in light.solution:
        order = light.solution[n]
        a_binned = np.arange(MAP_STEP // 2, shape[1], MAP_STEP)
        a = (a_binned + 0.5) * along_bin - 0.5
        wave = wavelength_at(order, a, 0.0)
        for slit in MAP_SLIT_ARCSEC:
            c = order.position(wave, slit)[1]
            c_binned = np.round((c + 0.5) / across_bin - 0.5)
            w, s = _invert(order, a, (c_binned + 0.5) * across_bin - 0.5, wave, slit)
            ok = np.isfinite(w) & (c_binned >= 0) & (c_binned < shape[0]) & _within(order, w)
            x, y = turned_xy(bench, a_binned[ok], c_binned[ok])
            for key, value in zip(columns, (np.full(ok.sum(), n), x, y, w[ok], s[ok]), strict=True):
                columns[key].append(value)
    kinds = dict(order=np.uint8, x=np.int16, y=np.int16, wavelength_nm=np.float64, slit_arcsec=np.float32)
    return {f"map_{k}": np.concatenate(v).astype(kinds[k]) for k, v in columns.items()}


def _within(order, wavelength_nm):
    low, high = order.wavelength_nm
    return (wavelength_nm > low) & (wavelength_nm < high)


def wavelength_at(order, along, slit):
    """Wavelength at positions along the dispersion, at a slit position; NaN outside the order."""
    w = np.linspace(*order.wavelength_nm, 2000)
    a = order.position(w, slit)[0]
    a, w = (a, w) if a[-1] > a[0] else (a[::-1], w[::-1])
    from scipy.interpolate import CubicSpline

    return np.where((along >= a[0]) & (along <= a[-1]), CubicSpline(a, w)(along), np.nan)


def _invert(order, along, across, wave, slit, rounds=4):
    """(wavelength, slit) at detector positions, by Newton's method from a near guess."""
    s = np.full_like(wave, slit)
    dw, ds = 0.02, 0.02
    for _ in range(rounds):
        a, c = order.position(wave, s)
        (aw, cw), (as_, cs) = ((np.subtract(p, q)) for p, q in (
            (order.position(wave + dw, s), (a, c)), (order.position(wave, s + ds), (a, c))))  # fmt: skip
        aw, cw, as_, cs = aw / dw, cw / dw, as_ / ds, cs / ds
        det = aw * cs - as_ * cw
        wave = wave + ((along - a) * cs - (across - c) * as_) / det
        s = s + ((across - c) * aw - (along - a) * cw) / det
    return wave, s


def _spectra(bench, frame, light):
    """Per order and pixel along the dispersion: wavelengths, sky, targets, and the ideal signal-to-noise ratio."""
    out = {}
    shot = frame.shot
    b = shot.binning[1]
    a = (np.arange(bench.shape[1] // b) + 0.5) * b - 0.5
    box = np.full(samples_per_pixel(b), 1.0 / samples_per_pixel(b))
    variance = _variance(bench, frame, light)
    for n, seen in light.orders.items():
        grid, order = seen.grid, light.solution[n]
        wave = wavelength_at(order, a, 0.0)

        def at(values, grid=grid, wave=wave):
            return np.where(np.isfinite(wave), np.interp(a, grid.u, values, left=0, right=0), 0).astype(np.float32)

        def per_pixel(values, at=at):
            return at(np.convolve(values, box, mode="same") * b) if b > 1 else at(values)

        p = f"order{n}_"
        out[p + "wavelength_nm"] = wave
        out[p + "pixel_nm"] = at(grid.span_nm * optics.FINE * b)
        out[p + "sky"] = per_pixel(seen.sky)
        transmission = at(seen.throughput)
        out[p + "usable"] = transmission > 0.15 * seen.throughput.max()
        kernel = (
            seen.targets[0].kernel
            if seen.targets
            else optics.line_spread("slit", shot.slit_width_arcsec, bench.facts["optics"])
        )
        out[p + "telluric"] = at(optics.blur(seen.telluric, kernel / optics.FINE))
        snr = np.zeros(a.size)
        for j, target in enumerate(seen.targets):
            q = f"{p}target{j}_"
            out.update({q + k: v for k, v in _target_arrays(bench, order, wave, seen, target, at, per_pixel).items()})
            if j == 0:
                place = out[q + ("y" if is_vertical(bench) else "x")]
                snr = np.interp((place + 0.5) / b - 0.5, np.arange(a.size), _ideal_snr(target, seen, variance, shot))
        out[p + "snr_ideal"] = np.where(np.isfinite(wave), snr, 0).astype(np.float32)
    return out


def samples_per_pixel(b):
    """Samples of the fine grid in a binned pixel."""
    return optics.FINE * b


def _target_arrays(bench, order, wave, seen, target, at, per_pixel):
    slit = at(target.slit_arcsec)
    along, across = order.position(np.where(np.isfinite(wave), wave, np.nanmean(wave)), slit)
    x, y = turned_xy(bench, along, across)
    bare = target.kernel / optics.FINE
    return dict(
        counts=per_pixel(target.spectrum), x=x.astype(np.float32), y=y.astype(np.float32),
        throughput=at(seen.throughput),
        atmosphere=at(optics.blur(seen.extinction * seen.telluric, bare)), slit_fraction=at(target.slit_fraction),
        slit_arcsec=slit, fwhm_arcsec=at(target.fwhm_arcsec), flux=at(target.flux),
        flux_seen=at(optics.blur(target.flux * 1e17, bare) / 1e17),
    )  # fmt: skip


def _variance(bench, frame, light):
    """Expected variance of one integration's pixels over NDIT, binned."""
    shot, detector = frame.shot, bench.detector
    read = detector.facts["read_noise_e"] ** 2
    dark = detector.facts["dark_e_s"] * shot.exposure_s
    return (binned(light.image + dark, shot.binning) + read) / shot.ndit


def _ideal_snr(target, seen, variance, shot):
    """Signal-to-noise ratio per column of an extraction that knows profile and background."""
    pixels = seen.pixels
    image = np.zeros((variance.shape[0] * shot.binning[0], variance.shape[1] * shot.binning[1]))
    pixels.add_to(image, target.light)
    rows = np.unique(np.clip(pixels.row, 0, image.shape[0] - 1))
    first = rows[0] // shot.binning[0] * shot.binning[0]
    last = (rows[-1] // shot.binning[0] + 1) * shot.binning[0]
    part = binned(image[first:last], shot.binning)
    v = variance[first // shot.binning[0] : last // shot.binning[0]]
    return np.sqrt(np.sum(part**2 / v, axis=0))


def _sky_pixels(bench, frame, light, nx, each=600):
    """Noiseless electrons in a sample of the slit's pixels away from the targets, half of them on sky lines."""
    rng = np.random.default_rng(5)
    out = {k: [] for k in ("index", "order", "bright", "sky", "object", "scattered")}
    cuts = frame.shot.binning
    scattered = binned(light.scattered, cuts)
    for n, seen in light.orders.items():
        sky, objects = np.zeros(bench.shape), np.zeros(bench.shape)
        seen.pixels.add_to(sky, seen.sky_light)
        for target in seen.targets:
            seen.pixels.add_to(objects, target.light)
        sky, objects = binned(sky, cuts), binned(objects, cuts)
        away = np.abs(seen.pixels.slit_arcsec[1]) < 5.0
        for target in seen.targets:
            away &= np.abs(seen.pixels.slit_arcsec[1] - np.median(target.slit_arcsec)) > 2.5 * np.median(
                target.fwhm_arcsec
            )
        k, a = np.nonzero(away & seen.pixels.inside)
        flat = np.unique((seen.pixels.row[k, a] // cuts[0]) * sky.shape[1] + a // cuts[1])
        flat = flat[(flat < sky.size)]
        level = np.median(sky.ravel()[flat]) if flat.size else 0.0
        for bright in (0, 1):
            pool = flat[(sky.ravel()[flat] > 3 * level) == bool(bright)]
            pick = np.sort(rng.choice(pool, min(each, pool.size), replace=False)) if pool.size else pool
            row, col = np.divmod(pick, sky.shape[1])
            x, y = turned_xy(bench, col, row)
            values = (
                y * nx + x,
                np.full(pick.size, n),
                np.full(pick.size, bright),
                *(im.ravel()[pick] for im in (sky, objects, scattered)),
            )
            for key, value in zip(out, values, strict=True):
                out[key].append(value)
    kinds = dict(index=np.int32, order=np.uint8, bright=np.uint8)
    return {f"sky_{k}": np.concatenate(v).astype(kinds.get(k, np.float32)) for k, v in out.items()}


def bad_pixels(bench):
    """Defects of a detector: index, kind, response, dark electrons per second in 300 s."""
    kind = bench.detector.kind.T if is_vertical(bench) else bench.detector.kind
    index = np.flatnonzero(kind)

    def turned(a):
        return (a.T if is_vertical(bench) else a).ravel()[index].astype(np.float32)

    return dict(
        index=index.astype(np.int32), kind=kind.ravel()[index], response=turned(bench.detector.response),
        dark_electron_s=turned(bench.detector.hot_e) / 300,
    )  # fmt: skip


def write_arrays(path, arrays):
    with atomic_path(path) as tmp, open(tmp, "wb") as fh:
        np.savez_compressed(fh, **arrays)
