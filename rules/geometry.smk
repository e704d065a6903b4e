# Where light of a wavelength and slit position falls on the detector.


rule dispersion_solution:
    input:
        raw=NIGHT.inputs("dispersion_solution", "raw"),
        master_bias=NIGHT.inputs("dispersion_solution", "master_bias"),
        master_dark=NIGHT.inputs("dispersion_solution", "master_dark"),
        verdicts=NIGHT.verdicts("dispersion_solution"),
    output:
        product="reduced/{night}/dispersion_solution/{stem}.fits",
        metrics="reduced/{night}/dispersion_solution/{stem}.qc.json",
        verdict="reduced/{night}/dispersion_solution/{stem}.verdict",
    log:
        "logs/{night}/dispersion_solution/{stem}.log",
    benchmark:
        "benchmarks/{night}/dispersion_solution/{stem}.tsv"
    priority: NIGHT.priority("dispersion_solution")
    group:
        NIGHT.group("dispersion_solution")
    conda:
        "../envs/soxslib.yaml"
    resources:
        mem_mb=NIGHT.memory(800),
        runtime=lambda wildcards, attempt: 5 * attempt,
    params:
        **NIGHT.params("dispersion_solution"),
    script:
        "../scripts/dispersion_solution.py"


rule order_trace:
    input:
        raw=NIGHT.inputs("order_trace", "raw"),
        master_bias=NIGHT.inputs("order_trace", "master_bias"),
        master_dark=NIGHT.inputs("order_trace", "master_dark"),
        dispersion_solution=NIGHT.inputs("order_trace", "dispersion_solution"),
        verdicts=NIGHT.verdicts("order_trace"),
    output:
        product="reduced/{night}/order_trace/{stem}.fits",
        metrics="reduced/{night}/order_trace/{stem}.qc.json",
        verdict="reduced/{night}/order_trace/{stem}.verdict",
    log:
        "logs/{night}/order_trace/{stem}.log",
    benchmark:
        "benchmarks/{night}/order_trace/{stem}.tsv"
    priority: NIGHT.priority("order_trace")
    group:
        NIGHT.group("order_trace")
    conda:
        "../envs/soxslib.yaml"
    resources:
        mem_mb=NIGHT.memory(800),
        runtime=lambda wildcards, attempt: 5 * attempt,
    params:
        **NIGHT.params("order_trace"),
    script:
        "../scripts/order_trace.py"


rule spatial_solution:
    input:
        raw=NIGHT.inputs("spatial_solution", "raw"),
        master_bias=NIGHT.inputs("spatial_solution", "master_bias"),
        master_dark=NIGHT.inputs("spatial_solution", "master_dark"),
        dispersion_solution=NIGHT.inputs("spatial_solution", "dispersion_solution"),
        verdicts=NIGHT.verdicts("spatial_solution"),
    output:
        product="reduced/{night}/spatial_solution/{stem}.fits",
        map="reduced/{night}/spatial_solution/{stem}_IMAGE.fits",
        metrics="reduced/{night}/spatial_solution/{stem}.qc.json",
        verdict="reduced/{night}/spatial_solution/{stem}.verdict",
    log:
        "logs/{night}/spatial_solution/{stem}.log",
    benchmark:
        "benchmarks/{night}/spatial_solution/{stem}.tsv"
    priority: NIGHT.priority("spatial_solution")
    group:
        NIGHT.group("spatial_solution")
    conda:
        "../envs/soxslib.yaml"
    resources:
        mem_mb=NIGHT.memory(800),
        runtime=lambda wildcards, attempt: 5 * attempt,
    params:
        **NIGHT.params("spatial_solution"),
    script:
        "../scripts/spatial_solution.py"
