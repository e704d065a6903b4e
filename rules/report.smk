# The report of the night, for people: from sidecars and products, beside the summary; pages whose content stays are left alone.


rule report:
    input:
        plan=NIGHT.path,
        limits=NIGHT.limits,
        metrics=lambda wildcards: NIGHT.sidecars,
        figures=lambda wildcards: figures(NIGHT),
    output:
        "report/index.html",
    log:
        "logs/report.log",
    conda:
        "../envs/soxslib.yaml"
    params:
        instrument=NIGHT.config.instrument,
    script:
        "../scripts/report.py"
