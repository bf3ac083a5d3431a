"""Rebuild minnet/data/digits.npz from the two UCI files, and verify it.

    python -m tests.data.make_digits FOLDER [--output digits.npz]

FOLDER holds optdigits.tra and optdigits.tes from
https://archive.ics.uci.edu/dataset/80/optical+recognition+of+handwritten+digits (CC BY 4.0).
Without --output it only verifies that the bundled file holds the same numbers.
"""

import argparse
import hashlib
from pathlib import Path

import numpy as np

from minnet.data import files
from minnet.data.digits import PARTS, PATH, checksum

SOURCES = {
    "optdigits.tra": (3823, "e1b683cc211604fe8fd8c4417e6a69f31380e0c61d4af22e93cc21e9257ffedd"),
    "optdigits.tes": (1797, "6ebb3d2fee246a4e99363262ddf8a00a3c41bee6014c373ed9d9216ba7f651b8"),
}
ATTRIBUTION = (
    "Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak, 1998. UCI Machine "
    "Learning Repository, doi:10.24432/C50P49. CC BY 4.0. Numbers unchanged; stored as bytes."
)


def arrays_of(folder):
    """The four uint8 arrays x_train, y_train, x_test, y_test of the UCI files."""
    arrays = []
    for name, (rows, digest) in SOURCES.items():
        content = (Path(folder) / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == digest, f"{name} is another file"
        table = np.loadtxt(content.decode("ascii").splitlines(), delimiter=",", dtype=np.uint8)
        assert table.shape == (rows, 65) and table[:, :64].max() == 16 and table[:, 64].max() == 9
        arrays += [np.ascontiguousarray(table[:, :64]), np.ascontiguousarray(table[:, 64])]
    return arrays


def main():
    """Write the .npz file if asked, then compare it with the UCI files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--output")
    options = parser.parse_args()
    arrays = arrays_of(options.folder)
    if options.output:
        with files.replacing(options.output) as file:
            np.savez_compressed(
                file, **dict(zip(PARTS, arrays, strict=True)), attribution=ATTRIBUTION
            )
    with np.load(options.output or PATH, allow_pickle=False) as stored:
        same = [np.array_equal(stored[name], a) for name, a in zip(PARTS, arrays, strict=True)]
    assert all(same), dict(zip(PARTS, same, strict=True))
    print(f"verified: {options.output or PATH}, SHA-256 of the numbers {checksum(arrays)}")


if __name__ == "__main__":
    main()
