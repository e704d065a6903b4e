# Science and standards: one rule for each way of observing.


rule stare:
    input:
        raw=NIGHT.inputs("stare", "raw"),
        master_bias=NIGHT.inputs("stare", "master_bias"),
        master_dark=NIGHT.inputs("stare", "master_dark"),
        master_flat=NIGHT.inputs("stare", "master_flat"),
        spatial_solution=NIGHT.inputs("stare", "spatial_solution"),
        verdicts=NIGHT.verdicts("stare"),
    output:
        orders="reduced/{night}/stare/{stem}_EXTRACTED_ORDERS.fits",
        merged="reduced/{night}/stare/{stem}_EXTRACTED_MERGED.fits",
        text="reduced/{night}/stare/{stem}_EXTRACTED_MERGED.txt",
        trace="reduced/{night}/stare/{stem}_OBJTRACE.fits",
        rectified="reduced/{night}/stare/{stem}_RECTIFIED.fits",
        skysub="reduced/{night}/stare/{stem}_SKYSUB.fits",
        skymodel="reduced/{night}/stare/{stem}_SKYMODEL.fits",
        residuals="reduced/{night}/stare/{stem}_SKYSUB_RESIDUALS.fits",
        background="reduced/{night}/stare/{stem}_BKGROUND.fits",
        metrics="reduced/{night}/stare/{stem}.qc.json",
    log:
        "logs/{night}/stare/{stem}.log",
    benchmark:
        "benchmarks/{night}/stare/{stem}.tsv"
    priority: NIGHT.priority("stare")
    group:
        NIGHT.group("stare")
    conda:
        "../envs/soxslib.yaml"
    resources:
        mem_mb=NIGHT.memory(910, 60),
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        **NIGHT.params("stare"),
    script:
        "../scripts/stare.py"


rule nod:
    input:
        raw=NIGHT.inputs("nod", "raw"),
        master_bias=NIGHT.inputs("nod", "master_bias"),
        master_dark=NIGHT.inputs("nod", "master_dark"),
        master_flat=NIGHT.inputs("nod", "master_flat"),
        spatial_solution=NIGHT.inputs("nod", "spatial_solution"),
        verdicts=NIGHT.verdicts("nod"),
    output:
        orders="reduced/{night}/nod/{stem}_EXTRACTED_ORDERS.fits",
        merged="reduced/{night}/nod/{stem}_EXTRACTED_MERGED.fits",
        text="reduced/{night}/nod/{stem}_EXTRACTED_MERGED.txt",
        trace="reduced/{night}/nod/{stem}_OBJTRACE.fits",
        rectified="reduced/{night}/nod/{stem}_RECTIFIED.fits",
        skysub="reduced/{night}/nod/{stem}_SKYSUB.fits",
        skymodel="reduced/{night}/nod/{stem}_SKYMODEL.fits",
        background="reduced/{night}/nod/{stem}_BKGROUND.fits",
        metrics="reduced/{night}/nod/{stem}.qc.json",
    log:
        "logs/{night}/nod/{stem}.log",
    benchmark:
        "benchmarks/{night}/nod/{stem}.tsv"
    priority: NIGHT.priority("nod")
    group:
        NIGHT.group("nod")
    conda:
        "../envs/soxslib.yaml"
    resources:
        mem_mb=NIGHT.memory(910, 60),
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        **NIGHT.params("nod"),
    script:
        "../scripts/nod.py"


rule offset:
    input:
        raw=NIGHT.inputs("offset", "raw"),
        master_bias=NIGHT.inputs("offset", "master_bias"),
        master_dark=NIGHT.inputs("offset", "master_dark"),
        master_flat=NIGHT.inputs("offset", "master_flat"),
        spatial_solution=NIGHT.inputs("offset", "spatial_solution"),
        verdicts=NIGHT.verdicts("offset"),
    output:
        orders="reduced/{night}/offset/{stem}_EXTRACTED_ORDERS.fits",
        merged="reduced/{night}/offset/{stem}_EXTRACTED_MERGED.fits",
        text="reduced/{night}/offset/{stem}_EXTRACTED_MERGED.txt",
        trace="reduced/{night}/offset/{stem}_OBJTRACE.fits",
        rectified="reduced/{night}/offset/{stem}_RECTIFIED.fits",
        skysub="reduced/{night}/offset/{stem}_SKYSUB.fits",
        skymodel="reduced/{night}/offset/{stem}_SKYMODEL.fits",
        residuals="reduced/{night}/offset/{stem}_SKYSUB_RESIDUALS.fits",
        background="reduced/{night}/offset/{stem}_BKGROUND.fits",
        metrics="reduced/{night}/offset/{stem}.qc.json",
    log:
        "logs/{night}/offset/{stem}.log",
    benchmark:
        "benchmarks/{night}/offset/{stem}.tsv"
    priority: NIGHT.priority("offset")
    group:
        NIGHT.group("offset")
    conda:
        "../envs/soxslib.yaml"
    resources:
        mem_mb=NIGHT.memory(960, 80),
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        **NIGHT.params("offset"),
    script:
        "../scripts/offset.py"
