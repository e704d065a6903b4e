"""Are quoted errors true?"""

import numpy as np


def assert_unit_pulls(measured, truth, variance, tolerance=0.03):
    """(measured - truth) / error has mean 0 and scatter 1, within the tolerance and what the sample's size allows."""
    pull = (np.asarray(measured, float) - truth) / np.sqrt(np.asarray(variance, float))
    pull = pull[np.isfinite(pull)]
    slack = 4.0 / np.sqrt(pull.size)
    assert abs(pull.mean()) < tolerance + slack, f"mean pull {pull.mean():.3f}"
    assert abs(pull.std() - 1.0) < tolerance + slack, f"scatter of pulls {pull.std():.3f}"
