"""The catalogue of course layers: input sets, formulas, dropout's two conventions, update rules."""

import copy

import numpy as np
import pytest

from gradcheck.files.catalogue import CATALOGUE
from gradcheck.files.compare import difference, matches
from gradcheck.files.dropout import dropout_complaint
from gradcheck.files.reference import FORMULAS
from gradcheck.files.rules import check_rule, trajectory
from gradcheck.files.updates import RULES

CASES = [(key, case) for key, spec in CATALOGUE.items() for case in spec.cases]
IDS = [f"{key}: {case.title}" for key, case in CASES]


def build(key, case, **form):
    return CATALOGUE[key].build(np.random.default_rng(0), **case.options, **form)


@pytest.mark.parametrize(("key", "case"), CASES, ids=IDS)
def test_every_case_builds_what_its_formula_takes(key, case):
    spec = CATALOGUE[key]
    for form in spec.forms:
        values = build(key, case, **form)
        assert set(values) == set(spec.args)
        assert set(spec.grads) <= set(values)
        if spec.formula:
            y = spec.formula(*(copy.deepcopy(values[a]) for a in spec.args))
            y = list(y.values()) if isinstance(y, dict) else y
            assert all(np.all(np.isfinite(part)) for part in (y if isinstance(y, tuple) else [y]))


def test_every_name_has_a_formula_and_a_main_case_first():
    assert set(CATALOGUE) - set(FORMULAS) == {"dropout"}
    assert set(FORMULAS) <= set(CATALOGUE)
    assert all(spec.cases[0].main for spec in CATALOGUE.values())


@pytest.mark.parametrize(
    ("words", "keys"),
    [
        ("batch 1", ["affine", "layernorm", "conv", "maxpool", "softmaxloss", "rnn", "lstmstep"]),
        ("T = 1", ["rnn", "lstm", "wordembedding", "temporalaffine", "temporalsoftmaxloss"]),
        ("pad 0", ["conv", "convrelu"]),
        ("pad 2", ["conv"]),
        ("stride 2", ["conv", "maxpool", "avgpool"]),
        ("overlapping", ["maxpool", "avgpool", "convrelupool"]),
        ("image 6 x 4", ["conv", "maxpool", "avgpool", "convrelupool"]),
        ("+ 1000", ["softmaxloss", "linearsoftmaxloss", "temporalsoftmaxloss"]),
        ("reg 0", ["linearsvmloss", "linearsoftmaxloss"]),
        ("test", ["batchnorm", "spatialbatchnorm", "dropout"]),
        ("eps", ["batchnorm", "layernorm", "spatialbatchnorm", "spatialgroupnorm"]),
    ],
)
def test_section_6_probes_are_there(words, keys):
    """GRADCHECK section 6: the probes that run by default."""
    for key in keys:
        assert any(words in case.title for case in CATALOGUE[key].cases), key


def test_every_word_is_named_and_one_of_them_twice(rng):
    """Else a fault in the row of one word shows on some seeds only."""
    for case in CATALOGUE["wordembedding"].cases:
        values = CATALOGUE["wordembedding"].build(rng, **case.options)
        counts = np.bincount(values["x"].ravel(), minlength=len(values["W"]))
        assert counts.max() > 1 and (counts.min() > 0 or not case.main)


def test_large_scores_move_only_the_scores():
    """Raising all scores of an example by one number changes no softmax loss."""
    for shift in 0.0, 1000.0:
        for key in "softmaxloss", "linearsoftmaxloss", "temporalsoftmaxloss":
            values = CATALOGUE[key].build(np.random.default_rng(0), shift=shift)
            y = CATALOGUE[key].formula(*values.values())
            y = list(y.values()) if isinstance(y, dict) else y
            if key != "linearsoftmaxloss":         # there the shift is a weight, and regularised
                assert np.all(np.asarray(y) < 10)


# formulas against something written differently


def test_convolution_formula_against_loops(rng):
    x, w, b = rng.normal(size=(2, 3, 5, 4)), rng.normal(size=(2, 3, 3, 2)), rng.normal(size=2)
    y = FORMULAS["conv"](x, w, b, {"pad": 1, "stride": 2})
    padded = np.zeros((2, 3, 7, 6))
    padded[:, :, 1:6, 1:5] = x
    for n, f, i, j in np.ndindex(*y.shape):
        window = padded[n, :, 2 * i : 2 * i + 3, 2 * j : 2 * j + 2]
        assert np.isclose(y[n, f, i, j], (window * w[f]).sum() + b[f])
    assert y.shape == (2, 2, 3, 3)


