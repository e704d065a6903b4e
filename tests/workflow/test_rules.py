"""Rules and association data say the same of a step's inputs and outputs; a step has one name everywhere."""

import re
from pathlib import Path

import pytest

from soxslib.catalogue.plan import load_rules
from soxslib.config.settings import CONFIGURED, STEPS
from soxslib.instruments import load_instrument

ROOT = Path(__file__).resolve().parents[2]
TEXT = "\n".join(p.read_text() for p in sorted((ROOT / "rules").glob("*.smk")))
DATA = load_rules(load_instrument("SOXS"))["steps"]


def block(step, name):
    """{item: text} of one directive of a rule."""
    rule = re.split(r"^rule ", TEXT.split(f"rule {step}:\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]
    body = re.search(rf"^    {name}:\n((?:        .*\n)+)", rule, re.MULTILINE)[1]
    return dict(re.findall(r"^        (\w+)=(.*),$", body, re.MULTILINE))


@pytest.mark.parametrize("step", STEPS)
def test_outputs_are_those_of_the_plan(step):
    folder = "{mode}" if DATA[step].get("folder") == "parent" else step
    wanted = {name: f'"reduced/{{night}}/{folder}/{{stem}}{suffix}"' for name, suffix in DATA[step]["outputs"].items()}
    wanted["metrics"] = f'"reduced/{{night}}/{folder}/{{stem}}{DATA[step].get("metrics", "")}.qc.json"'
    found = block(step, "output")
    assert {name: found.get(name) for name in wanted} == wanted
    assert set(found) - set(wanted) <= {"verdict"}


@pytest.mark.parametrize("step", STEPS)
def test_inputs_are_those_of_the_plan(step):
    wanted = {"raw", *DATA[step]["calibrations"], *DATA[step].get("reads", [])}
    found = block(step, "input")
    assert set(found) - {"verdicts"} == wanted
    assert all(found[name] == f'NIGHT.inputs("{step}", "{name}")' for name in wanted)


@pytest.mark.parametrize("step", CONFIGURED)
def test_every_job_has_log_benchmark_and_growing_resources(step):
    rule = TEXT.split(f"rule {step}:\n", 1)[1].split("\nrule ")[0]
    for word in ("log:", "benchmark:", "mem_mb=NIGHT.memory(", "runtime=lambda wildcards, attempt"):
        assert word in rule
    assert f"../scripts/{step}.py" in rule
