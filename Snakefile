"""Reduction of SOXS spectra. What depends on what stands in rules/, what belongs together is decided by soxslib.catalogue."""

from soxslib.catalogue.figures import figure_inputs, figure_of, figures
from soxslib.catalogue.run import guard, night_or_exit

NIGHT = night_or_exit(workflow, config)
guard(workflow, NIGHT)


# a night's own Snakefile includes this one: what it asks for by default must then still be found
wildcard_constraints:
    night=r"\d{4}-\d{2}-\d{2}",
    mode="stare|nod|offset",
    stem=r"[A-Z0-9_+-]+(?<!_FLUXCAL)",


localrules:
    all,
    index,
    plots,
    summary,
    report,


include: "rules/index.smk"
include: "rules/detector.smk"
include: "rules/geometry.smk"
include: "rules/spectra.smk"
include: "rules/flux.smk"
include: "rules/arms.smk"
include: "rules/plots.smk"
include: "rules/summary.smk"
include: "rules/report.smk"


# lists of a whole workspace are functions: only who asks for everything pays for them
rule all:
    default_target: True
    input:
        lambda wildcards: NIGHT.targets,
        lambda wildcards: figures(NIGHT),
        "summary.txt",
        "report/index.html",
