"""What an order trace rests on, as a table: where the light was found in slices along each order."""

import numpy as np

UNITS = {"along": "pixel", "across": "pixel", "across_error": "pixel", "sigma": "pixel"}


def slices_table(slices, binning):
    """The table SLICES of {order: Slices} measured on a frame binned by (across, along), in unbinned pixels."""
    orders = sorted(slices)
    join = lambda name: np.concatenate([np.asarray(getattr(slices[o], name), float) for o in orders])
    columns = dict(
        order=np.concatenate([np.full(len(slices[o].along), o, np.int32) for o in orders]),
        along=(join("along") + 0.5) * binning[1] - 0.5,
        across=(join("across") + 0.5) * binning[0] - 0.5,
        across_error=join("error") * binning[0],
        sigma=join("sigma") * binning[0],
        snr=join("signal_to_noise"),
        used=join("is_good") > 0,
    )
    return "SLICES", columns, UNITS
