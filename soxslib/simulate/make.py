"""Makes the raw files and the truth of a night, frames of one template in one process."""

from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path

import numpy as np

from soxslib.io.raw_writing import write_raw
from soxslib.simulate import index, truth
from soxslib.simulate.bench import make_bench
from soxslib.simulate.detector import expose
from soxslib.simulate.headers import raw_cards

INSTRUMENT = "SOXS"
bench_of = cache(make_bench)


def make_night(out, frames, *, seed, pack="mixed", processes=2, report=lambda done, total: None):
    """Writes OUT/raw and OUT/truth; returns the index of the truth."""
    out = Path(out)
    for folder in ("raw", "truth"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    groups = {}
    for number, frame in enumerate(frames):
        groups.setdefault((frame.shot.arm, frame.template_mjd), []).append((number, frame))
    # longest first, so that the processes end together
    jobs = sorted(groups.values(), key=lambda g: -len(g) * (3 if g[0][1].shot.on_sky else 1))
    files = {}
    with ProcessPoolExecutor(processes) as pool:
        for names in pool.map(_make_template, jobs, [(str(out), seed, pack)] * len(jobs)):
            files.update(names)
            report(len(files), len(frames))
    benches = {arm: bench_of(INSTRUMENT, arm, seed) for arm in sorted({f.shot.arm for f in frames}, reverse=True)}
    for arm, bench in benches.items():
        truth.write_arrays(out / "truth" / f"bad_pixels_{arm}.npz", truth.bad_pixels(bench))
    content = index.index_of(frames, files, benches)
    index.write_index(out / "truth" / "index.json", content)
    return content


def _make_template(job, how):
    """{frame name: file name} of one template's frames, written."""
    out, seed, pack = how
    files, shot, light = {}, None, None
    for number, frame in job:
        bench = bench_of(INSTRUMENT, frame.shot.arm, seed)
        if frame.shot != shot:  # frames of lamps repeat the same expected light
            shot, light = frame.shot, bench.light_of(frame.shot)
        files[frame.name] = make_frame(
            Path(out), bench, frame, light, np.random.default_rng([seed, number]), packing(number, pack)
        )
    return files


def packing(number, pack):
    """Suffix of a frame's file; mixed: mostly packed as the archive delivers, a few otherwise."""
    if pack == "mixed":
        return {3: ".fits", 8: ".fits.gz"}.get(number % 12, ".fits.fz")
    return {"plain": ".fits", "fz": ".fits.fz", "gz": ".fits.gz"}[pack]


def make_frame(out, bench, frame, light, rng, suffix):
    """Name of the raw file written, with its truth beside it."""
    shot = frame.shot
    electrons, rays = expose(
        bench.detector,
        None if light is None else light.image,
        rng,
        exposure_s=shot.exposure_s,
        ndit=shot.ndit,
        binning=shot.binning,
        shuttered=shot.exposure_s == 0,
    )
    raw = raw_image(bench, electrons, shot, rng)
    file = frame.name + suffix
    write_raw(out / "raw" / file, raw, raw_cards(frame, INSTRUMENT))
    truth.write_arrays(out / "truth" / f"{frame.name}.npz", truth.frame_truth(bench, frame, light, rays))
    return file


def raw_image(bench, electrons, shot, rng):
    """The raw frame in ADU, turned as the detector is read, with the strips that see no light."""
    facts, data = bench.detector.facts, bench.data["detector"]
    across, along = shot.binning
    vertical = data["dispersion_axis"] == "y"
    bin_x, bin_y = (across, along) if vertical else (along, across)
    level = facts["bias_adu"] + rng.normal(0, 0.5) * (facts["bias_adu"] > 0)
    pedestal = bench.detector.pedestal_adu[:: shot.binning[0], :: shot.binning[1]][
        : electrons.shape[0], : electrons.shape[1]
    ]
    science = electrons / facts["gain_e_adu"] + pedestal
    height, width = data["raw_shape"]
    raw = rng.standard_normal((height // bin_y, width // bin_x), np.float32)
    raw *= facts["read_noise_e"] / facts["gain_e_adu"] / np.sqrt(shot.ndit)
    x0, y0 = data["science_columns"][0] // bin_x, data["science_rows"][0] // bin_y
    science = science.T if vertical else science
    raw[y0 : y0 + science.shape[0], x0 : x0 + science.shape[1]] = science
    raw = np.rint(raw + level)
    if facts["bias_adu"] > 0:
        return np.clip(raw, 0, 65535).astype(np.uint16)
    return np.clip(raw, -60000, 65535).astype(np.int32)
