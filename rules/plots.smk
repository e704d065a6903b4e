# Figures, from products only and in jobs of their own: no spectrum waits for them.


rule plot:
    input:
        unpack(figure_inputs(NIGHT)),
    output:
        png=report(
            "qc/{night}/{step}/{stem}.png",
            caption="captions/plot.rst",
            category="{night}",
            subcategory="{step}",
            labels={"set": "{stem}"},
        ),
        pdf="qc/{night}/{step}/{stem}.pdf",
    log:
        "logs/{night}/plots/{step}/{stem}.log",
    benchmark:
        "benchmarks/{night}/plots/{step}/{stem}.tsv"
    group:
        NIGHT.group()
    conda:
        "../envs/soxslib.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 800 * attempt,
        runtime=lambda wildcards, attempt: 5 * attempt,
    script:
        "../scripts/plot.py"


rule plots:
    input:
        lambda wildcards: [figure_of(task) for task in NIGHT.selected],
