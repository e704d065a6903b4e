"""The command `soxs`."""
