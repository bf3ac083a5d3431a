"""Each detector fires on a record with its planted fault, and is silent on a healthy one."""

import copy

import numpy as np
import pytest

from minnet.sanity import Finding, Record
from minnet.sanity.detectors import DETECTORS, detect
from minnet.sanity.finding import rank
from minnet.sanity.record import Batch, Evaluation, Sample, Units, Weights

STEPS = 100
LABELS = np.arange(40) % 10
CHANCE = float(np.log(10))


def falling(start=CHANCE, end=0.2):
    """A healthy curve with some noise, the same every time."""
    t = np.arange(STEPS)
    noise = 0.02 * np.sin(7.3 * t)
    return list((end + (start - end) * np.exp(-t / 15) + noise * end).astype(float))


def make(losses=None, **facts):
    """A healthy run of a network of two layers, sampled like a `Recorder` does."""
    losses = falling() if losses is None else losses
    record = Record(loss=list(losses), kind="cross_entropy", gradient=[1.0] * len(losses))
    for t in [*range(5), *range(10, len(losses), 10)]:
        batch = Batch(40, 0.3, 0.4, 2.0, target=LABELS, outputs=10, loss=losses[t], accuracy=0.95)
        weights = [
            Weights("0.weight", (64, 32), norm=25.0, change=0.05, fan_in=64),
            Weights("2.weight", (32, 10), norm=10.0, change=0.02, fan_in=32),
        ]
        units = [Units("relu 1", "relu", np.ones(32, bool), spread=0.3)]
        record.samples.append(Sample(t, batch, weights, units))
        record.rates.append({"lr": 0.1, "momentum": 0.9})
    record.evaluations = [
        Evaluation(t, 100, loss, 0.9, looked=100, mean=0.3, std=0.4)
        for t, loss in ((30, 0.8), (60, 0.5), (100, 0.4))
    ]
    names = {"0.weight", "2.weight"}
    record.facts = {"parameters": names, "reached": set(names), "owned": set(names)} | facts
    return record


def flat(loss=CHANCE):
    return [loss * (1 + 0.001 * np.sin(t)) for t in range(STEPS)]


def with_weights(losses=None, layer=slice(None), **changes):
    record = make(losses)
    for sample in record.samples:
        for w in sample.weights[layer]:
            vars(w).update(changes)
    return record


def with_units(op, losses=None, **changes):
    record = make(losses)
    for sample in record.samples:
        sample.units = [Units(f"{op} 1", op, np.ones(32, bool), spread=0.3)]
        vars(sample.units[0]).update(changes)
    return record


def with_batches(losses=None, kind="cross_entropy", **changes):
    record = make(losses)
    record.kind = kind
    for k, sample in enumerate(record.samples):
        values = {name: v(k) if callable(v) else v for name, v in changes.items()}
        vars(sample.batch).update(values)
    return record


def with_evaluations(losses=None, **changes):
    record = make(losses)
    for k, e in enumerate(record.evaluations):
        vars(e).update({name: v(k) if callable(v) else v for name, v in changes.items()})
    return record


def with_rates(losses=None, **changes):
    record = make(losses)
    for rates in record.rates:
        rates.update(changes)
    return record


def shrinking():
    record = with_weights(flat(), decay=5.0)
    for s in record.samples:
        for w in s.weights:
            w.norm *= 0.5 ** (s.t / 20)
    return record


def summed():
    """Each loss is 40 times the mean of its batch; the steps are long and learn nothing."""
    record = with_weights([40 * v for v in flat()], change=2.0)
    for s in record.samples:
        s.batch.loss = record.loss[s.t] / 40
    return record


def negated():
    record = make([-1.0 - 0.1 * t for t in range(STEPS)])
    for s in record.samples:
        s.batch.loss = 2.3 + 0.1 * s.t
    return record


def late_drop():
    return make([CHANCE] * 30 + falling()[:70])


def spiky():
    losses = falling(end=1.8)
    for t in (40, 55, 70):
        losses[t] = 30.0
    return make(losses)


def wide():
    record = make([20.0, *falling()[1:]])
    record.samples[0].weights[0].norm = 500.0
    return record


