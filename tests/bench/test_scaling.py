"""What index, plan and dry runs of 10 000 frames may cost: the figures that surveys were promised."""

import pytest
from scaling import measure

pytestmark = pytest.mark.bench


def test_ten_thousand_frames_are_indexed_and_planned_in_time(tmp_path):
    found = measure(10_000, tmp_path)
    assert found["index_per_s"] > 500
    assert found["plan_s"] < 30 and found["plan_mb"] < 1000 and found["peak_mb"] < 1000
    assert found["night_s"] < 10 and found["target_s"] < 10
    assert found["refresh_s"] < 5
