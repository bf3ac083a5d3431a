"""The doctor: it sees what a run does, changes nothing, and names the operation behind a NaN."""

import json

import numpy as np
import pytest

from minnet import cli, data, errors, nn, no_grad, optim, sanity, train
from minnet import functional as F
from minnet.sanity import Doctor
from tests.sanity.models import digits, plain
from tests.train.runs import Setup


def by_hand(model, loss_fn=F.cross_entropy, *, epochs=2, lr=0.1, opt=None, batches=None):
    opt = opt or optim.SGD(model.parameters(), lr=lr)
    for _ in range(epochs):
        for x, y in batches or data.Loader(digits(), batch_size=20, rng=0):
            loss = loss_fn(model(x), y)
            opt.zero_grad()
            loss.backward()
            opt.step()


def watched(run, every=10):
    doctor = Doctor(every)
    with doctor.watching():
        run()
    return doctor


@pytest.mark.parametrize("every", [1, 3, 10])
def test_watching_changes_no_bit(every):
    """Dropout, batch norm, momentum, schedule and augmentation go on as without a doctor."""
    alone, seen = Setup(), Setup()
    alone.fit()
    doctor = Doctor(every)
    seen.fit(monitors=[doctor])
    doctor.report()
    assert seen.everything() == alone.everything()


def test_a_run_is_recorded_as_it_happened():
    """C02, C08: the losses of fit; the ratio of SGD is lr |g| / |w|."""
    setup = Setup()
    opt = optim.SGD(setup.model.named_parameters(), lr=0.05)
    doctor = Doctor(1)
    history = train.fit(
        setup.model, F.cross_entropy, opt, setup.loader, epochs=2, monitors=[doctor],
        progress=False, val_data=setup.data,
    )
    record = doctor.recorder.finish()
    np.testing.assert_allclose(record.loss, history["loss"])
    assert [e.t for e in record.evaluations] == [7, 14]
    np.testing.assert_allclose([e.loss for e in record.evaluations], history["val_loss"], rtol=1e-5)
    assert [s.batch.loss for s in record.samples] == pytest.approx(record.loss, rel=1e-5)
    for w in (w for s in record.samples for w in s.weights if w.gradient > 1e-4 and w.norm):
        assert w.ratio == pytest.approx(0.05 * w.gradient / w.norm, rel=2e-3, abs=1e-7)
        assert w.slope == pytest.approx(-1, abs=1e-3)


def test_fit_and_a_loop_by_hand_are_seen_alike():
    runs = []
    for use_fit in (True, False):
        model, doctor = plain(), Doctor(5)
        opt, loader = optim.SGD(model.parameters(), lr=0.1), data.Loader(digits(), rng=0)
        if use_fit:
            train.fit(model, F.cross_entropy, opt, loader, epochs=3, monitors=[doctor],
                      progress=False)
        else:
            with doctor.watching():
                by_hand(model, epochs=3, opt=opt, batches=loader)
        runs.append(doctor.recorder.finish())
    assert runs[0].loss == runs[1].loss
    assert str(runs[0].samples) == str(runs[1].samples)


def test_parameters_moved_without_an_optimizer_are_steps_too():
    model = plain()

    def run():
        for x, y in list(data.Loader(digits(), batch_size=20, rng=0)) * 2:
            F.cross_entropy(model(x), y).backward()
            for p in model.parameters():
                p.data -= 0.1 * p.grad.data

    diagnosis = watched(run).report()
    assert diagnosis[0].kind == "missing_zero_grad"


def test_two_models_of_one_script_are_two_runs():
    def run():
        by_hand(plain())
        by_hand(nn.Sequential(*plain(1), nn.Softmax()))

    doctor = watched(run)
    assert len(doctor.recorder.past) == 1 and doctor.steps == 40
    assert doctor.report()[0].kind == "softmax_twice"


@pytest.mark.parametrize("every", [1, 50])
@pytest.mark.parametrize("step", [0, 12])
def test_the_operation_behind_a_nan_is_named(every, step):
    """C06: in the forward pass, on sampled steps and on others."""
    model, calls = plain(), []

    def spoil(h):
        calls.append(1)
        return F.log(h * 0 - 1) if len(calls) > step else h

    whole = nn.Sequential(model[0], nn.Lambda(spoil), model[1], model[2])
    with np.errstate(all="ignore"):
        found = watched(lambda: by_hand(whole), every).report()
    assert found[0].kind == "not_finite"
    assert f"log made the first NaN or Inf, in the forward pass of step {step}" in found[0].seen