def test_losses_against_loops(rng):
    x, y = rng.normal(size=(4, 3)), np.array([0, 2, 1, 1])
    hinge = [max(0, x[i, j] - x[i, y[i]] + 1) for i in range(4) for j in range(3) if j != y[i]]
    assert np.isclose(FORMULAS["svmloss"](x, y), sum(hinge) / 4)
    chosen = [np.exp(x[i, y[i]]) / np.exp(x[i]).sum() for i in range(4)]
    assert np.isclose(FORMULAS["softmaxloss"](x, y), -np.log(chosen).mean())


@pytest.mark.oracle
def test_formulas_against_torch(rng):
    torch = pytest.importorskip("torch")
    F, t = torch.nn.functional, torch.tensor
    x, w, b = rng.normal(size=(2, 4, 6, 5)), rng.normal(size=(3, 4, 3, 2)), rng.normal(size=3)
    gamma, beta = rng.normal(size=4), rng.normal(size=4)
    pool = {"pool_height": 3, "pool_width": 2, "stride": 2}
    pairs = [
        (FORMULAS["conv"](x, w, b, {"pad": 1, "stride": 2}),
         F.conv2d(t(x), t(w), t(b), stride=2, padding=1)),
        (FORMULAS["maxpool"](x, pool), F.max_pool2d(t(x), (3, 2), 2)),
        (FORMULAS["avgpool"](x, pool), F.avg_pool2d(t(x), (3, 2), 2)),
        (FORMULAS["spatialbatchnorm"](x, gamma, beta, {"mode": "train"}),
         F.batch_norm(t(x), None, None, t(gamma), t(beta), True)),
        (FORMULAS["spatialgroupnorm"](x, gamma, beta, 2, {}),
         F.group_norm(t(x), 2, t(gamma), t(beta))),
        (FORMULAS["layernorm"](x[:, :, 0, 0], gamma, beta, {}),
         F.layer_norm(t(x[:, :, 0, 0]), (4,), t(gamma), t(beta))),
        (FORMULAS["svmloss"](b[None], np.array([1])) / 3,      # torch divides by C as well
         F.multi_margin_loss(t(b[None]), t([1]))),
        (FORMULAS["softmaxloss"](x[0, 0], np.arange(5)[[0, 1, 2, 3, 4, 0]]),
         F.cross_entropy(t(x[0, 0]), t([0, 1, 2, 3, 4, 0]))),
    ]  # fmt: skip
    for ours, theirs in pairs:
        assert matches(ours, theirs.numpy(), 1e-12)


@pytest.mark.oracle
def test_lstm_formula_against_torch(rng):
    torch = pytest.importorskip("torch")
    values = CATALOGUE["lstm"].build(np.random.default_rng(0), gates=4, T=4)
    Wx, Wh, b = (np.split(values[k], 4, axis=-1) for k in ("Wx", "Wh", "b"))
    cell = torch.nn.LSTM(4, 5, batch_first=True).double()
    order = [0, 1, 3, 2]                           # torch keeps its gates as i, f, g, o
    stack = lambda parts: torch.tensor(np.concatenate([parts[k] for k in order], -1).T)
    state = {"weight_ih_l0": stack(Wx), "weight_hh_l0": stack(Wh), "bias_ih_l0": stack(b),
             "bias_hh_l0": torch.zeros(20)}  # fmt: skip
    cell.load_state_dict(state)
    h0 = torch.tensor(values["h0"])[None]
    with torch.no_grad():
        theirs, _ = cell(torch.tensor(values["x"]), (h0, torch.zeros_like(h0)))
    assert matches(FORMULAS["lstm"](*values.values()), theirs.numpy(), 1e-12)


# differences in words


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda y: y[:2], "shape (2, 3), the formula gives (4, 3)"),
        (lambda y: y * 2, "2 times the formula"),
        (lambda y: y + 0.5, "the formula plus 0.5"),
        (lambda y: np.where(y == y.max(), np.nan, y), "1 of 12 entries are NaN"),
        (lambda y: np.where(y == y.max(), 0, y), "1 of 12 entries differ"),
        (lambda y: object(), "needs an array"),
    ],
)
def test_difference_names_what_is_wrong(rng, change, words):
    y = rng.normal(size=(4, 3))
    assert matches(y, y) and not (
        isinstance(change(y), np.ndarray) and matches(change(y), y)
    )
    assert words in difference(change(y), y)


# dropout


def dropout(keep=lambda p: p, scale=lambda p: 1 / p, test=lambda p: 1.0, noise=None):
    """A dropout forward from its parts, each a function of p."""
    noise = noise or (lambda rng, shape: rng.random(shape))

    def run(values):
        x, settings = values["x"], values["dropout_param"]
        p, rng = settings["p"], np.random.default_rng(settings["seed"])
        if settings["mode"] == "test":
            return x * test(p)
        return x * (noise(rng, x.shape) < keep(p)) * scale(p)

    return run


