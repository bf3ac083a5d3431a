"""Early clues in the series of a run, each with planted curves and with real ones."""

import numpy as np
import pytest

from minnet import data, errors, nn, optim, sanity, train
from minnet import functional as F
from minnet.sanity.detectors import DETECTORS
from minnet.sanity.lessons import LESSONS, lesson_of
from minnet.sanity.static import RULES


def history(loss, val=(), roughness=()):
    """Ten steps an epoch at each epoch's loss."""
    h = train.History()
    for k, value in enumerate(loss):
        for i in range(10):
            h.record("loss", value, x=k + (i + 1) / 10)
    for k, value in enumerate(val):
        h.record("val_loss", value, x=k + 1.0)
    for k, value in enumerate(roughness):
        h.record("roughness", value, x=float(k))
    return h


@pytest.mark.parametrize(
    ("loss", "val", "kinds"),
    [
        ([2.0, 1.0, 0.3], [2.0, 2.1, 2.6], ["overfitting"]),
        ([2.0, 1.0], [1.5, 1.9], ["overfitting"]),
        ([2.3, 2.29, 2.28], [2.31, 2.30, 2.30], ["underfitting"]),
        ([2.0, 1.0, 0.5], [2.0, 1.2, 0.7], []),              # both fall
        ([0.11, 0.105, 0.104], [0.12, 0.118, 0.118], []),    # flat and low
        ([2.0, 1.0, 0.5], [2.0, 1.2, 1.22], []),             # rises by less than the tolerance
        ([2.0, 1.0, 0.5, 0.2, 0.1], [2.0, 1.2, 1.0, 3.0, 4.0], []),  # only three epochs are read
        ([2.0], [2.0], []),
    ],
)
def test_the_first_epochs_tell(loss, val, kinds):
    """C13: validation rising while training falls; both flat and high; neither."""
    found = sanity.early_clues(history(loss, val), chance=2.3)
    assert [f.kind for f in found] == kinds
    assert all(f.alarm and any(c.isdigit() for c in f.seen) and f.lesson for f in found)


def test_early_clues_of_a_real_run():
    """C13: shuffled labels and a large network overfit from the first epochs on; digits do not."""
    rng = np.random.default_rng(0)
    (x, y), val = data.digits()[0][:100], data.digits()[1][:300]
    shuffled = rng.permutation(y)

    def run(y, lr):
        model = nn.Sequential(nn.Linear(64, 256, rng=1), nn.ReLU(), nn.Linear(256, 10, rng=2))
        often = np.tile(np.arange(100), 8)              # an epoch sees each example eight times
        loader = data.Loader((x[often], y[often]), batch_size=10, rng=0)
        return train.fit(model, F.cross_entropy, optim.Adam(model.parameters(), lr=lr), loader,
                         epochs=3, val_data=val, progress=False)

    assert [f.kind for f in sanity.early_clues(run(shuffled, 5e-3))] == ["overfitting"]
    assert [f.kind for f in sanity.early_clues(run(y, 1e-6))] == ["underfitting"]
    assert sanity.early_clues(run(y, 2e-3)) == []


@pytest.mark.parametrize(
    ("y", "tol", "part"),
    [
        ([5, 3, 1, 1.0, 1.01, 0.99, 1, 3, 5], 0.05, (2, 6)),
        ([5, 4, 3, 2, 1, 0], 0.5, None),
        ([1, 1, 1, 1], 0.1, (0, 3)),
        ([2, 1, 0, 1, 2], 0.3, None),        # a valley: the line through it is flat, it is not
        ([0, 0, 5, 5, 5, 9], 0.1, (2, 4)),
    ],
)
def test_the_flat_part_of_a_curve(y, tol, part):
    """C13: the longest window in which the curve moves by less than tol per unit of x."""
    assert sanity.flat_part(np.arange(len(y)), np.array(y), tol=tol) == part


def test_the_flat_part_is_the_longest_by_brute_force(rng):
    """C13: every window of a random walk, measured one by one."""
    x, y = np.cumsum(rng.uniform(0.5, 1.5, 40)), np.cumsum(rng.normal(0, 0.2, 40))
    flat = [
        (x[j] - x[i], (x[i], x[j]))
        for i in range(40) for j in range(i + 1, 40)
        if np.ptp(y[i : j + 1]) / (x[j] - x[i]) < 0.1
    ]  # fmt: skip
    assert sanity.flat_part(x, y, tol=0.1) == max(flat)[1]
    with pytest.raises(errors.ShapeError, match="one length"):
        sanity.flat_part(x, y[1:], tol=0.1)


def test_noisy_first_layer_features():
    """C12: fires for weights that stay as rough as noise, and lists the three causes."""
    def run(lr, alpha):
        model, gauge = nn.Linear(64, 10, rng=0), train.FirstLayer((8, 8))
        opt = optim.SGD(model.parameters(), lr=lr, weight_decay=alpha)
        loader = data.Loader(data.digits()[0][:1000], rng=0)
        return train.fit(model, F.cross_entropy, opt, loader, epochs=5, monitors=[gauge],
                         progress=False)

    noisy = sanity.noisy_features(run(1e-4, 0.0))
    text = f"{noisy.why} {noisy.try_}"
    for cause in ("not converged", "learning rate is wrong", "too little regularisation"):
        assert cause in text
    assert noisy.alarm and "white noise has 1.13" in noisy.seen
    assert sanity.noisy_features(run(0.5, 1e-2)) is None
    for last, fires in ((0.98, False), (1.0, True)):          # 0.9 of 1.1 is 0.99
        assert bool(sanity.noisy_features(history([1.0], roughness=[1.1, last]))) == fires


def test_every_finding_and_every_check_names_its_lesson():
    """One short line each, from one table without double entries."""
    model = nn.Sequential(nn.Linear(64, 16, rng=0), nn.ReLU(), nn.Linear(16, 10, rng=1))
    report = sanity.check(model, F.cross_entropy, data.digits()[0][:100])
    names = [*DETECTORS, *RULES, *(c.name for c in report.checks)]
    assert not [name for name in names if not lesson_of(name)]
    listed = [n for _, parts in LESSONS.values() for names in parts.values() for n in names]
    assert len(listed) == len(set(listed))
    failed = sanity.check(nn.Sequential(*model, nn.Softmax()), F.cross_entropy,
                          data.digits()[0][:100])
    assert "see lesson 5: Before you train, section 9" in str(failed)
    assert failed.to_dict()[0]["lesson"] == "lesson 5: Before you train, section 1"
