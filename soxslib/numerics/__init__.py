"""The mathematics of the reduction: arrays in, arrays out; no files, no plots, no instrument."""