@pytest.mark.parametrize("case", CATALOGUE["dropout"].cases, ids=lambda case: case.title)
@pytest.mark.parametrize(
    ("parts", "docstring", "words"),
    [
        ({}, "", "probability to keep"),
        ({}, "We keep each neuron output with probability p.", "probability to keep"),
        ({}, "We drop each neuron output with probability p.", "docstring"),
        ({"keep": lambda p: 1 - p, "scale": lambda p: 1 / (1 - p)}, "", "probability to drop"),
        ({"keep": lambda p: 1 - p, "scale": lambda p: 1 / (1 - p)},
         "p: probability of keeping a neuron", "docstring"),
        ({"scale": lambda p: 1.0}, "", "needs"),
        ({"scale": lambda p: 1.0, "test": lambda p: p}, "", "scaled at test time"),
        ({"scale": lambda p: 1 / (1 - p)}, "", "needs"),
        ({"noise": lambda rng, shape: rng.standard_normal(shape)}, "", "neither p nor 1 - p"),
        ({"test": lambda p: p}, "", "needs"),
    ],
)  # fmt: skip
def test_dropout_conventions(case, parts, docstring, words):
    """Either meaning of p is right if scale, test mode and docstring agree with it."""
    run, values = dropout(**parts), build("dropout", case)
    complaint, convention = dropout_complaint(values, run(values), run, docstring)
    assert words in (complaint or convention)
    assert bool(complaint) != bool(convention and words in convention)


# rules


def rule_of(key, formula):
    """A course-style rule(w, dw, config) that follows a formula."""
    averages = RULES[key][2]

    def rule(w, dw, config=None):
        config = {**RULES[key][1], **(config or {})}
        state = config.setdefault("state", {n: config.get(n, np.zeros_like(w)) for n in averages})
        config["t"] = config.get("t", 0) + 1
        w = w + formula(config, state, config["t"], dw)
        return w, {**config, **{n: state[n] for n in averages}}

    return rule


@pytest.mark.parametrize("key", RULES)
def test_right_rules_pass(key, rng):
    outcomes = list(check_rule(rule_of(key, RULES[key][0]), key, rng))
    assert {o["kind"] for o in outcomes} == {"ok"}


@pytest.mark.parametrize(
    ("key", "mistake"), [(key, m) for key, rule in RULES.items() for m in rule[3]]
)
def test_named_mistakes_are_recognised(key, mistake, rng):
    """GRADCHECK section 6, update rules: t late, stuck or early, state not stored, eps inside."""
    outcomes = list(check_rule(rule_of(key, mistake), key, rng))
    wrong = [o for o in outcomes if o["kind"] == "forward" and o["main"]]
    assert wrong and mistake.__doc__ in wrong[0]["text"]


@pytest.mark.parametrize("key", RULES)
def test_a_rule_that_overwrites_the_gradient_is_unsafe(key, rng):
    right = rule_of(key, RULES[key][0])

    def rule(w, dw, config=None):
        result = right(w, dw, config)
        dw *= 0
        return result

    assert [o["case"] for o in check_rule(rule, key, rng) if o["kind"] != "ok"] == [
        "gradient left alone"
    ]


def test_an_empty_rule_is_not_implemented(rng):
    outcomes = list(check_rule(lambda w, dw, config: (None, config or {}), "sgd", rng))
    assert outcomes[0]["kind"] == "unimplemented"


@pytest.mark.oracle
@pytest.mark.parametrize(("key", "name", "options"), [
    ("sgd", "SGD", {}),
    ("rmsprop", "RMSprop", {"alpha": 0.9, "eps": 1e-8}),
    ("adagrad", "Adagrad", {"eps": 1e-8}),
    ("adam", "Adam", {"betas": (0.8, 0.95), "eps": 1e-8}),
])  # fmt: skip
def test_rules_against_torch(key, name, options, rng):
    torch = pytest.importorskip("torch")
    w, gradients = rng.normal(size=(4, 3)), rng.normal(size=(5, 4, 3))
    theta = torch.tensor(w, requires_grad=True)
    optimizer = getattr(torch.optim, name)([theta], lr=1e-2, **options)
    formula, settings, averages, _ = RULES[key]
    path = trajectory(formula, settings, averages, w, gradients)
    for ours, g in zip(path, gradients, strict=True):
        theta.grad = torch.tensor(g)
        optimizer.step()
        assert matches(ours, theta.detach().numpy(), 1e-12)