PLANTED = {                                        # detector: records in which it must fire
    "softmax_twice": [make(probabilities=(STEPS, "softmax"))],
    "missing_softmax": [make(no_softmax=(3, 7.0)), make(log_of_scores=(1, -2.0))],
    "wrong_axis": [make(over_examples="softmax"), make(mixes_examples="output 1 ...")],
    "broadcasting": [make(broadcast=(9, ((8, 1), (8,), (8, 8))))],
    "negated_loss": [negated()],
    "clipped_scores": [make(clipped_scores=(STEPS, ("relu", 0.4)))],
    "wrong_reduction": [summed()],
    "evaluation_in_training_mode": [with_evaluations(training=True)],
    "training_in_eval_mode": [make(trained_in_eval=STEPS)],
    "statistics_never_updated": [make(still_norms=2)],
    "uphill": [with_weights(flat(), slope=0.9)],
    "missing_zero_grad": [make(stale=STEPS - 1)],
    "not_in_optimizer": [make(owned={"2.weight"})],
    "unreached": [make(reached={"2.weight"})],
    "frozen": [make(frozen={"0.weight"}, random={"0.weight"})],
    "missing_step": [Record(loss=[CHANCE], facts={"unstepped": 60})],
    "learning_rate_too_low": [with_weights(flat(), change=1e-5)],
    "learning_rate_too_high": [
        with_weights(flat(), change=10.0),
        make([CHANCE, 50.0, 30.0] + flat()[3:]),
    ],
    "momentum_too_high": [with_rates(beta1=0.999, beta2=0.9), with_rates(flat(), momentum=0.999)],
    "weight_decay_overwhelms": [shrinking()],
    "constant_inputs": [with_batches(flat(), same=True)],
    "unnormalised_inputs": [
        with_batches(flat(), std=70.0, mean=80.0), with_batches(flat(), uneven=1e4),
        with_batches(flat(), std=1e-4, mean=0.0), with_batches(flat(), mean=100.0, std=1.0),
    ],
    "unnormalised_targets": [
        with_batches(flat(1e4), kind="squares", target=500.0 + LABELS, loss=1e4)
    ],
    "unshuffled": [with_batches(target=lambda k: np.full(40, k % 10))],
    "degenerate_labels": [with_batches(target=np.zeros(400)), with_batches(
        target=np.arange(400) % 2)],
    "broken_labels": [
        with_evaluations(accuracy=0.1, loss=4.0),
        make(flat(), neighbours=(0.1, 0.1, 0.02)),
    ],
    "leak": [with_evaluations(seen=30.0), with_evaluations(whole=100, looked=0, asked=True)],
    "evaluation_inputs_differ": [
        with_evaluations(mean=5.0, accuracy=0.6),
        with_evaluations(std=6.0, loss=1.5),
        with_evaluations(mean=0.5, accuracy=0.6),
    ],
    "needless_float64": [make(dtypes="inputs are float64, parameters float32, outputs float64")],
    "symmetric_units": [with_weights(flat(), alike=True), with_weights(flat(), constant=True)],
    "initial_weights_too_large": [wide()],
    "initial_weights_too_small": [with_weights(flat(), norm=0.01, change=1e-4)],
    "dead_relus": [with_units("relu", flat(), active=np.arange(32) < 3)],
    "saturated": [with_units("tanh", flat(), saturated=0.9)],
    "collapsed": [with_units("tanh", flat(), spread=1e-5)],
    "not_finite": [
        make([*falling()[:50], float("nan")]),
        make(nan={"t": 3, "op": "log", "where": "forward"}),
        make(nan={"t": 3, "op": "sqrt", "where": "backward"}),
    ],
    "diverged": [make([CHANCE * 1.1**t for t in range(STEPS)])],
    "plateau": [make(flat())],
    "oscillating": [make([CHANCE + 2 * (-1) ** t for t in range(STEPS)])],
    "spikes": [spiky()],
    "overfitting": [with_evaluations(accuracy=0.6), with_evaluations(
        accuracy=0.7, loss=lambda k: 0.5 + k)],
    "underfitting": [with_batches(flat(2.0), accuracy=0.3, loss=2.0)],
    "late_start": [late_drop()],
}


