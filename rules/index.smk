# Headers of all raw files -> index.db. Run first, by a Snakemake of its own, when files have changed: then the whole plan is
# known before the first job. No job takes the index as input, so a new frame runs only what it feeds.


rule index:
    output:
        update("index.db"),
    log:
        "logs/index.log",
    conda:
        "../envs/soxslib.yaml"
    params:
        raw=config.get("raw", [".", "raw"]),
    script:
        "../scripts/index.py"
