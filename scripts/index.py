"""Reads the headers of new and changed raw files into the index."""

from soxslib.catalogue.refresh import write_index

write_index(snakemake.output[0], snakemake.params.raw, snakemake.log[0])