def test_nan_in_backward_and_in_the_weights_are_told_apart():
    """C06."""
    root = nn.Sequential(*plain(), nn.Lambda(lambda s: F.sqrt(s * 0)))
    with np.errstate(all="ignore"):
        found = watched(lambda: by_hand(root)).report()
    assert "backward of sqrt" in next(f for f in found if f.kind == "not_finite").seen
    model = plain()

    def run():
        by_hand(model, epochs=1)
        model[0].weight.data = np.full((64, 32), np.nan, "float32")
        by_hand(model, epochs=1)

    with np.errstate(all="ignore"):
        seen = watched(run).report()[0].seen
    assert "weights 0.weight were no longer finite at step 10" in seen


def test_new_alarms_are_told_once_in_one_line():
    lines = []
    model = nn.Sequential(*plain(), nn.Softmax())
    train.fit(
        model, F.cross_entropy, optim.SGD(model.parameters(), lr=0.1),
        data.Loader(digits(), rng=0), epochs=3, progress=False,
        monitors=[Doctor(tell=lines.append)],
    )
    assert [line.split(":")[1].strip() for line in lines].count("softmax twice") == 1
    assert all("\n" not in line and len(line) < 260 for line in lines)


def test_a_report_reads_and_exports():
    diagnosis = watched(lambda: by_hand(nn.Sequential(*plain(), nn.Softmax()))).report()
    text = str(diagnosis)
    assert text.index("seen:") < text.index("why:") < text.index("try:")
    assert json.loads(json.dumps(diagnosis.to_dict()))[0]["kind"] == "softmax_twice"
    assert "healthy" in str(watched(lambda: by_hand(plain(), epochs=8)).report())
    assert str(sanity.Doctor().report()).startswith("No findings")


def test_evaluations_between_the_steps_are_not_training():
    model, (x, y) = plain(), digits()

    def run():
        for _ in range(3):
            by_hand(model, epochs=1)
            with no_grad():
                F.cross_entropy(model(x[:50]), y[:50])
            F.cross_entropy(model(x[50:90]), y[50:90])    # gradients recorded and never used

    record = watched(run).recorder.finish()
    assert record.steps == 30
    assert [e.n for e in record.evaluations] == [90, 90, 90]


# -------------------------------------------------------------------------------------------------
# minnet doctor SCRIPT.py

SCRIPT = """
import sys
from minnet import data, functional as F, nn, optim
model = nn.Sequential(nn.Linear(64, 10, rng=0){layers})
opt = optim.SGD(model.parameters(), lr=0.5)
for x, y in data.Loader(data.digits()[0][:500], batch_size=20, rng=0):
    loss = F.cross_entropy(model(x), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
print("arguments", sys.argv[1:], __name__)
{end}
"""


@pytest.mark.parametrize(
    ("layers", "end", "status", "words"),
    [
        ("", "", 0, "looks healthy"),
        (", nn.Softmax()", "", 1, "ERROR  softmax twice"),
        ("", "raise SystemExit(0)", 0, "looks healthy"),
        ("", "raise KeyError('mine')", 1, "looks healthy"),
    ],
)
def test_doctor_runs_a_script(layers, end, status, words, tmp_path, capsys):
    """By the command, unedited, with its own arguments."""
    script = tmp_path / "train.py"
    script.write_text(SCRIPT.format(layers=layers, end=end))
    found = tmp_path / "found.json"
    assert cli.main(["doctor", "--json", str(found), str(script), "--lr", "3"]) == status
    printed = capsys.readouterr()
    assert "arguments ['--lr', '3'] __main__" in printed.out
    assert words in printed.out and "25 steps seen" in printed.out
    assert ("KeyError: 'mine'" in printed.err) == ("KeyError" in end)
    assert isinstance(json.loads(found.read_text()), list)


def test_doctor_says_when_there_is_nothing_to_see(tmp_path, capsys):
    script = tmp_path / "nothing.py"
    script.write_text("print('hello')")
    assert cli.main(["doctor", str(script)]) == 0
    assert "nothing to judge" in capsys.readouterr().out
    assert cli.main(["doctor", str(tmp_path / "no.py")]) == 2
    assert "no.py" in capsys.readouterr().err


def test_a_nan_between_the_samples_of_fit_is_explained():
    """C06, C17: there the doctor does not observe; it looks when training stops."""
    x, y = digits()
    model = plain()
    lost = nn.Sequential(*model, nn.Lambda(lambda s: F.log(s * 0 - 1) if len(seen) > 7 else s))
    seen, doctor = [], Doctor(50)

    class Count(train.Monitor):
        def after_step(self, run):
            seen.append(run.t)

    opt = optim.SGD(lost.parameters(), lr=0.1)
    with np.errstate(all="ignore"), pytest.raises(errors.TrainingError):
        train.fit(lost, F.cross_entropy, opt, data.Loader((x, y), batch_size=10, rng=0), epochs=1,
                  monitors=[Count(), doctor], progress=False)
    found = doctor.report()[0]
    assert found.kind == "not_finite" and "log made the first NaN" in found.seen
    assert "step 8" in found.seen
