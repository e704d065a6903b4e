"""A Slurm of two nodes, started here for the tests of a file and stopped by its own pids."""

import os

import pytest
from throwaway_slurm import NoSlurm, Slurm, install

IS_NEEDED = "slurm" in os.environ.get("SOXS_TESTS_NEED", "")  # then tests fail where they would be skipped


@pytest.fixture(scope="module")
def slurm(tmp_path_factory):
    try:
        import snakemake_executor_plugin_slurm  # noqa: F401

        install()
        cluster = Slurm(tmp_path_factory.mktemp("slurm"), nodes=2).__enter__()
    except (ImportError, NoSlurm) as reason:
        (pytest.fail if IS_NEEDED else pytest.skip)(f"no Slurm: {reason}")
    yield cluster
    cluster.stop()
