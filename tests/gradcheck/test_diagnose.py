"""The pattern rules GC-P1 to P16 on evidence made by hand, ranking, and what must not be claimed.

Each row multiplies, moves or cuts a right gradient and names the code and the number to be found.
"""

import inspect
import re

import numpy as np
import pytest

import gradcheck
from gradcheck.adapters import vjp_problem
from gradcheck.report import Evidence, Finding
from gradcheck.why import diagnose, probe
from tests.gradcheck.bank.ops import CATALOGUE
from tests.gradcheck.bank.score import report_of
from tests.gradcheck.bank2.bugs import BUGS


def evidence(op, wrong, name, *, square=False, exact=True, seed=2, m=5):
    """Evidence as the engine makes it; M is the right backward (exact) plus noise of 1e-11."""
    op, rng = CATALOGUE[op], np.random.default_rng(seed)
    inputs = op.inputs(rng, square)
    problem = vjp_problem(
        op.forward, lambda d, c: wrong(d, c, op.backward(d, c)), inputs, wrt=op.wrt
    )
    y, _ = problem.forward(dict(problem.inputs))
    D = [rng.standard_normal(y.shape) for _ in range(m)]
    table = {}
    for k in op.wrt:
        A = np.stack([problem.gradients(d)[k] for d in D])
        M = np.stack([op.backward(d, op.forward(**inputs)[1])[k] for d in D])
        noise = 1e-11 * np.abs(M).max()
        table[k] = A, M + noise * rng.standard_normal(M.shape), np.full(M.shape, noise)
    return Evidence(problem, name, D, *table[name], table, 1e-7)


def findings(*args, **options):
    return diagnose.diagnose(evidence(*args, **options))


def only(name, f):
    """Replace one gradient."""
    return lambda d, c, g: g | {name: f(d, c, g)}


ROWS = {  # rule: op, parameter, wrong gradient, code, evidence
    "GC-P1": ("affine", "b", lambda d, c, g: g["b"] / len(d), "scale", {"k": 1 / 3}),
    "GC-P1 sign": ("affine", "W", lambda d, c, g: -g["W"], "sign", {"k": -1}),
    "GC-P2": ("affine", "W", lambda d, c, g: 0 * g["W"], "zero", {}),
    "GC-P4 flip": ("conv", "w", lambda d, c, g: g["w"][:, :, ::-1, ::-1], "flipped", {}),
    "GC-P4 shift": ("conv", "x", lambda d, c, g: np.roll(g["x"], 1, 3), "shifted", {"shift": 1}),
    "GC-P4 F": ("flatten", "x", lambda d, c, g: d.reshape(c, order="F"), "reordered", {}),
    "GC-P4 sorted": (
        "affine",
        "x",
        lambda d, c, g: np.roll(g["x"].ravel(), 5).reshape(3, 4),
        "reordered",
        {},
    ),
    "GC-P5": ("batch_norm", "x", lambda d, c, g: g["x"] / c[2], "axis-factor", {"axis": 1}),
    "GC-P6": ("sigmoid", "x", lambda d, c, g: d * c[0] * (1 - c[0]), "local-derivative", {}),
    "GC-P7 zeroed": (
        "where",
        "a",
        lambda d, c, g: g["a"] * (np.arange(4) > 0),
        "zeroed",
        {"k": 1},
    ),
    "GC-P7 leak": ("relu", "x", lambda d, c, g: d * 1.0, "leak", {"k": 1}),
    "GC-P7 inverted": ("relu", "x", lambda d, c, g: d * (c[0] < 0), "mask-inverted", {}),
    "GC-P7 branch": (
        "elu",
        "x",
        lambda d, c, g: d * np.where(c[0] > 0, 1, c[1] + 1),
        "branch",
        {},
    ),
    "GC-P8": (
        "conv",
        "x",
        lambda d, c, g: CATALOGUE["conv"].backward(d, c, flip=True)["x"],
        "wrong-place",
        {},
    ),
    "GC-P8 axis": ("batch_norm", "beta", lambda d, c, g: 2 * d[:4].sum(1), "wrong-axis", {}),
    "GC-P10 mean": (
        "batch_norm",
        "x",
        lambda d, c, g: g["x"] + d.sum(0),
        "mean-term",
        {"axes": (0,)},
    ),
    "GC-P10 variance": (
        "batch_norm",
        "x",
        lambda d, c, g: CATALOGUE["batch_norm"].backward(d, c, variance=0.0)["x"],
        "variance-term",
        {"axes": (0,)},
    ),
    "GC-P10 L2": (
        "softmax_regression",
        "W",
        lambda d, c, g: g["W"] - d * c[4] * c[1],
        "extra-term",
        {"k": -0.3},
    ),
    "GC-P10 label": ("cross_entropy", "x", lambda d, c, g: d * c[0] / len(c[1]), "label-term", {}),
    "GC-P12 last": (
        "rnn",
        "x",
        lambda d, c, g: CATALOGUE["rnn"].backward(d, c, carry=0.0)["x"],
        "carry-lost",
        {"axis": 1},
    ),
    "GC-P12 index": (
        "embedding",
        "W",
        lambda d, c, g: last_wins(d, c),
        "repeated-index",
        {"axis": 0},
    ),
    "GC-P12 assign": (
        "conv",
        "x",
        lambda d, c, g: CATALOGUE["conv"].backward(d, c, add=False)["x"],
        "overlap-assign",
        {},
    ),
    "GC-P12 sample": ("affine", "W", lambda d, c, g: c[0][:1].T @ d[:1], "one-sample", {}),
    "GC-P15": (
        "gelu",
        "x",
        lambda d, c, g: g["x"] * (1 + 1e-3 * np.sin(9 * c[0] + d)),
        "small-plateau",
        {},
    ),
}


