# Response from standards, and its application.


rule response:
    input:
        raw=NIGHT.inputs("response", "raw"),
        orders=NIGHT.inputs("response", "orders"),
        verdicts=NIGHT.verdicts("response"),
    output:
        response="reduced/{night}/response/{stem}_RESP.fits",
        efficiency="reduced/{night}/response/{stem}_EFFICIENCY.fits",
        metrics="reduced/{night}/response/{stem}.qc.json",
        verdict="reduced/{night}/response/{stem}.verdict",
    log:
        "logs/{night}/response/{stem}.log",
    benchmark:
        "benchmarks/{night}/response/{stem}.tsv"
    priority: NIGHT.priority("response")
    group:
        NIGHT.group("response")
    conda:
        "../envs/soxslib.yaml"
    resources:
        mem_mb=NIGHT.memory(600),
        runtime=lambda wildcards, attempt: 5 * attempt,
    params:
        **NIGHT.params("response"),
    script:
        "../scripts/response.py"


rule flux_calibration:
    input:
        raw=NIGHT.inputs("flux_calibration", "raw"),
        orders=NIGHT.inputs("flux_calibration", "orders"),
        merged=NIGHT.inputs("flux_calibration", "merged"),
        rectified=NIGHT.inputs("flux_calibration", "rectified"),
        response=NIGHT.inputs("flux_calibration", "response"),
        verdicts=NIGHT.verdicts("flux_calibration"),
    output:
        fluxcal="reduced/{night}/{mode}/{stem}_FLUXCAL.fits",
        rectified2d="reduced/{night}/{mode}/{stem}_2D.fits",
        metrics="reduced/{night}/{mode}/{stem}_FLUXCAL.qc.json",
    log:
        "logs/{night}/flux_calibration/{mode}/{stem}.log",
    benchmark:
        "benchmarks/{night}/flux_calibration/{mode}/{stem}.tsv"
    priority: NIGHT.priority("flux_calibration")
    group:
        NIGHT.group("flux_calibration")
    conda:
        "../envs/soxslib.yaml"
    resources:
        mem_mb=NIGHT.memory(600),
        runtime=lambda wildcards, attempt: 5 * attempt,
    params:
        **NIGHT.params("flux_calibration"),
    script:
        "../scripts/flux_calibration.py"
