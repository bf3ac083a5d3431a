"""What the doctor copies of a sampled step, when it measures that, and which steps it samples."""

import numpy as np
import pytest

from minnet import data, nn, optim, train
from minnet import functional as F
from minnet.modes import listeners, observe
from minnet.sanity import Doctor, waiting
from minnet.sanity.waiting import due_steps
from minnet.train import rows
from tests.sanity.models import digits, plain


def loop(model, optimizers, *, edit=lambda p: None, act=lambda t: None, steps=4, every=1):
    """A loop by hand; returns the record, and for each step {parameter: (w, g, w after)}."""
    doctor, seen = Doctor(every), []
    names = dict(model.named_parameters())
    with doctor.watching():
        for x, y in list(data.Loader(digits(), batch_size=20, rng=0))[:steps]:
            for opt in optimizers:
                opt.zero_grad()
            F.cross_entropy(model(x), y).backward()
            old = {n: (p.data.copy(), p.grad.data.copy()) for n, p in names.items()}
            for p in names.values():
                edit(p)
            for opt in optimizers:
                opt.step()
                act(opt)
            seen.append({n: (*old[n], p.data.copy()) for n, p in names.items()})
    return doctor.recorder.finish(), seen


@pytest.fixture(params=[waiting.LARGE, 0], ids=["measured later", "measured at once"])
def large(request, monkeypatch):
    """What is large is measured at once, and the memory of its row is used again."""
    monkeypatch.setattr(waiting, "LARGE", request.param)
    monkeypatch.setattr(rows, "LARGE", 0)


@pytest.mark.parametrize("alphas", [(0.25, 0.5), (0.25, 0.25)])
@pytest.mark.parametrize("act", [lambda opt: None, lambda opt: opt.zero_grad()])
def test_each_parameter_is_measured_around_the_step_of_its_own_optimizer(large, act, alphas):
    """C08: |w|, |g|, |change|, decay and slope, with two optimizers that step one after the other.

    act: after its step an optimizer clears its gradients, or not.
    """
    model = plain()
    optimizers = [
        optim.SGD(model[0].parameters(), lr=0.1, weight_decay=alphas[0]),
        optim.Adam(model[2].parameters(), lr=0.01, weight_decay=alphas[1]),
    ]
    record, seen = loop(model, optimizers, act=act)
    for sample, step in zip(record.samples, seen, strict=True):
        assert [u.name for u in sample.units] == ["relu 1"]
        assert [w.name for w in sample.weights] == list(step)
        for w in sample.weights:
            before, g, after = step[w.name]
            change = after - before
            expected = [np.linalg.norm(a) for a in (before, g, change)]
            np.testing.assert_allclose([w.norm, w.gradient, w.change], expected, rtol=1e-5)
            slope = (change * g).sum() / expected[1] / expected[2]
            assert w.slope == pytest.approx(slope, abs=1e-5)
            assert w.decay == pytest.approx(alphas[w.name[0] == "2"] * w.norm)
            assert w.shape == before.shape and w.agreement == pytest.approx(1, abs=1e-5)
    total = [np.sqrt(sum((g**2).sum() for _, g, _ in step.values())) for step in seen]
    np.testing.assert_allclose(record.gradient, total, rtol=1e-5)


def test_the_gradient_of_backward_stands_in_for_one_that_was_cleared(large):
    """Here before the step of an optimizer that does not have the parameter."""
    model = plain()

    def clear(p):
        p.grad = None if p.shape[-1] == 10 else p.grad

    record, _ = loop(model, [optim.SGD(model[0].parameters(), lr=0.1)], edit=clear)
    weights = [w for s in record.samples for w in s.weights]
    assert {w.name for w in weights if w.change == 0} == {"2.weight", "2.bias"}
    assert [w.agreement for w in weights] == pytest.approx([1] * len(weights))


def test_jobs_are_done_in_their_order():
    """A large one, done at once, comes after the small ones that wait, and counts what waits."""
    order, jobs = [], waiting.Waiting()
    small, big = np.zeros(3), np.zeros(waiting.LARGE + 1)
    note = lambda arrays, name: order.append((name, arrays[0] is big))
    assert not jobs.later(note, [small], "small")
    assert order == [] and jobs.later(note, [big], "big")
    jobs.then(note, [small], "after")
    jobs.measure()
    assert order == [("small", False), ("big", True), ("after", False)]


def flip(p):
    p.grad.data *= -1


def flip_in_place(p):
    np.negative(p.grad.data, out=p.grad.data)


@pytest.mark.parametrize("edit", [flip, flip_in_place])
def test_gradients_that_were_changed_before_the_step_disagree(large, edit):
    """Also when nobody is told of it: the gradient of backward was copied."""
    model = plain()
    record, _ = loop(model, [optim.SGD(model.parameters(), lr=0.1)], edit=edit)
    found = [(w.agreement, w.slope) for s in record.samples for w in s.weights]
    np.testing.assert_allclose(found, [(-1, 1)] * len(found), atol=1e-5)


