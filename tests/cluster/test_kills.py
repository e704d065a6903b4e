"""The submitting process killed and started again: what is whole is kept, nothing half is left, nothing runs twice."""

import signal

import pytest
from cluster_night import ClusterNight, wait_until

pytestmark = pytest.mark.cluster
SPECTRUM = "reduced/2026-01-27/stare/20260128T012000_VIS_1X1_1_STARE_OBJ_SLIT1_0_300_0S_SN2_EXTRACTED_ORDERS.fits"
CALIBRATIONS = {"master_bias", "dispersion_solution", "order_trace", "master_flat", "spatial_solution"}


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_killed_submitting_process_is_continued(slurm, tmp_path, how):
    night = ClusterNight(tmp_path, slurm)
    run = night.start(SPECTRUM, STUB_HOLD="stare")  # calibrations go as one job, the spectrum as another
    night.wait_until_held(run, "stare")
    run.send_signal(how)
    if how == signal.SIGTERM:  # running jobs may end
        night.go()
    night.finish(run)
    if how == signal.SIGINT:
        wait_until(lambda: not night.jobs(), lambda: f"jobs are left:\n{night.said}")
    if how == signal.SIGKILL:
        assert night.jobs(), "its job should have outlived it"
    again = night.run("--profile", "slurm", SPECTRUM)
    assert again.returncode == 0, again.stdout
    assert ("on the cluster are cancelled" in again.stdout) == (how == signal.SIGKILL)
    assert not night.jobs() and not night.half_products
    assert (night.path / SPECTRUM).read_text().startswith("('stare'")
    begun = {step: count for (step, _), count in night.told("begun").items()}
    assert begun == dict.fromkeys(CALIBRATIONS, 1) | {"stare": 1 if how == signal.SIGTERM else 2}
    assert set(night.told("done").values()) == {1}
