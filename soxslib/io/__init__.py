"""The only place that opens FITS files. Nothing is imported here: who reads headers only needs no astropy."""
