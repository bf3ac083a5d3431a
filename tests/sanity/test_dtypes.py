"""Float64 data in a float32 network is told, once, and what is float64 on purpose is not."""

import math

import numpy as np
import pytest

from minnet import data, nn, optim, sanity, train
from minnet import functional as F
from minnet.modes import observe
from minnet.sanity import Doctor
from minnet.train import MixedPrecision
from tests.sanity.models import digits, plain

X, Y = digits(60)
WIDE = X.astype("float64")
TOKENS = np.arange(240).reshape(60, 4) % 7


class Two(nn.Module):
    """Adds a second input to the first."""

    def __init__(self):
        self.layer = nn.Linear(64, 10, rng=0)

    def forward(self, x, shift):
        return self.layer(x + shift)


def scaled(number):
    first, *rest = plain()
    return nn.Sequential(first, nn.Lambda(lambda h: h * number), *rest)


def casting():
    return nn.Sequential(nn.Lambda(lambda x: x.astype("float32")), *plain())


def words():
    return nn.Sequential(nn.Embedding(7, 8, rng=0), nn.Flatten(), nn.Linear(32, 10, rng=0))


CASES = {  # name: (model, inputs, what is told; "" if nothing is wrong)
    "float64 data": (plain, [WIDE], "inputs are float64, parameters float32, outputs float64"),
    "a float64 number inside": (
        lambda: scaled(np.sqrt(2)), [X],
        "inputs are float32, parameters float32, outputs float64",
    ),
    "a second input": (
        Two, [X, np.ones(64)],
        "inputs are float32 and float64, parameters float32, outputs float64",
    ),
    "float32 data": (plain, [X], ""),
    "a Python number inside": (lambda: scaled(math.sqrt(2)), [X], ""),
    "tokens": (words, [TOKENS], ""),
    "float64 on purpose": (lambda: plain().astype("float64"), [WIDE], ""),
    "float64 weights": (lambda: plain().astype("float64"), [X], ""),
    "cast by the model": (casting, [WIDE], ""),
    "half precision": (lambda: plain().astype("float16"), [X], ""),
    "half inputs": (plain, [X.astype("float16")], ""),
    "two inputs": (Two, [X, np.ones(64, "float32")], ""),
}  # fmt: skip


def notes(model, inputs, *, wrap=lambda opt: opt, epochs=2):
    """The doctor's findings of dtypes, after a loop by hand."""
    opt, doctor = wrap(optim.SGD(model.parameters(), lr=0.01)), Doctor()
    with doctor.watching():
        for _ in range(epochs):
            for k in range(0, 60, 20):
                batch = [x[k : k + 20] if len(x) == 60 else x for x in inputs]
                loss = F.cross_entropy(model(*batch), Y[k : k + 20])
                opt.zero_grad()
                loss.backward()
                opt.step()
    return [f for f in doctor.report(exams=False) if f.kind == "needless_float64"]


@pytest.mark.parametrize("name", CASES)
def test_the_doctor_notes_float64_that_nobody_asked_for(name):
    """Once, with the dtypes, and no alarm."""
    make, inputs, told = CASES[name]
    found = notes(make(), inputs)
    assert [f.seen for f in found] == ([f"{told}."] if told else [])
    assert not any(f.alarm for f in found)


@pytest.mark.parametrize("name", [n for n, (_, inputs, _) in CASES.items() if len(inputs) == 1])
def test_the_check_warns_before_learning(name):
    """B12: and fails nothing."""
    make, (x,), told = CASES[name]
    check = sanity.check_dtypes(make(), (x, Y))
    assert check.verdict == ("warn" if told else "pass") and check.ok
    assert check.measured == told if told else "outputs" in check.measured


def test_the_report_has_it_and_is_still_good():
    report = sanity.check(plain(), F.cross_entropy, (WIDE, Y))
    warned = [c.name for c in report.checks if c.verdict == "warn"]
    assert report.ok and warned == ["no needless float64"]
    assert 'x.astype("float32")' in str(report)
    assert "x.astype(&quot;float32&quot;)" in report._repr_html_()
    good = sanity.check(plain(), F.cross_entropy, (X, Y))
    assert "astype" not in str(good) + good._repr_html_()


def test_the_check_leaves_the_model_as_it_was():
    """Modes, statistics and random numbers."""
    model = nn.Sequential(nn.Linear(64, 8, rng=0), nn.BatchNorm1d(8), nn.Dropout(0.5, rng=0))
    before, alike = model.state_dict(), nn.Dropout(0.5, rng=0)
    sanity.check_dtypes(model, (WIDE, Y))
    assert model.training and model[2].training
    assert all((a == before[n]).all() for n, a in model.state_dict().items())
    ones = np.ones((4, 8), "float32")
    assert (model[2](ones) == alike(ones)).all()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_mixed_precision_mixes_on_purpose(dtype):
    model = plain()
    mixed, doctor = MixedPrecision(optim.SGD(model.parameters(), lr=0.01), dtype=dtype), Doctor()
    loader = data.Loader((X, Y), batch_size=20, rng=0)
    train.fit(model, F.cross_entropy, mixed, loader, epochs=2, monitors=[doctor], progress=False)
    assert not [f for f in doctor.report() if f.kind == "needless_float64"]


@pytest.mark.parametrize(("x", "count"), [(X, 0), (WIDE, 1)])
def test_fit_is_noted_alike_and_two_models_once(x, count):
    doctor = Doctor()
    for seed in range(2):
        model = plain(seed)
        opt, loader = optim.SGD(model.parameters(), lr=0.1), data.Loader((x, Y), rng=0)
        train.fit(model, F.cross_entropy, opt, loader, epochs=2, monitors=[doctor], progress=False)
    kinds = [f.kind for f in doctor.report()]
    assert len(doctor.recorder.past) == 1 and kinds.count("needless_float64") == count


def test_a_gradient_check_in_a_watched_script_is_no_training():
    """It runs on a float64 copy."""
    doctor = Doctor()
    with observe(doctor.recorder):
        assert sanity.check_gradients(plain(), F.cross_entropy, (X[:3], Y[:3])).ok
    assert not [f for f in doctor.report() if f.kind == "needless_float64"]
