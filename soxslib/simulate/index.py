"""What a night's frames are: the index beside their truth, `truth/index.json`."""

import json

import numpy as np

from soxslib.instruments import load_instrument
from soxslib.io.atomic import atomic_path
from soxslib.simulate.sources import narrow_lines
from soxslib.simulate.truth import turned_xy

COORDINATES = (
    "0-based pixel centres, x to the right and y up, of the trimmed science area as the frame is binned for maps and "
    "pixel lists; of the trimmed unbinned area for traces; wavelengths in air, nm, observer's frame"
)


def frame_facts(frame, file, has_arrays):
    """What the index says of one frame."""
    shot = frame.shot
    facts = dict(
        file=file, arm=shot.arm, role=shot.role, exptime_s=shot.exposure_s, slit=shot.slit, lamps=list(shot.lamps),
        ndit=shot.ndit, binning=_raw_binning(shot), mjd=round(frame.mjd, 8), obs_id=frame.obs_id,
    )  # fmt: skip
    if shot.on_sky:
        facts.update(
            object=frame.object_name, target=frame.target_name, airmass=shot.airmass, seeing_arcsec=shot.seeing_arcsec,
            slit_offset_arcsec=shot.targets[0].slit_arcsec if shot.targets else 0.0, has_object=bool(shot.targets),
        )  # fmt: skip
    if has_arrays:
        facts["truth"] = f"{frame.name}.npz"
    return facts


def _raw_binning(shot):
    vertical = load_instrument("SOXS").arm(shot.arm)["detector"]["dispersion_axis"] == "y"
    return list(shot.binning if vertical else shot.binning[::-1])


def index_of(frames, files, benches):
    """The contents of index.json."""
    return dict(
        format=1,
        coordinates=COORDINATES,
        frames={f.name: frame_facts(f, files[f.name], True) for f in frames},
        observations=_observations(frames),
        flexure=_flexure(frames, benches),
        detectors={arm: _detector(bench) for arm, bench in benches.items()},
    )


def _observations(frames):
    groups = {}
    for f in frames:
        if f.shot.on_sky:
            groups.setdefault((f.obs_id, f.shot.arm), []).append(f)
    out = []
    for (obs_id, arm), group in groups.items():
        kind, mode = group[0].shot.role.split("_")
        lit = [f for f in group if f.shot.targets]
        targets = [dict(t.facts, narrow_lines=narrow_lines(t.facts)) for t in lit[0].shot.targets]
        out.append(
            dict(obs_id=obs_id, name=group[0].obs_name, arm=arm, mode=mode, kind=kind, object=group[0].object_name,
                 target=group[0].target_name, frames=[f.name for f in group], object_frames=[f.name for f in lit],
                 targets=targets)
        )  # fmt: skip
    return out


def _flexure(frames, benches):
    """How far each order has moved at the slit's centre from each multi-pinhole arc to each frame of the sky."""
    out = {}
    for f in (f for f in frames if f.shot.on_sky):
        bench = benches[f.shot.arm]
        now = bench.solution_of(f.shot)
        out[f.name] = {}
        for arc in (a for a in frames if a.shot.role == "multi_pinhole_arc" and a.shot.arm == f.shot.arm):
            then = bench.solution_of(arc.shot)
            out[f.name][arc.name] = {str(n): _moved(bench, then[n], now[n]) for n in now}
    return out


def _moved(bench, then, now):
    centre = 0.5 * sum(then.wavelength_nm)
    ends = np.linspace(*then.wavelength_nm, 41)
    d_along, d_across = (
        np.subtract(p, q) for p, q in zip(now.position(ends, 0.0), then.position(ends, 0.0), strict=True)
    )
    dx, dy = turned_xy(bench, d_along[20], d_across[20])
    nm_px = 0.2 / (then.position(centre + 0.1, 0.0)[0] - then.position(centre - 0.1, 0.0)[0])
    return dict(
        dx_px=round(float(dx), 5), dy_px=round(float(dy), 5), dispersion_px_min=round(float(d_along.min()), 5),
        dispersion_px_max=round(float(d_along.max()), 5), wavelength_nm=round(float(-d_along[20] * nm_px), 6),
        centre_nm=round(centre, 3),
    )  # fmt: skip


def _detector(bench):
    d, facts = bench.data["detector"], bench.facts["detector"]
    (x0, x1), (y0, y1) = d["science_columns"], d["science_rows"]
    return dict(
        science_area=[x1 - x0, y1 - y0], first_column=x0, first_row=y0, raw_size=list(d["raw_shape"][::-1]),
        gain_electron_adu=facts["gain_e_adu"], read_noise_electron=facts["read_noise_e"],
        dispersion_axis=d["dispersion_axis"], orders=list(bench.solution),
    )  # fmt: skip


def write_index(path, index):
    with atomic_path(path) as tmp, open(tmp, "w", encoding="utf8") as fh:
        json.dump(index, fh, indent=1)