def last_wins(d, c):
    g = np.zeros(c[0])
    g[c[1]] = d
    return g


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_rule_names_its_mistake_and_the_fitted_number(row):
    op, name, wrong, code, numbers = row
    if code == "wrong-axis":
        wrong = lambda d, c, g: 2 * d.sum(1)
    found = findings(op, only(name, wrong), name, square=code == "wrong-axis")
    hits = [f for f in found[:2] if f.code == code]
    assert hits, [f.code for f in found]
    assert "consistent with" in hits[0].message and hits[0].hint and hits[0].evidence["rule"]
    for key, value in numbers.items():
        assert hits[0].evidence[key] == pytest.approx(value, rel=1e-6)


def test_p3_swapped_parameters_name_each_other():
    swap = lambda d, c, g: g | {"gamma": g["beta"], "beta": g["gamma"]}
    (found, *_) = findings("layer_norm", swap, "gamma")
    assert (found.code, found.evidence["other"]) == ("swapped", "beta")


def test_p9_invariances_are_measured_from_the_numeric_side():
    """Softmax without its coupling term: the numeric gradient sums to zero along axis 1."""
    f = diagnose.Facts(evidence("softmax", only("x", lambda d, y, g: d * y * (1 - y)), "x"))
    assert diagnose.terms.shift_invariance(f).evidence["axes"] == (1,)
    f = diagnose.Facts(evidence("unit_length", only("x", lambda d, c, g: d / c[1]), "x"))
    assert diagnose.terms.scale_invariance(f).code == "variance-term"
    f = diagnose.Facts(evidence("affine", only("x", lambda d, c, g: 2 * g["x"]), "x"))
    assert diagnose.terms.shift_invariance(f) is diagnose.terms.scale_invariance(f) is None


def test_p11_forward_map_needs_a_jacobian_that_is_not_symmetric():
    wrong = only("x", lambda d, c, g: d.cumsum(1))
    assert findings("cumsum", wrong, "x")[0].code == "forward-map"


def test_p13_right_with_one_example_points_at_the_batch():
    wrong = only("W", lambda d, c, g: c[0].mean(0)[:, None] * d.sum(0))
    found = findings("affine", wrong, "W")
    assert "batch-reduction" in [f.code for f in found]


