"""Sky subtraction in two dimensions: every order straightened along its trace, frame, sky and residual side by side."""

import numpy as np

from soxslib.errors import ReductionError
from soxslib.io import products
from soxslib.plots import style
from soxslib.plots.strips import along_trace, label_strips, stacked, stacked_residual


def plot_sky(axes, sources, table, colours):
    """Three panels of strips: frame, model of the sky, difference over its noise."""
    try:
        image = products.read_images(sources.paths["skysub"], ["FLUX", "ERRS", "QUAL"])[1]
        sky = products.read_images(sources.paths["skymodel"], ["FLUX"])[1]["FLUX"]
    except (ReductionError, KeyError) as error:
        for panel in axes:
            style.empty(panel, "no sky-subtracted frame")
        style.note(axes[0], str(error)[:90], x=0.02, y=0.1, ha="left")
        return
    binning = sources.facts("skysub").exposure.binning
    strips = {o: along_trace(table, o, sky != 0, binning) for o in np.unique(table["order"])}
    strips = {o: s for o, s in strips.items() if s is not None}
    if not strips:
        for panel in axes:
            style.empty(panel, "the trace is not on the frame")
        return
    frame, model = stacked(image["FLUX"] + sky, strips), stacked(sky, strips)
    low, high, soft = _levels(model, frame)
    stretch = lambda a: np.arcsinh((a - low) / soft) / np.arcsinh((high - low) / soft)
    text = f"{low:.3g} … {high:.3g} electron, asinh"
    _panel(axes[0], stretch(frame), strips, colours, "Frame", text)
    _panel(axes[1], stretch(model), strips, None, "Sky model", text)
    residual = stacked_residual(image["FLUX"], image["ERRS"], image["QUAL"] == 0, strips)
    style.show(axes[2], residual, (0, 1, 0, len(strips)), -5, 5, "RdBu_r", "σ")
    _finish(axes[2], strips, None, "(Frame − sky) / noise")


def _levels(model, frame):
    """(lowest, highest, softening) of a stretch that shows the faint sky and the object beside bright lines."""
    values = frame[np.isfinite(frame)]
    if not values.size:
        return 0.0, 1.0, 1.0
    base = float(np.nanmedian(model))
    noise = max(style.scatter_of(values[values < np.median(values)] - base), 1e-3)
    low = base - 2 * noise
    return low, max(float(np.percentile(values, 98.5)), low + noise), 3 * noise


def _panel(axes, image, strips, colours, title, levels):
    style.show(axes, image, (0, 1, 0, len(strips)), 0, 1)
    axes.text(1, 1.01, levels, fontsize=6.5, ha="right", va="bottom", color="#444444", transform=axes.transAxes)
    _finish(axes, strips, colours, title)


def _finish(axes, strips, colours, title):
    label_strips(axes, strips if colours else {}, colours)  # the first panel's names serve all
    axes.set(title=title, xlabel="along the dispersion, from end to end of the order")
    axes.xaxis.set_label_coords(0.5, -0.12 / (axes.get_position().height * axes.figure.get_figheight()))
