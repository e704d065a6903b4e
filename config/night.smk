# The workflow of this night: `snakemake -n` shows the plan, `snakemake --cores 8` reduces. Settings stand in config.yaml.
from soxslib import workflow_dir


include: str(workflow_dir() / "Snakefile")


rule night:
    default_target: True
    input:
        rules.all.input,