def test_p13_a_wrong_hidden_derivative_is_a_column_factor_with_one_example():
    def forward(x, W, V):
        h = np.tanh(x @ W)
        return h @ V, (x, W, V, h)

    def backward(d, c):
        x, W, V, h = c
        dz = d @ V.T * (1 - h**4)
        return {"x": dz @ W.T, "W": x.T @ dz, "V": h.T @ d}

    rng = np.random.default_rng(0)
    shapes = {"x": (3, 4), "W": (4, 5), "V": (5, 6)}
    inputs = {k: rng.standard_normal(s) for k, s in shapes.items()}
    report = gradcheck.check_vjp(forward, backward, inputs)
    codes = [(f.code, f.param) for f in report.findings]
    assert ("local-derivative", "W") in codes[:2]


def test_p14_right_for_ones_only():
    wrong = only("W", lambda d, c, g: np.outer(c[0].sum(0), d.mean(0)) * 1.0)
    f = diagnose.Facts(evidence("affine", wrong, "W"))
    assert diagnose.jacobian.ones_upstream(f).code == "ones-upstream"


def test_p16_localisation_says_what_is_right():
    found = findings("attention", only("k", lambda d, c, g: np.sin(g["k"])), "k")
    (note,) = [f for f in found if f.code == "localisation"]
    assert note.severity == "note"
    assert note.evidence["wrong"] == ["k"] and note.evidence["right"] == ["q", "v"]
    assert "wrong-operand" in [f.code for f in found]


def test_a_factor_that_could_be_several_sizes_names_them_all():
    """Ambiguity (2.4): with equal sizes a factor 4 may be any of them, and the report says so."""
    (found, *_) = findings("affine", only("b", lambda d, c, g: g["b"] / len(d)), "b", square=True)
    assert found.evidence["k"] == pytest.approx(0.25)
    assert len(found.evidence["names"]) > 2 and "would tell these apart" in found.message


def test_two_rules_that_fit_are_both_named():
    found = findings("batch_norm", only("x", lambda d, c, g: g["x"] * (1 + 1e-3 * c[2])), "x")
    assert [f.code for f in found][:2] == ["axis-factor", "local-derivative"]
    assert "local-derivative" in found[0].evidence["fits as well"]


@pytest.mark.parametrize("name", CATALOGUE)
def test_nothing_is_claimed_of_a_right_gradient(name):
    for k in CATALOGUE[name].wrt:
        assert findings(name, lambda d, c, g: g, k) == []


def test_nothing_exact_is_claimed_of_noise():
    """A gradient wrong in no recognisable way gets no exact explanation."""
    rng = np.random.default_rng(0)
    mess = rng.standard_normal((12, 12))
    wrong = only("x", lambda d, c, g: (mess @ g["x"].ravel()).reshape(3, 4))
    codes = {f.code for f in findings("tanh", wrong, "x")}
    assert codes & {"scale", "transposed", "reordered", "axis-factor", "leak", "zero"} == set()


def test_every_code_has_a_line_in_the_table():
    """A code that is not in the table of `diagnose` cannot be used by a bank's author."""
    names = ["contributions", "hidden", "jacobian", "moved", "paths", "patterns", "places", "probe"]
    names += ["steps", "terms"]
    text = "".join(inspect.getsource(getattr(diagnose, n)) for n in names)
    used = set(re.findall(r'"GC-P\d+",\s+"([\w-]+)"', text))
    assert len(used) > 20
    assert used <= set(diagnose.__doc__.split())


def test_rank_puts_the_contract_first_and_specific_before_general():
    order = [
        Finding("c", "fail", "", "", {"rank": (3, 0)}),
        Finding("b", "fail", "", "", {"rank": (1, 2)}),
        Finding("a", "fail", "", ""),
    ]
    assert [f.code for f in diagnose.rank(order)] == ["a", "b", "c"]


# ------------------------------------------------------------------------------ probes


def affine(x, W):
    return x @ W, (x, W)


