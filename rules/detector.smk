# Detector calibrations.


rule master_bias:
    input:
        raw=NIGHT.inputs("master_bias", "raw"),
    output:
        product="reduced/{night}/master_bias/{stem}.fits",
        metrics="reduced/{night}/master_bias/{stem}.qc.json",
        verdict="reduced/{night}/master_bias/{stem}.verdict",
    log:
        "logs/{night}/master_bias/{stem}.log",
    benchmark:
        "benchmarks/{night}/master_bias/{stem}.tsv"
    priority: NIGHT.priority("master_bias")
    group:
        NIGHT.group("master_bias")
    conda:
        "../envs/soxslib.yaml"
    resources:
        mem_mb=NIGHT.memory(550, 18),
        runtime=lambda wildcards, attempt: 5 * attempt,
    params:
        **NIGHT.params("master_bias"),
    script:
        "../scripts/master_bias.py"


rule master_dark:
    input:
        raw=NIGHT.inputs("master_dark", "raw"),
    output:
        product="reduced/{night}/master_dark/{stem}.fits",
        metrics="reduced/{night}/master_dark/{stem}.qc.json",
        verdict="reduced/{night}/master_dark/{stem}.verdict",
    log:
        "logs/{night}/master_dark/{stem}.log",
    benchmark:
        "benchmarks/{night}/master_dark/{stem}.tsv"
    priority: NIGHT.priority("master_dark")
    group:
        NIGHT.group("master_dark")
    conda:
        "../envs/soxslib.yaml"
    resources:
        mem_mb=NIGHT.memory(680, 36),
        runtime=lambda wildcards, attempt: 5 * attempt,
    params:
        **NIGHT.params("master_dark"),
    script:
        "../scripts/master_dark.py"


rule master_flat:
    input:
        raw=NIGHT.inputs("master_flat", "raw"),
        master_bias=NIGHT.inputs("master_flat", "master_bias"),
        master_dark=NIGHT.inputs("master_flat", "master_dark"),
        order_trace=NIGHT.inputs("master_flat", "order_trace"),
        verdicts=NIGHT.verdicts("master_flat"),
    output:
        product="reduced/{night}/master_flat/{stem}.fits",
        background="reduced/{night}/master_flat/{stem}_BKGROUND.fits",
        metrics="reduced/{night}/master_flat/{stem}.qc.json",
        verdict="reduced/{night}/master_flat/{stem}.verdict",
    log:
        "logs/{night}/master_flat/{stem}.log",
    benchmark:
        "benchmarks/{night}/master_flat/{stem}.tsv"
    priority: NIGHT.priority("master_flat")
    group:
        NIGHT.group("master_flat")
    conda:
        "../envs/soxslib.yaml"
    resources:
        mem_mb=NIGHT.memory(800, 28),
        runtime=lambda wildcards, attempt: 5 * attempt,
    params:
        **NIGHT.params("master_flat"),
    script:
        "../scripts/master_flat.py"
