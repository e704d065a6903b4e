"""The library of loops: compiled once, checked at its door, told in one line when it cannot be had."""

import ctypes

import numpy as np
import pytest

from soxslib import kernels
from soxslib.errors import ReductionError


@pytest.fixture
def afresh(monkeypatch, tmp_path):
    """As on a machine that has not compiled them yet: (the package's folder, the user's cache)."""
    (tmp_path / "package").mkdir()
    for name in ("kernels.h", "special.c"):  # one will do
        (tmp_path / "package" / name).write_bytes((kernels.HERE / name).read_bytes())
    monkeypatch.setattr(kernels, "HERE", tmp_path / "package")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    kernels._library.cache_clear()
    yield tmp_path / "package", tmp_path / "cache"
    kernels._library.cache_clear()


def test_it_is_compiled_once_and_again_when_a_source_changes(afresh):
    package, _ = afresh
    first = kernels.build()
    made = first.stat().st_mtime_ns
    kernels._library.cache_clear()
    assert kernels.build() == first and first.stat().st_mtime_ns == made
    (package / "more.c").write_text("void more(void) {}\n")
    kernels._library.cache_clear()
    assert kernels.build() != first
    assert not list(package.glob(".*"))  # nothing half-written is left


def test_it_goes_to_the_users_cache_where_the_package_cannot_be_written_to(afresh, monkeypatch):
    package, cache = afresh
    copy = kernels.shutil.copyfile

    def only_elsewhere(source, target):
        if target.parent == package:
            raise PermissionError(target)
        return copy(source, target)

    monkeypatch.setattr(kernels.shutil, "copyfile", only_elsewhere)
    assert kernels.build().parent == cache / "soxslib"


def test_without_a_compiler_the_error_says_what_to_do(afresh, monkeypatch):
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr(kernels.shutil, "which", lambda name: None)
    with pytest.raises(ReductionError, match="install one"):
        kernels.build()


def test_what_the_compiler_says_is_told(afresh):
    (afresh[0] / "wrong.c").write_text("this is no C\n")
    with pytest.raises(ReductionError, match="cannot be compiled.*wrong.c"):
        kernels.build()


@pytest.mark.parametrize("wrong", [np.zeros(4, np.float32), np.zeros((4, 2))[:, 0], np.zeros(4, int)])
def test_wrong_arrays_are_an_error_and_no_crash(wrong):
    pulls = kernels.function("hits_pulls", "bdddxdn")
    right = np.zeros(4)
    with pytest.raises(ctypes.ArgumentError, match="argument 2"):
        pulls(np.ones(4, bool), wrong, right, right, 0.0, right, 4)
    with pytest.raises(TypeError):
        kernels.addresses([wrong], (4,))
