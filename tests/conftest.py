"""Fixtures shared by all tests."""

import numpy as np
import pytest


@pytest.fixture
def rng():
    """A fresh random generator, the same in every run."""
    return np.random.default_rng(20260127)