def deep(first, last):
    record = with_weights(flat(), gradient=1.0)
    for s in record.samples:
        middle = Weights("1.weight", (32, 32), norm=20.0, fan_in=32)
        s.weights.insert(1, middle)
        s.weights[0].gradient, s.weights[-1].gradient = first, last
    return record


def growing(factor):
    """Gradients at the inputs of four layers, the last layer first."""
    record = make(flat())
    for s in record.samples:
        s.signals = [1e-3, 1e-2, 1e-1, 1e-3 * factor]
    return record


def jumping():
    record = make(flat())
    record.gradient[2] = 1e5
    return record


PLANTED["underfitting"][0].facts |= {"memorises": False, "neighbours": (0.99, 0.1, 0.02)}
PLANTED["vanishing_gradients"] = [deep(1e-7, 1.0)]
PLANTED["exploding_gradients"] = [growing(1e4), jumping()]
CASES = [(kind, record) for kind, records in PLANTED.items() for record in records]


@pytest.mark.parametrize(("kind", "record"), CASES, ids=[kind for kind, _ in CASES])
def test_planted_faults_are_found(kind, record):
    """C03, C06, C07, C08, C10, C12, C13: the fault fires, with numbers, a reason and advice."""
    finding = DETECTORS[kind](record)
    assert isinstance(finding, Finding) and finding.kind == kind
    assert finding.alarm or kind in ("late_start", "overfitting", "needless_float64")
    assert any(c.isdigit() for c in finding.seen) or kind == "wrong_axis"
    assert finding.why.endswith(".") and finding.try_.endswith(".")
    assert "\n" not in finding.line() and len(finding.line()) < 260


def test_every_detector_has_a_planted_fault():
    assert set(PLANTED) == set(DETECTORS)


@pytest.mark.parametrize("kind", DETECTORS)
def test_detectors_are_silent_on_a_healthy_run_and_on_nothing(kind):
    """And they change nothing."""
    record = make()
    before = copy.deepcopy(record)
    assert DETECTORS[kind](record) is None
    assert record.facts == before.facts  # has sets, whose order is not that of their copies
    record.facts = before.facts = {}
    assert str(record) == str(before)
    assert DETECTORS[kind](Record()) is None


def test_shapes_of_the_loss_curve():
    """C03: on a quadratic with curvature 10, the rates .05, .15, .2 and .201."""
    def run(lr):
        w, losses = 1.0, []
        for _ in range(60):
            losses.append(5 * w**2)
            w -= lr * 10 * w
        return losses

    monotone, swinging, steady, growing = (np.array(run(lr)) for lr in (0.05, 0.15, 0.2, 0.201))
    assert (np.diff(monotone) < 0).all() and (np.diff(swinging) < 0).all()
    np.testing.assert_allclose(steady, 5, rtol=1e-9)
    assert (np.diff(growing) > 0).all()
    kinds = {lr: {f.kind for f in detect(Record(loss=run(lr)))} for lr in (0.05, 0.15, 0.25)}
    assert kinds[0.05] == kinds[0.15] == set()
    assert "diverged" in kinds[0.25]


def test_facts_come_before_causes_and_causes_before_symptoms():
    found = [Finding(k, level, e, "1", "w.", "t.") for k, level, e in (
        ("a", "warning", "symptom"), ("b", "note", "fact"), ("c", "error", "symptom"),
        ("d", "error", "fact"), ("e", "error", "cause"))]
    assert [f.kind for f in rank(found)] == ["d", "e", "c", "a", "b"]


def test_chance_is_that_of_the_seen_targets():
    """P11: entropy of 1:9 labels, C - 1, ln 2, variance."""
    record = with_batches(target=np.array([0] * 9 + [1.0] * 1))
    assert record.chance == pytest.approx(0.3250829733914482, abs=1e-12)
    record.kind = "binary"
    assert record.chance == pytest.approx(0.3250829733914482, abs=1e-12)
    record.kind = "hinge"
    assert record.chance == 9
    record.kind = "squares"
    assert record.chance == pytest.approx(0.09)
    assert make().chance == pytest.approx(CHANCE, abs=1e-12)


