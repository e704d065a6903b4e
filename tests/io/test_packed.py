"""What astropy packs is read back as astropy reads it."""

import numpy as np
import pytest
from astropy.io import fits

from soxslib.errors import ReductionError
from soxslib.io import packed


def packed_file(path, image, **options):
    fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(image, **options)]).writeto(path)
    return path


@pytest.mark.parametrize("kind", ["u1", "i2", "u2", "i4"])
@pytest.mark.parametrize("scatter", [0.0, 3.0, 1e9])  # equal pixels, few bits each, all bits
@pytest.mark.parametrize("rows", [1, 16])
def test_rice_compressed_images(kind, scatter, rows, rng, tmp_path):
    limits = np.iinfo(kind)
    values = np.clip(rng.normal(100, scatter, (40, 71)), limits.min, limits.max)
    values[5, 7] = limits.max // 2  # a long run of zeros
    image = values.astype(kind)
    path = packed_file(tmp_path / "a.fits.fz", image, compression_type="RICE_1", tile_shape=(rows, 71))
    header, read = packed.read_image(path)
    assert np.array_equal(read, image.astype(np.float32))
    assert header["NAXIS1"] == 71


def test_another_compression_is_left_to_astropy(rng, tmp_path):
    image = rng.integers(0, 60000, (40, 70)).astype(np.uint16)
    path = packed_file(tmp_path / "a.fits.fz", image, compression_type="GZIP_1")
    assert np.array_equal(packed.read_image(path)[1], image.astype(np.float32))


def test_a_strip_that_ends_too_soon_is_told(rng, tmp_path):
    image = rng.integers(0, 60000, (40, 70)).astype(np.uint16)
    path = packed_file(tmp_path / "a.fits.fz", image, compression_type="RICE_1", tile_shape=(1, 70))
    content = bytearray(path.read_bytes())
    with fits.open(path, disable_image_compression=True) as hdus:
        start = hdus.info(output=False) and hdus[1]._data_offset
    content[start + 3 * 8 : start + 3 * 8 + 4] = (40).to_bytes(4, "big")  # bytes of the fourth strip
    path.write_bytes(content)
    with pytest.raises(ReductionError, match="^a.fits.fz: 1 of 40 compressed strips"):
        packed.read_image(path)
