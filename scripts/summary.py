"""Gathers the sidecars of all jobs into summary.txt and the database."""

from pathlib import Path

from soxslib.catalogue.database import PRODUCTS, QC, TASK_INPUTS, TASKS, save_results
from soxslib.catalogue.pairs import pairs_of
from soxslib.catalogue.summary import ABSENT, database_rows, read_plan, result_of, summary_text
from soxslib.io.atomic import atomic_path
from soxslib.qc.arms import with_arms
from soxslib.qc.verdicts import limits_in_force


def main(plan_path, sidecars, output, log):
    tasks, problems, notes = read_plan(plan_path)
    limits = limits_in_force()["limits"]
    wanted = set(sidecars)
    known = [
        r
        for r in [*with_arms([result_of(task) for task in tasks]), *map(result_of, pairs_of(tasks))]
        if r.task.outputs["metrics"] in wanted or r.status != ABSENT
    ]
    results = [r for r in known if r.task.outputs["metrics"] in wanted]
    rows = database_rows(known, limits)  # whatever this run was asked for, the database remembers what other runs made
    save_results("index.db", {t: rows[t.name] for t in (TASKS, TASK_INPUTS, PRODUCTS, QC)})
    text = summary_text(results, problems, notes, limits)
    with atomic_path(output) as temporary:
        temporary.write_text(text, encoding="utf8")
    Path(log).write_text(text, encoding="utf8")


main(snakemake.input.plan, list(snakemake.input.metrics), snakemake.output[0], snakemake.log[0])
