# What was made, what failed and why: the only job that looks at everything, and the only one that writes index.db.


rule summary:
    input:
        plan=NIGHT.path,
        limits=NIGHT.limits,
        metrics=lambda wildcards: NIGHT.sidecars,
    output:
        report("summary.txt", caption="captions/summary.rst", category="night"),
    log:
        "logs/summary.log",
    conda:
        "../envs/soxslib.yaml"
    script:
        "../scripts/summary.py"
