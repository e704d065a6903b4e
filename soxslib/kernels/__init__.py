"""The innermost loops, in C: what NumPy would do in many passes over the pixels, done in one.

Each `.c` file beside this one serves the modules of `numerics` that name its functions; what a function computes, its
shapes and units stand in the Python function that calls it. The library is compiled when it is first needed, by the
system's C compiler, and named after its sources: an edited loop is compiled again, an installed one never twice. Loops
add in the order they are written in, so that results depend neither on the width of registers nor on the number of cores.
"""

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from soxslib.errors import ReductionError

HERE = Path(__file__).parent
OPTIONS = ("-std=c11", "-O3", "-shared", "-fPIC", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math")
ARRAYS = {"d": np.float64, "f": np.float32, "i": np.intp, "b": np.bool_, "h": np.uint16, "w": np.int32, "c": np.uint8,
          "p": np.uintp}  # fmt: skip
NUMBERS = {"n": ctypes.c_ssize_t, "x": ctypes.c_double}


def function(name, kinds):
    """A function of the library, which is loaded when it is first called.

    kinds: one letter for each argument: C-contiguous arrays of doubles (d), single precision (f), intp (i), bool (b),
    uint16 (h), int32 (w) or uint8 (c), `addresses` (p); a whole number (n), a double (x). Arrays are checked: a wrong
    one is an ArgumentError, not a crash.
    """

    @cache
    def loaded():
        found = getattr(_library(), name)
        found.restype = None
        found.argtypes = [
            np.ctypeslib.ndpointer(ARRAYS[k], flags="C_CONTIGUOUS") if k in ARRAYS else NUMBERS[k] for k in kinds
        ]
        return found

    return lambda *arguments: loaded()(*arguments)


def addresses(arrays, shape, kind="d"):
    """Addresses of arrays of one kind and one shape, for a loop over several of them."""
    for array in arrays:
        if array.dtype != ARRAYS[kind] or array.shape != shape or not array.flags.c_contiguous:
            raise TypeError(f"{ARRAYS[kind].__name__} of shape {shape} are wanted, not {array.dtype} of {array.shape}")
    return np.array([array.ctypes.data for array in arrays], np.uintp)


def build():
    """Path of the library, compiled if it is not there yet."""
    return Path(_library()._name)


@cache
def _library():
    sources = sorted(HERE.glob("*.[ch]"))
    content = hashlib.sha256(b"".join(s.read_bytes() for s in sources) + repr(OPTIONS).encode()).hexdigest()[:12]
    name = f"_loops-{platform.system()}-{platform.machine()}-{content}.so".lower()
    places = [HERE, Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "soxslib")]
    built = next((p / name for p in places if (p / name).exists()), None)
    return ctypes.CDLL(str(built or _built([s for s in sources if s.suffix == ".c"], name, places)))


def _built(sources, name, places):
    """Path of the compiled library, in the first of the places that can be written to."""
    compiler = os.environ.get("CC") or next((c for c in ("cc", "gcc", "clang") if shutil.which(c)), None)
    if compiler is None:
        raise ReductionError("soxslib's loops in C must be compiled once: no cc, gcc or clang is found, install one")
    with tempfile.TemporaryDirectory() as scratch:
        made = Path(scratch, name)
        command = [*compiler.split(), *OPTIONS, "-o", str(made), *map(str, sources), "-lm"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            said = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr[:200])
            raise ReductionError(f"soxslib's loops in C cannot be compiled by {compiler}: {said}")
        for place in places:
            try:
                place.mkdir(parents=True, exist_ok=True)
                own = place / f".{os.getpid()}-{name}"  # processes may do this at the same time: whole or not at all
                shutil.copyfile(made, own)
                return own.replace(place / name)
            except OSError:
                continue
    raise ReductionError(
        f"soxslib's loops in C cannot be stored: neither {places[0]} nor {places[1]} can be written to"
    )
