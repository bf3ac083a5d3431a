"""The zoo of gradients: bugs are found, right layers are cleared, guessing earns little (A25)."""

import numpy as np
import pytest
from minnet_lessons.zoo.gradients import CAUSES, LAYERS, score, table
from minnet_lessons.zoo.gradients.key import KEY

import gradcheck

BROKEN = [name for name, cause in KEY.items() if cause != "right"]
RIGHT = [name for name, cause in KEY.items() if cause == "right"]

EVIDENCE = {  # cause: the finding by which a reader can tell it
    "averaged": "scale",
    "forward's leftovers": "shared-cache",
    "frozen": "normalisation-terms",
    "ignores g": "ignores-upstream",
    "no mask": "leak",
    "overwrites": "mutates-upstream",
    "path lost": "extra-term",
    "repeated": "repeated-index",
    "transposed": "wrong-operand",
    "wrong argument": "local-derivative",
}


def report(name, seed):
    layer = LAYERS[name]
    return gradcheck.check_vjp(layer.forward, layer.backward, layer.inputs(seed), rng=seed)


@pytest.mark.parametrize("name", BROKEN)
def test_each_planted_bug_is_found_with_evidence_of_its_cause(name):
    for seed in range(20):
        found = report(name, seed)
        assert found.status == "fail", seed
        assert EVIDENCE[KEY[name]] in {f.code for f in found.findings}, seed


@pytest.mark.parametrize("name", RIGHT)
def test_right_layers_pass(name):
    assert {report(name, seed).status for seed in range(20)} == {"pass"}


def test_ten_bugs_of_ten_causes_among_right_layers():
    assert len(BROKEN) == 10 and len(RIGHT) == 5
    causes = [KEY[name] for name in BROKEN]
    assert len(set(causes)) == 10 and set(causes) == set(EVIDENCE) < set(CAUSES)
    assert list(LAYERS) == sorted(LAYERS) and list(CAUSES)[1:] == sorted(list(CAUSES)[1:])


def test_neither_table_nor_code_tells_the_verdicts():
    told = table() + "".join(layer.code for layer in LAYERS.values())
    for cause, meaning in CAUSES.items():
        assert meaning not in told and f'"{cause}"' not in told
    assert "#" not in told and "bug" not in told


def test_the_score_is_whole_only_for_the_key():
    assert score(KEY).earned == 1
    for name in KEY:
        for cause in CAUSES:
            changed = score(KEY | {name: cause}).earned
            assert changed == 1 if cause == KEY[name] else changed < 1
        assert score({n: c for n, c in KEY.items() if n != name}).earned < 1


@pytest.mark.parametrize("cause", list(CAUSES))
def test_one_verdict_for_everything_earns_next_to_nothing(cause):
    assert score(dict.fromkeys(LAYERS, cause)).earned <= 0.06


def test_guessing_does_not_pay():
    """Random verdicts earn 10 % on average; the numbers by themselves, without causes, 40 %."""
    rng = np.random.default_rng(0)
    draw = lambda: {name: str(rng.choice(list(CAUSES))) for name in LAYERS}
    assert np.mean([score(draw()).earned for _ in range(500)]) < 0.1
    broken = {name: "sign" if name in BROKEN else "right" for name in LAYERS}
    assert score(broken).earned == 0.4


def test_verdicts_are_counted():
    counted = score({"affine": "averaged", "clip": "sign", "softmax": "sign", "relu": "right"})
    assert (counted.found, counted.named, counted.alarms, counted.cleared) == (2, 1, 1, 0)
    assert counted.open == len(LAYERS) - 4
    assert counted.earned == pytest.approx((0.4 + 0.4 + 0.6 - 0.8 - 4 * 0.1) / 10)