def probes(forward, backward, shapes=((3, 4), (4, 5))):
    rng = np.random.default_rng(0)
    inputs = dict(zip(("x", "W"), (rng.standard_normal(s) for s in shapes), strict=False))
    problem = vjp_problem(forward, backward, inputs)
    return [f.code for f in probe.run(problem, problem.inputs, rng)]


def squeezed(d, c):
    return {"x": np.squeeze(d @ c[1].T), "W": c[0].T @ d}


def raw_memory(d, c):
    """Reads the buffer of the upstream as if it were contiguous."""
    plain = np.lib.stride_tricks.as_strided(d, d.shape, (8 * d.shape[1], 8))
    return {"x": plain @ c[1].T, "W": c[0].T @ plain}


def three_only(d, c):
    return {
        "x": d @ c[1].T,
        "W": sum(np.outer(c[0][i], d[i]) for i in range(min(len(d), 3) - (len(d) < 3))),
    }


def naive_softmax(x):
    e = np.exp(x)
    y = e / e.sum(1, keepdims=True)
    return y, y


def softmax_back(d, y):
    return {"x": y * (d - (d * y).sum(1, keepdims=True))}


PROBES = {
    "batch 1": (affine, squeezed, "batch-1"),
    "batch size": (affine, three_only, "batch-size"),
    "layout": (affine, raw_memory, "non-contiguous"),
    "large scores": (naive_softmax, softmax_back, "overflow"),
}


@pytest.mark.parametrize("row", PROBES.values(), ids=PROBES)
def test_probe_finds_what_is_right_only_in_the_friendly_case(row):
    forward, backward, code = row
    shapes = ((3, 4),) if forward is naive_softmax else ((3, 4), (4, 5))
    assert code in probes(forward, backward, shapes)


def test_probe_findings_warn_and_do_not_fail():
    rng = np.random.default_rng(0)
    inputs = {"x": rng.standard_normal((3, 4)), "W": rng.standard_normal((4, 5))}
    report = gradcheck.check_vjp(affine, squeezed, inputs)
    assert report.status == "warn" and "batch-1" in [f.code for f in report.findings]


def test_right_functions_pass_every_probe():
    assert probes(affine, lambda d, c: {"x": d @ c[1].T, "W": c[0].T @ d}) == []


@pytest.mark.parametrize("scale", [1e-200, 1e-12, 1e12, 1e140])
def test_the_diagnosis_does_not_depend_on_the_scale(scale):
    rng = np.random.default_rng(0)
    inputs = {"x": rng.standard_normal((3, 4)), "W": rng.standard_normal((4, 5))}
    scaled = lambda x, W: (scale * (x @ W), (x, W))
    wrong = lambda d, c: {"x": scale * d @ c[1].T / 3, "W": c[0].T @ (scale * d)}
    found = [f for f in gradcheck.check_vjp(scaled, wrong, inputs).findings if f.severity == "fail"]
    assert [(f.code, f.param) for f in found] == [("scale", "x")]
    assert found[0].evidence["k"] == pytest.approx(1 / 3)


def test_the_reasons_of_a_large_problem_cost_little(monkeypatch):
    """What fails is measured first; where it is too large, its neighbours are not measured."""
    monkeypatch.setattr("gradcheck.evidence.MOST_NUMBERS", 50 * 700)
    rng = np.random.default_rng(0)
    x, w, b = rng.standard_normal((2, 30)), rng.standard_normal((30, 20)), rng.standard_normal(20)

    def calls(wrong, diagnose):
        def backward(d, cache):
            grads = {"x": d @ w.T, "w": x.T @ d, "b": d.sum(0)}
            return grads | {wrong: 2 * grads[wrong]}

        forward = lambda x, w, b: (x @ w + b, None)
        return gradcheck.check_vjp(forward, backward, {"x": x, "w": w, "b": b}, diagnose=diagnose)

    extra = {k: calls(k, True).nfev - calls(k, False).nfev for k in ("b", "w")}
    assert 2 * b.size <= extra["b"] <= 2 * 50 + 60
    assert extra["w"] <= 60
    assert "scale" in {f.code for f in calls("b", True).findings}