def test_what_is_overwritten_after_the_step_was_copied():
    """The batch, the activations, the weights and the gradients, all reused by the loop."""
    records = []
    for overwrite in (False, True):
        model, doctor = plain(), Doctor(1)
        opt = optim.SGD(model.parameters(), lr=0.1)
        with doctor.watching():
            for x, y in data.Loader(digits(), batch_size=20, rng=0):
                h = model[1](model[0](x))
                F.cross_entropy(model(x), y).backward()
                opt.step()
                if overwrite:
                    for a in (x, h.data, *(p.grad.data for p in model.parameters())):
                        a[...] = -7
                opt.zero_grad()
        records.append(str(doctor.recorder.finish().samples))
    assert records[0] == records[1]


@pytest.mark.parametrize("size", [8, 20])
def test_measured_at_once_or_later_is_the_same(monkeypatch, size):
    def run():
        model, doctor = plain(), Doctor(3)
        loader = data.Loader(digits(), batch_size=size, rng=0)
        train.fit(
            model, F.cross_entropy, optim.Adam(model.parameters(), lr=0.01), loader, epochs=3,
            monitors=[doctor], val_data=digits(50), progress=False,
        )
        return str(vars(doctor.recorder.finish()) | {"facts": 0})

    later = run()
    monkeypatch.setattr(waiting, "LARGE", 0)
    assert run() == later


def test_a_new_optimizer_and_a_thawed_layer_are_noticed():
    """Who owns what is looked up again when something of it has changed."""
    model, doctor = plain(), Doctor(1)
    for p in model[0].parameters():
        p.requires_grad = False
    opt = optim.SGD(model.parameters(), lr=0.1)
    with doctor.watching():
        for k, (x, y) in enumerate(data.Loader(digits(), batch_size=20, rng=0)):
            if k == 7:
                opt.groups[0]["weight_decay"] = 0.25
            if k == 8:
                model[0].weight.requires_grad = True
            opt.zero_grad()
            F.cross_entropy(model(x), y).backward()
            opt.step()
    record = doctor.recorder.finish()
    names = [[w.name for w in s.weights] for s in record.samples]
    assert names[7] == ["2.weight", "2.bias"] and names[8] == ["0.weight", "2.weight", "2.bias"]
    assert record.facts["frozen"] == {"0.bias"}
    decays = [w.decay / w.norm for s in record.samples for w in s.weights if w.name == "2.weight"]
    assert decays == pytest.approx([0] * 7 + [0.25] * 3)


def test_an_optimizer_that_gets_more_parameters_has_them():
    """Also a new one whose id is that of one that is gone."""
    model, doctor = plain(), Doctor(1)
    opt = optim.SGD(model[0].parameters(), lr=0.1)
    with doctor.watching():
        for k, (x, y) in enumerate(data.Loader(digits(), batch_size=20, rng=0)):
            if k == 7:
                opt.__init__(model.parameters(), lr=0.1)
            model.zero_grad()
            F.cross_entropy(model(x), y).backward()
            opt.step()
    record = doctor.recorder.finish()
    assert record.facts["owned"] == {"0.weight", "0.bias", "2.weight", "2.bias"}


@pytest.mark.parametrize("every", [1, 2, 7, 10, 100])
def test_one_step_in_each_stretch_is_sampled(every):
    """C17: the first five, then exactly one in each ``every`` steps, at moving places."""
    due = [t for t, _ in zip(due_steps(every), range(60), strict=False)]
    assert due[:5] == [0, 1, 2, 3, 4] and due == sorted(set(due))
    stretches = [t // every for t in due[5:]]
    assert stretches == [*range(stretches[0], stretches[0] + len(stretches))]
    assert every < 7 or len({t % every for t in due[5:]}) > 4


@pytest.mark.parametrize("every", [1, 3, 10])
def test_losses_between_the_samples_are_those_of_the_history(every):
    """C02: also of a run that is continued, and in a second run of the same doctor."""
    model, doctor, history = plain(), Doctor(every), train.History()
    opt, loader = optim.SGD(model.parameters(), lr=0.1), data.Loader(digits(), rng=0)
    watched = []
    for epochs, monitors in ((1, []), (3, [doctor]), (7, [doctor])):
        done = history.steps
        train.fit(model, F.cross_entropy, opt, loader, epochs=epochs, history=history,
                  monitors=monitors, progress=False)
        watched += history["loss"][done:].tolist() if monitors else []
    record = doctor.recorder.finish()
    assert record.loss == watched and len(watched) == 6 * len(loader)
    assert [s.t for s in record.samples] == [
        t for t, _ in zip(due_steps(every), record.samples, strict=False)
    ]


def test_only_observers_that_listen_are_told():
    class Deaf:
        on_gradient = None

    class Listens:
        def on_gradient(self, op, name, d):
            heard.append(name)

    heard: list[str] = []
    model = nn.Linear(3, 2, rng=0)
    with observe(Deaf()), observe(object()), observe(Listens()):
        assert len(listeners("on_gradient")) == 1
        model(np.ones((4, 3), "float32")).sum().backward()
    assert heard and listeners("on_gradient") == []