def test_thresholds_are_on_the_right_side():
    """Just inside is silent, just outside fires."""
    for change, fires in ((6e-4 * 25, False), (4e-4 * 25, True)):
        record = with_weights(flat(), layer=slice(0, 2), change=change, norm=25.0)
        assert (DETECTORS["learning_rate_too_low"](record) is not None) == fires
    for dead, fires in ((15, False), (17, True)):
        record = with_units("relu", flat(), active=np.arange(32) >= dead)
        assert (DETECTORS["dead_relus"](record) is not None) == fires
    for factor, fires in ((900, False), (1100, True)):
        found = DETECTORS["exploding_gradients"](growing(factor))
        assert (found is not None) == fires
    for share, fires in ((0.79, False), (0.81, True)):
        record = with_units("tanh", flat(), saturated=share)
        assert (DETECTORS["saturated"](record) is not None) == fires


# -------------------------------------------------------------------------------------------------
# What is no fault: each of these once raised an alarm


def quiet(kind, record):
    found = DETECTORS[kind](record)
    return found is None or not found.alarm


def series_in_order():
    """Values in the order of time, and learned."""
    return with_batches(falling(1.0, 0.02), kind="squares",
                        target=lambda k: np.full(40, float(k)), loss=0.02)


HARMLESS = {
    "frozen": [make(frozen={"0.weight"}), make(frozen={"0.weight"}, random={"0.weight"},
                                               owned={"2.weight"})],
    "leak": [with_evaluations(whole=100, looked=0), with_evaluations(seen=30.0, coarse=True)],
    "unshuffled": [series_in_order()],
    "weight_decay_overwhelms": [with_weights(falling(), decay=5.0), with_weights(
        flat(), decay=5.0)],
    "missing_step": [make(unstepped=16)],
    "dead_relus": [with_units("relu", flat(), active=np.arange(32) < 13)],
    "overfitting": [with_evaluations(accuracy=0.6), with_evaluations(
        accuracy=0.75, loss=lambda k: 0.5 + 0.1 * k)],
    "evaluation_inputs_differ": [with_evaluations(mean=5.0)],
    "spikes": [make([9.0 if t == 70 else loss for t, loss in enumerate(falling())]),
        make([-0.1 + (t == 50) for t in range(STEPS)])],
    "plateau": [make(flat(), neighbours=(0.22, 0.1, 0.02))],
    "exploding_gradients": [make([CHANCE * 1.1**t for t in range(STEPS)])],
}
HARMLESS["exploding_gradients"][0].gradient = [1.1 ** (8 * t) for t in range(STEPS)]


@pytest.mark.parametrize("kind", HARMLESS)
def test_what_looks_like_a_fault_and_is_none(kind):
    """Trained layers that are frozen, training accuracy, one-hot rows, time series, ..."""
    assert all(quiet(kind, record) for record in HARMLESS[kind])


@pytest.mark.parametrize(("record", "only"), [(growing(1e4), "-fold"), (jumping(), "the median")])
def test_exploding_gradients_name_only_what_is_too_large(record, only):
    seen = DETECTORS["exploding_gradients"](record).seen
    assert [words for words in ("-fold", "the median", "more weight") if words in seen] == [only]


def test_exchanged_betas_are_explained_where_adam_is():
    found = DETECTORS["momentum_too_high"](with_rates(beta1=0.999, beta2=0.9))
    assert "lesson 10, section 4" in found.try_ and "lesson 7" in found.lesson
    assert "lesson 10" not in DETECTORS["momentum_too_high"](with_rates(momentum=0.999)).try_


def test_of_models_trained_against_each_other_no_curve_is_read():
    record = make([CHANCE + 2 * (-1) ** t for t in range(STEPS)], alternating=True)
    assert detect(record) == []
    assert {f.kind for f in detect(make(alternating=True, stale=STEPS))} == {"missing_zero_grad"}
    assert [f.kind for f in detect(make(alternating=True, dtypes="."))] == ["needless_float64"]


@pytest.mark.parametrize(("kind", "words"), [("cross_entropy", "is 0.693"), ("", "is not known")])
def test_the_loss_of_guessing_is_a_number_or_not_known(kind, words):
    record = wide()
    record.kind = kind
    for sample in record.samples:
        sample.batch.target = np.arange(20.0) % 2
    seen = DETECTORS["initial_weights_too_large"](record).seen
    assert words in seen and "nan" not in seen
