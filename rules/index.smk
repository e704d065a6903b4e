# Headers of all raw files -> index.db. The Snakefile has the same done when files have changed, before it plans: then the whole
# plan is known before the first job. No job takes the index as input, so a new frame runs only what it feeds.


rule index:
    output:
        update("index.db"),
    log:
        "logs/index.log",
    conda:
        "../envs/soxslib.yaml"
    params:
        raw=NIGHT.config.raw,
    script:
        "../scripts/index.py"
