"""Makes this folder's images and arrays: .venv-interop/bin/python3 tests/data/models/make.py (Pillow and numpy)."""
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).parent


def image(name, array, mode=None, **options):
    path = HERE / "images" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array, mode).save(path, **options)


red = np.zeros((8, 6, 3), np.uint8)
red[..., 0] = 255
ramp = np.arange(48, dtype=np.uint8).reshape(8, 6) * 5
image("red/rgb.png", red)
image("red/photo.jpg", np.repeat(np.repeat(red, 2, 0), 2, 1), quality=95)
Image.fromarray(red).convert("P").save(HERE / "images/red/palette.png")
image("grey/ramp.png", ramp)
Image.fromarray((ramp.astype(np.uint16) * 257)).save(HERE / "images/grey/sixteen.png")
image("grey/photo.JPEG", ramp, quality=95)

arrays = HERE / "arrays"
arrays.mkdir(exist_ok=True)
np.save(arrays / "float32.npy", np.arange(12, dtype=np.float32).reshape(4, 3) / 2)
np.save(arrays / "int64.npy", np.array([3, 1, 2, 0]))
np.save(arrays / "fortran.npy", np.asfortranarray(np.arange(6, dtype=np.float64).reshape(2, 3)))
np.save(arrays / "big_endian.npy", np.arange(3, dtype=">i4"))
np.save(arrays / "text.npy", np.array(["a", "b"]))
np.save(arrays / "scalar.npy", np.float64(2.5))
np.save(arrays / "records.npy", np.zeros(2, [("a", "i4"), ("b", "f4")]))
