"""Healthy programs that look like faulty ones, each beside the fault that it resembles."""

import numpy as np
import pytest

from minnet import data, nn, no_grad, optim, train
from minnet import functional as F
from minnet.sanity import Doctor


def mlp(*sizes, rng):
    layers = [nn.Linear(n, m, rng=rng) for n, m in zip(sizes, sizes[1:], strict=False)]
    return nn.Sequential(*[part for layer in layers for part in (layer, nn.ReLU())][:-1])


def alarms(program, seed=0):
    doctor = Doctor()
    with doctor.watching():
        program(np.random.default_rng(seed))
    return [finding.kind for finding in doctor.report().alarms]


def steps(model, opt, batches, loss_fn):
    for x, y in batches:
        loss = loss_fn(model(x), y)
        opt.zero_grad()
        loss.backward()
        opt.step()


def images(rng, filters):
    """A denoiser whose last layer has so many filters, all equal if there are several."""
    x = data.digits(images=True)[0].x[:320]
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1, rng=rng), nn.SiLU(),
        nn.Conv2d(8, filters, 3, padding=1, rng=rng), nn.SiLU(),
        nn.Conv2d(filters, 1, 3, padding=1, rng=rng),
    )  # fmt: skip
    for p in model[2].parameters() if filters > 1 else ():
        p.data = np.full(p.shape, 0.05, "float32")
    for p in model[4].parameters() if filters > 1 else ():
        p.data = np.full(p.shape, 0.05, "float32")
    noisy = lambda x: x + 0.2 * rng.normal(size=x.shape).astype("float32")
    batches = [(noisy(b), b) for b, _ in list(data.Loader((x, x), batch_size=32, rng=rng)) * 5]
    steps(model, optim.Adam(model.parameters(), lr=5e-3), batches, F.mse)


def rows_of_ids(rng):
    """Pairs of 20 ids are equal by chance."""
    x = rng.integers(20, size=(1000, 2))
    y = np.float32(x[:, :1] - x[:, 1:]) / 6
    table = nn.Embedding(20, 4, rng=rng)
    model = nn.Sequential(table, nn.Flatten(), nn.Linear(8, 1, rng=rng))
    fit(model, F.mse, (x[:700], y[:700]), (x[700:], y[700:]), rng)


def copied_rows(rng):
    """Rows of numbers are not."""
    x = rng.normal(size=(500, 6)).astype("float32")
    y, rows = x[:, :1], 200 + rng.permutation(300)
    fit(mlp(6, 16, 1, rng=rng), F.mse, (x[:400], y[:400]), (x[rows], y[rows]), rng)


def fit(model, loss_fn, train_set, test_set, rng, **settings):
    opt = optim.Adam(model.parameters(), lr=1e-2)
    loader = data.Loader(train_set, batch_size=32, rng=rng)
    train.fit(model, loss_fn, opt, loader, val_data=data.Dataset(*test_set), epochs=8,
              progress=False, **settings)  # fmt: skip


def weighted(rng, *, sort):
    """One yes in twelve that counts ten times."""
    x = rng.normal(size=(960, 5)).astype("float32")
    y = np.float32(x[:, :1] + 0.4 * rng.normal(size=(960, 1)) > 1.5)
    order = np.argsort(y[:, 0], kind="stable") if sort else np.arange(960)
    batches = [(x[i], y[i]) for i in np.split(order, 30)] * 6
    model = mlp(5, 24, 1, rng=rng)
    loss_fn = lambda s, y: F.binary_cross_entropy_with_logits(s, y, pos_weight=10.0)
    loss_fn = F.binary_cross_entropy_with_logits if sort else loss_fn
    steps(model, optim.Adam(model.parameters(), lr=3e-3), batches, loss_fn)