SECOND = {  # a bug of the second bank that the first rules missed: parameter, code, words
    "A4": ("x", "extra-term", "the path through A left out"),
    "C10": ("x", "border", "the outermost outputs along axis 2 send back too little"),
    "C12": ("x", "repeated-index", "more than once in a row"),
    "E8": ("b", "mask-inverted", "the gradient that a should get"),
    "I4": ("x", "forward-map", "in the direction of the forward"),
    "L1": ("x", "label-term", "one value at the label (t)"),
    "L13": ("s", "extra-term", "times the upstream"),
    "L16": ("x", "coupling-missing", "one number for each row times cache[0] (1 - cache[0])"),
    "R1": ("Wh", "overlap-assign", "steps that are not added up"),
    "R3": ("x", "carry-lost", "steps from the end of axis 1"),
    "R6": ("x", "carry-lost", "right for its own output, and wrong for later ones"),
    "R8": ("x", "leak", "contributions that should be zero"),
    "T8": ("W", "mask-inverted", "send nothing back"),
}


@pytest.mark.parametrize("scale", [1, 1e-6])
@pytest.mark.parametrize("square", [False, True])
@pytest.mark.parametrize("bug", SECOND)
def test_rule_by_place_and_path(bug, square, scale):
    """GC-P7, P10, P11, P12 on whole Jacobians; each names its mistake first or second."""
    param, code, words = SECOND[bug]
    planted = {b.id: b for b in BUGS}[bug]
    inputs = planted.op.inputs(np.random.default_rng([0, 7]), square)
    report = report_of(planted, inputs, scale, rng=0, probe=False)
    failing = [f for f in report.findings if f.severity == "fail"]
    hits = [f for f in failing[:2] if (f.code, f.param) == (code, param)]
    assert hits, failing
    assert words in hits[0].message.replace("the output[", "cache[") and hits[0].hint


def test_a_factor_that_any_wrong_gradient_has_is_no_reason():
    """Where an entry moves one output only, A / M never depends on the upstream (2.4): it is a
    reason only where the gradient of an entry depends on that entry alone."""
    rng = np.random.default_rng(0)
    mess = rng.standard_normal((3, 4))
    forward = lambda x: (np.exp(x).sum(1) ** 2, x)
    wrong = lambda d, x: {"x": 2 * (d * np.exp(x).sum(1))[:, None] * np.exp(x) * mess}
    report = gradcheck.check_vjp(forward, wrong, (rng.standard_normal((3, 4)),))
    codes = {f.code for f in report.findings if f.severity == "fail"}
    assert report.status == "fail" and "local-derivative" not in codes


def test_a_zero_initial_state_says_nothing_about_the_first_step():
    """GC-P12: at h0 = 0 the first step's dWh is zero whatever backward does."""
    planted = {b.id: b for b in BUGS}["R5"]
    for seed in (10, 18):
        inputs = planted.op.inputs(np.random.default_rng([seed, 7]), True)
        report = report_of(planted, inputs, 1, rng=seed, probe=False)
        assert not [f for f in report.findings if "what index 0 of axis" in f.message]


def test_a_reason_that_needs_a_closed_path_is_not_claimed_of_a_wrong_factor():
    rng = np.random.default_rng(0)
    shapes = {"x": (3, 4), "W": (4, 5), "A": (4, 2), "B": (2, 5)}
    inputs = {k: rng.standard_normal(s) for k, s in shapes.items()}
    forward = lambda x, W, A, B: (x @ W + (x @ A) @ B, (x, W, A, B))

    def backward(d, c):
        x, W, A, B = c
        dx = d @ W.T + 0.5 * (d @ B.T) @ A.T  # half of the path is not the path left out
        return {"x": dx, "W": x.T @ d, "A": x.T @ (d @ B.T), "B": (x @ A).T @ d}

    found = gradcheck.check_vjp(forward, backward, inputs).findings
    (term,) = [f.message for f in found if f.code == "extra-term"]
    assert "the path through A wrong" in term and "-0.5 times" in term
    assert "left out" not in term and "wrong-operand" in [f.code for f in found]
