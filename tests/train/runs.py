"""A small run with all that has state: batch norm, dropout, momentum, schedule, augmentation."""

import numpy as np

from minnet import data, nn, optim, schedules, train
from minnet import functional as F

EPOCHS = 3


def jitter(x, rng):
    return x + rng.normal(0, 0.1, x.shape).astype(x.dtype)


class Setup:
    """Model, optimizer and loader made from one seed; `fit` trains them."""

    def __init__(self, seed=0, *, examples=50, batch_size=8, lr=0.05):
        rng = np.random.default_rng(seed)
        self.data = data.blobs(20, classes=3, rng=7)[:examples]
        self.model = nn.Sequential(
            nn.Linear(2, 8, rng=rng), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3, rng=rng),
            nn.Linear(8, 3, rng=rng),
        )
        self.optimizer = optim.Nesterov(
            self.model.named_parameters(), lr=lr, momentum=0.9, weight_decay=1e-3
        )
        self.loader = data.Loader(self.data, batch_size=batch_size, transform=jitter, rng=seed + 1)
        self.schedule = {"lr": schedules.one_cycle(EPOCHS * len(self.loader), high=0.1)}
        self.history = train.History()

    def fit(self, **settings):
        settings = {"epochs": EPOCHS, "schedule": self.schedule, "progress": False} | settings
        return train.fit(
            self.model, F.cross_entropy, self.optimizer, self.loader, history=self.history,
            **settings,
        )

    def parts(self):
        return {
            "model": self.model, "optimizer": self.optimizer, "loader": self.loader,
            "history": self.history,
        }

    def everything(self):
        """All state as one flat dict of bytes and numbers, to be compared exactly."""
        flat = {}
        for name, part in self.parts().items():
            flatten(part.state_dict(), name, flat)
        flat["dropout"] = str(self.model[3].rng.bit_generator.state)
        return flat


def flatten(value, name, flat):
    if isinstance(value, dict):
        for key, item in value.items():
            flatten(item, f"{name}.{key}", flat)
    elif isinstance(value, np.ndarray):
        flat[name] = (value.dtype.str, value.shape, value.tobytes())
    else:
        flat[name] = value