def accumulated(rng, *, clear):
    """Twenty small batches for one step; or nineteen whose gradients are thrown away."""
    train_set = data.digits()[0][:400]
    model = mlp(64, 32, 10, rng=rng)
    opt = optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(15):
        opt.zero_grad()
        for x, y in data.Loader(train_set, batch_size=20, rng=rng):
            if clear:
                opt.zero_grad()
            (F.cross_entropy(model(x), y) / 20).backward()
        opt.step()


def action_values(rng, *, likelihood):
    """Entries of a model's output are values of actions, or taken for log-probabilities."""
    model = mlp(4, 32, 3, rng=rng)
    opt = optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(150):
        x, a = rng.normal(size=(32, 4)).astype("float32"), rng.integers(3, size=32)
        picked = model(x)[np.arange(32), a]
        loss = -picked.mean() if likelihood else F.huber(picked, x[np.arange(32), a])
        opt.zero_grad()
        loss.backward()
        opt.step()


def averaged(rng, *, buffers):
    """A copy with averaged weights, with or without the statistics of its batch norm."""
    (x, y), make = data.digits()[0][:320], lambda: nn.Sequential(
        nn.Linear(64, 32, rng=rng), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 10, rng=rng)
    )
    model, twin = make(), make()
    opt = optim.Adam(model.parameters(), lr=5e-3)
    steps(model, opt, list(data.Loader((x, y), batch_size=32, rng=rng)) * 6, F.cross_entropy)
    if buffers:
        twin.load_state_dict(model.state_dict())
    for p, q in zip(twin.parameters(), model.parameters(), strict=True):
        p.data = q.data.copy()
    twin.eval()
    with no_grad():
        F.cross_entropy(twin(data.digits()[1].x[:100]), data.digits()[1].y[:100])


def staged(rng):
    """A body learns one task, then another with a new head."""
    x, y = data.digits()[0][:480]
    body, first, head = mlp(64, 48, 24, rng=rng), mlp(24, 1, rng=rng), mlp(24, 10, rng=rng)
    for last, loss_fn, target in ((first, F.mse, x[:, :32].mean(1, keepdims=True)),
                                  (head, F.cross_entropy, y)):  # fmt: skip
        model = nn.Sequential(body, nn.ELU(), last)
        opt = optim.Adam(model.parameters(), lr=3e-3)
        steps(model, opt, list(data.Loader((x, target), batch_size=32, rng=rng)) * 8, loss_fn)


def softened(rng, *, raw):
    """Kullback-Leibler divergence from soft targets, of raw scores or of log-probabilities."""
    x, y = data.digits()[0][:320]
    soft = np.float32(0.9 * np.eye(10)[y] + 0.01)
    loss_fn = F.kl_div if raw else lambda s, p: F.kl_div(F.log_softmax(s), p)
    model = mlp(64, 32, 10, rng=rng)
    opt = optim.Adam(model.parameters(), lr=3e-3)
    steps(model, opt, list(data.Loader((x, soft), batch_size=32, rng=rng)) * 6, loss_fn)


PAIRS = [
    ("symmetric_units", lambda rng: images(rng, 1), lambda rng: images(rng, 6)),
    ("leak", rows_of_ids, copied_rows),
    ("unshuffled", lambda rng: weighted(rng, sort=False), lambda rng: weighted(rng, sort=True)),
    ("missing_step", lambda rng: accumulated(rng, clear=False),
     lambda rng: accumulated(rng, clear=True)),
    ("missing_softmax", lambda rng: action_values(rng, likelihood=False),
     lambda rng: action_values(rng, likelihood=True)),
    ("missing_softmax", lambda rng: softened(rng, raw=False), lambda rng: softened(rng, raw=True)),
    ("statistics_never_updated", lambda rng: averaged(rng, buffers=True),
     lambda rng: averaged(rng, buffers=False)),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "healthy", "faulty"), PAIRS)
def test_the_fault_is_named_and_its_lookalike_is_not(kind, healthy, faulty):
    """C03, C10."""
    assert alarms(healthy) == []
    assert kind in alarms(faulty)[:2]


def test_a_new_head_on_an_old_body_begins_a_new_run():
    assert alarms(staged) == []
