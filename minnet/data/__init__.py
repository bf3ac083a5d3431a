"""Data: a bundled set, loaders of published ones, synthetic ones, and mini-batches of them all.

>>> train, test = digits()
>>> x, y = next(iter(Loader(train, batch_size=32, rng=0)))
>>> x.shape, x.dtype.name, y.shape
((32, 64), 'float32', (32,))
"""

from .augment import RandomAffine
from .cifar10 import cifar10, read_cifar10_binary, read_cifar10_python
from .crop import RandomCrop
from .dataset import Dataset
from .digits import digits
from .loader import Loader
from .mnist import mnist, read_idx
from .synthetic import blobs, line, moons, spiral
from .text import Vocabulary, names, read_text, shakespeare, windows
from .transforms import Standardizer, one_hot, scale

__all__ = [
    "Dataset",
    "Loader",
    "RandomAffine",
    "RandomCrop",
    "Standardizer",
    "Vocabulary",
    "blobs",
    "cifar10",
    "digits",
    "line",
    "mnist",
    "moons",
    "names",
    "one_hot",
    "read_cifar10_binary",
    "read_cifar10_python",
    "read_idx",
    "read_text",
    "scale",
    "shakespeare",
    "spiral",
    "windows",
]
