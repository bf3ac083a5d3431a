"""Finding pairs, losses and rules by reading a file, without running it."""

import ast

import pytest

from gradcheck.files.blanks import is_template
from gradcheck.files.catalogue import lookup
from gradcheck.files.discover import discover, split, words
from gradcheck.files.source import SourceError


@pytest.fixture
def source(tmp_path):
    """discover() on a text."""

    def find(text):
        path = tmp_path / "layers.py"
        path.write_text(text)
        return discover(path)

    return find


def define(*heads):
    return "\n".join(f"def {head}:\n    return 1, 2" for head in heads)


@pytest.mark.parametrize(
    ("heads", "titles"),
    [
        (["relu_forward(x)", "relu_backward(d, c)"], ["relu_forward / relu_backward"]),
        (["reluForward(x)", "reluBackward(d, c)"], ["reluForward / reluBackward"]),
        (["forward_relu(x)", "backward_relu(d, c)"], ["forward_relu / backward_relu"]),
        (
            ["bn_forward(x)", "bn_backward(d, c)", "bn_backward_alt(d, c)"],
            ["bn_forward / bn_backward", "bn_forward / bn_backward_alt"],
        ),
        (
            ["conv_forward_fast(x)", "conv_forward_naive(x)", "conv_backward_naive(d, c)",
             "conv_backward_fast(d, c)"],
            ["conv_forward_fast / conv_backward_fast", "conv_forward_naive / conv_backward_naive"],
        ),
        (["rnn_step_forward(x)", "rnn_forward(x)", "rnn_step_backward(d, c)"],
         ["rnn_step_forward / rnn_step_backward", "rnn_forward"]),
        (["svm_loss(x, y)", "loss_of_nothing(x)"], ["svm_loss"]),
        (["adam(w, dw, config=None)", "sgd(w)"], ["adam"]),
        (["relu_backward(d, c)", "im2col(x)"], []),
    ],
)  # fmt: skip
def test_names_are_paired(source, heads, titles):
    assert [t.title for t in source(define(*heads)).targets] == titles


def test_definitions_under_if_and_try_are_found_and_the_last_one_wins(source):
    text = (
        "try:\n    import nothing\nexcept ImportError:\n    def relu_forward(x): return x, x\n"
        "if True:\n    def relu_backward(d, c): return d\n"
        "def relu_backward(dout, cache): return dout\n"
    )
    (target,) = source(text).targets
    assert (target.title, target.backward_arguments) == (
        "relu_forward / relu_backward", ("dout", "cache"),
    )  # fmt: skip


def test_a_file_that_fails_on_import_still_yields_names(source):
    text = "import does_not_exist\nraise SystemExit(3)\n" + define("relu_forward(x)")
    assert [t.name for t in source(text).targets] == ["relu"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("try:\n    f(x)\nexcept E, e:\n    print 'a'\n", "line 3: this is Python 2"),
        ("<<<<<<< HEAD\n", "line 1: a merge conflict mark"),
        ("def f(x:\n", "line 1: SyntaxError"),
        ("def f(x):\n\tif x:\n        y\n", "line 3"),
    ],
)
def test_unreadable_files_are_named_with_line_and_cause(source, text, message):
    with pytest.raises(SourceError, match=message):
        source(text)


def test_missing_and_binary_files(tmp_path):
    with pytest.raises(SourceError, match=r"nothing\.py: no such file$"):
        discover(tmp_path / "nothing.py")
    (tmp_path / "binary.py").write_bytes(b"\xff\xfe\x00x")
    with pytest.raises(SourceError, match="cannot be read as Python text"):
        discover(tmp_path / "binary.py")


def test_notebook_magics_do_not_stop_the_reading(source):
    assert source("%matplotlib inline\n!ls\n" + define("relu_forward(x)")).targets


def test_notes_name_old_names_and_classes(source):
    text = (
        "import numpy as np\nx = np.float(3)\ny = np.bool\nfor i in xrange(3): pass\n"
        "class Layer:\n    def forward(self): pass\n    def backward(self): pass\n"
    )
    notes = " | ".join(source(text).notes)
    assert "line 2: np.float was removed from NumPy; write float" in notes
    assert "line 4: xrange is Python 2; write range" in notes
    assert "class Layer has forward and backward methods" in notes
    assert "np.bool" not in notes                  # NumPy 2 has it again


def test_print_statements_of_python_2_are_left_out_and_named(source):
    text = (
        "def relu_forward(x):\n    print 'shape', x.shape\n    if 1: print x\n    print\n"
        "    return x, x\ndef relu_backward(d, c):\n    return d\n"
    )
    found = source(text)
    assert found.targets[0].title == "relu_forward / relu_backward"
    assert found.notes == ["line 2: print statements of Python 2 were left out; write print(...)"]


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("max_pool_forward_naive", ["max", "pool", "forward", "naive"]),
        ("maxPoolForward", ["max", "pool", "forward"]),
        ("LSTMStepForward", ["lstm", "step", "forward"]),
        ("conv_forward_im2col", ["conv", "forward", "im2col"]),
        ("conv2d_forward", ["conv2", "d", "forward"]),
    ],
)
def test_words(name, parts):
    assert words(name) == parts


def test_split_takes_variants_out():
    assert split("conv_backward_naive") == ("b", ("conv",), ("naive",))


@pytest.mark.parametrize(
    ("body", "blank"),
    [
        ("pass", True),
        ("'doc'\n    ...", True),
        ("dx, dw = None, None\n    return dx, dw", True),
        ("dW = np.zeros(W.shape)\n    loss = 0.0\n    loss += 1\n    return loss, dW", True),
        ("out = None\n    out = out.astype(float)\n    return out, x", True),
        ("dx = np.zeros_like(x)\n    dx[1] = 3\n    return dx", False),
        ("dx = np.zeros_like(x)\n    np.add.at(dx, 1, 2)\n    return dx", False),
        ("dx = np.zeros(3)\n    dx += 1\n    return dx", False),
        ("dx = None\n    dx = x + 1\n    return dx", False),
        ("raise NotImplementedError", False),
        ("return x + 1, None", False),
    ],
)
def test_blanks_are_told_from_work(body, blank):
    assert is_template(ast.parse(f"def f(x, W):\n    {body}").body[0]) == blank


@pytest.mark.parametrize(
    ("head", "known"),
    [
        ("affine_forward(x, w, b)", True),
        ("affine_forward(x, w, b, extra=None)", True),
        ("affine_forward(x)", False),
        ("conv_forward(A_prev, W, b, hparameters)", False),
        ("linear_forward(A, W, b)", False),
        ("linear_forward(x, w, b)", True),
        ("rnn_forward(x, a0, parameters)", False),
        ("unheard_of_forward(x)", False),
    ],
)
def test_other_conventions_are_left_alone(source, head, known):
    """A name is judged by the catalogue only if its arguments fit the convention too."""
    (target,) = source(define(head)).targets
    assert (lookup(target) is not None) == known


def test_losses_of_linear_classifiers_are_told_by_their_arguments(source):
    layers, linear = source(define("svm_loss(x, y)", "svm_loss_naive(W, X, y, reg)")).targets
    assert lookup(layers).grads == ("x",)
    assert lookup(linear).grads == ("W",)
