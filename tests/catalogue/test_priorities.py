"""Which jobs come first: what is right follows from who reads what, checked edge by edge and on a night told by hand."""

from datetime import datetime

from stubs import make_night

from soxslib.catalogue.plan import make_plan
from soxslib.catalogue.priorities import QUICK, priorities_of
from soxslib.catalogue.scan import scan
from soxslib.catalogue.tasks import Task
from soxslib.instruments import load_instrument


def task(step, needs=()):
    return Task(
        step,
        "VIS",
        "2026-01-27",
        step.upper(),
        "",
        "",
        0.0,
        {"needs": [f"{n}.fits" for n in needs]},
        {"product": f"{step}.fits"},
    )


def test_the_way_to_the_standard_comes_before_the_target():
    steps = {
        "bias": (), "flat_5": ("bias",), "flat_1": ("bias",), "standard": ("flat_5",), "target": ("flat_1",),
        "response": ("standard",), "flux_calibration": ("target", "response"),
    }  # fmt: skip
    of = {key[0]: value for key, value in priorities_of([task(step, needs) for step, needs in steps.items()]).items()}
    assert of["bias"] > of["flat_5"] > of["flat_1"] and of["standard"] > of["target"]
    assert min(of["response"], of["flux_calibration"]) > of["bias"]  # a second each: spectra come out as they are ready


def test_what_others_wait_for_comes_before_them(tmp_path):
    for evening in (datetime(2026, 1, 27), datetime(2026, 1, 28)):
        for stub in make_night(("VIS", "NIR"), evening=evening):
            stub.write(tmp_path)
    tasks = make_plan(scan([str(tmp_path)]), load_instrument("SOXS")).tasks
    of, maker = priorities_of(tasks), {path: t for t in tasks for path in t.outputs.values()}
    edges = [(maker[p], t) for t in tasks for paths in t.inputs.values() for p in paths if p in maker]
    assert len(edges) > 2 * len(tasks)
    assert all(of[a.key] > of[b.key] for a, b in edges if (a.step in QUICK) == (b.step in QUICK))
