# Two arms' spectra of one target become one. Pairs are found in the plan, which knows nothing of them.


rule both_arms:
    input:
        raw=NIGHT.inputs("both_arms", "raw"),
        spectra=NIGHT.inputs("both_arms", "spectra"),
    output:
        fluxcal="reduced/{night}/both_arms/{stem}_SPECTRUM.fits",
        metrics="reduced/{night}/both_arms/{stem}.qc.json",
    log:
        "logs/{night}/both_arms/{stem}.log",
    benchmark:
        "benchmarks/{night}/both_arms/{stem}.tsv"
    priority: 100
    conda:
        "../envs/soxslib.yaml"
    resources:
        mem_mb=NIGHT.memory(500),
        runtime=lambda wildcards, attempt: 5 * attempt,
    params:
        **NIGHT.params("both_arms"),
    script:
        "../scripts/both_arms.py"
