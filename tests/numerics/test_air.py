"""Air, vacuum and rest frames."""

import numpy as np
import pytest

from soxslib.numerics.air import to_air, to_vacuum


def test_published_pairs():
    # Morton 2003 (ApJS 149, 205): H alpha, Na D2, Ca K; the table's formula differs by below 1e-4 nm
    vacuum = np.array([656.4632, 589.1583, 393.4777])
    air = np.array([656.2819, 588.9951, 393.3663])
    np.testing.assert_allclose(to_air(vacuum), air, atol=2e-4)


def test_there_and_back():
    wavelength = np.linspace(300.0, 2500.0, 500)
    np.testing.assert_allclose(to_air(to_vacuum(wavelength)), wavelength, rtol=1e-12)


def test_orders_are_stretched():
    from soxslib.datamodel import OrderSpectrum
    from soxslib.numerics.air import in_frame

    one = np.ones(3)
    order = OrderSpectrum(1, 500.0 * one, 0.1 * one, one, one, one, one, one, one, one, np.zeros(3, int))
    moved = in_frame([order], is_vacuum=False, velocity_km_s=29.9792458)[0]
    assert moved.wavelength_nm[0] == pytest.approx(500.05)
    assert moved.pixel_nm[0] == pytest.approx(0.10001)
    assert in_frame([order], is_vacuum=False, velocity_km_s=0.0)[0] is order
