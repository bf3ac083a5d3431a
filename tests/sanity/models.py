"""Small models on small data, right ones and ones with a planted fault."""

import numpy as np

from minnet import data, nn
from minnet import functional as F

SCORES = 10


def digits(count=200):
    return data.digits()[0][:count]


def healthy(rng=0):
    rng = np.random.default_rng(rng)
    return nn.Sequential(
        nn.Linear(64, 32, rng=rng), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.5, rng=rng),
        nn.Linear(32, SCORES, rng=rng),
    )


def plain(rng=0):
    rng = np.random.default_rng(rng)
    return nn.Sequential(nn.Linear(64, 32, rng=rng), nn.ReLU(), nn.Linear(32, SCORES, rng=rng))


def with_last(layer, rng=0):
    return nn.Sequential(*healthy(rng), layer)


def detached_layer():
    """The first layer's gradient never arrives; the layers above can still learn by heart."""
    first, *rest = plain()
    return nn.Sequential(first, nn.Lambda(lambda x: x.detach()), *rest)


def off_by_one(scores, y):
    return F.cross_entropy(scores, (y + 1) % SCORES)


def cross_entropy_of_wrong_axis(scores, y):
    """Normalises over the batch instead of the classes."""
    return F.cross_entropy(F.log_softmax(scores, axis=0), y)
