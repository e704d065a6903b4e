"""What astropy packs is read back, also where its compiled decoder cannot be loaded by itself."""

import numpy as np
import pytest
from astropy.io import fits

from soxslib.io import packed


@pytest.mark.parametrize("found", ["by itself", "no file", "broken file"])
def test_rice_compressed_images(found, rng, monkeypatch, tmp_path):
    image = rng.integers(0, 60000, (40, 70)).astype(np.uint16)
    path = tmp_path / "a.fits.fz"
    fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(image, compression_type="RICE_1")]).writeto(path)
    (tmp_path / "_compression.so").write_bytes(b"not a library")
    places = {"no file": [], "broken file": [tmp_path / "_compression.so"]}
    if found in places:
        monkeypatch.setattr(packed.Path, "glob", lambda path, pattern: iter(places[found]))
    packed._rice_decoder.cache_clear()
    try:
        header, read = packed.read_image(path)
    finally:
        packed._rice_decoder.cache_clear()
    assert np.array_equal(read, image.astype(np.float32))
    assert header["NAXIS1"] == 70
