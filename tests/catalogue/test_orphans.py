"""Which jobs of a cluster are cancelled: a made-up Slurm of two shell scripts tells what it was asked."""

import pytest

from soxslib.catalogue.orphans import cancel_orphans

SQUEUE = """#!/bin/sh
[ -f {folder}/cancelled ] || echo "7 {folder}/night"
echo "8 {folder}/elsewhere"
"""


@pytest.fixture
def queue(tmp_path, monkeypatch):
    """A directory with night/ and a queue that holds a job of it and one of another directory."""
    for name, text in {"squeue": SQUEUE, "scancel": '#!/bin/sh\necho "$@" > {folder}/cancelled\n'}.items():
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text.format(folder=tmp_path))
        path.chmod(0o755)
    (tmp_path / "night").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    return tmp_path


def test_only_jobs_of_the_directory_are_cancelled(queue):
    assert cancel_orphans(queue / "night") == ["7"]
    assert (queue / "cancelled").read_text() == "7\n"


def test_without_jobs_nothing_is_cancelled(queue):
    assert cancel_orphans(queue / "bin") == [] and not (queue / "cancelled").exists()


def test_a_machine_without_slurm_has_no_jobs(queue, monkeypatch):
    monkeypatch.setenv("PATH", str(queue / "night"))
    assert cancel_orphans(queue / "night") == []
