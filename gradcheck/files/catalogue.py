"""How to call the layers that courses hand out: arguments, order of gradients, input sets.

A Spec holds what is conventional about a name; its cases are main ones, as in a course's own
tests (a fault there is a wrong function), and probes, on which functions break that are right in
the friendly case only (a fault there is a fragile function).
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from . import inputs
from .dropout import dropout_complaint
from .reference import FORMULAS, running_averages

__all__ = ["CATALOGUE", "Case", "FORM_NAMES", "REG", "Spec", "lookup"]

ALIASES = {
    "averagepool": "avgpool", "avgpooling": "avgpool", "averagepooling": "avgpool",
    "maxpooling": "maxpool", "convolution": "conv", "batchnormalization": "batchnorm",
    "layernormalization": "layernorm", "spatialbatchnormalization": "spatialbatchnorm",
    "hingeloss": "svmloss", "multiclasssvmloss": "svmloss", "embedding": "wordembedding",
    "affinebatchnormrelu": "affinebnrelu", "convbatchnormrelu": "convbnrelu",
    "fc": "affine", "linear": "affine", "dense": "affine", "fullyconnected": "affine",
}  # fmt: skip
NEEDS_NAMES = {"fc", "linear", "dense", "fullyconnected", "embedding", "convolution"}


@dataclass(frozen=True)
class Case:
    """One set of inputs: the options that build it, and what a failure on it suggests."""

    title: str
    options: dict = field(default_factory=dict)
    main: bool = False
    backward: bool = True
    hint: str = ""


@dataclass(frozen=True)
class Spec:
    """The conventions of one name.

    args: of the forward, in order.   grads: what the backward returns, in order.   build: random
    source and options -> values by argument name.   forms: equivalent layouts, tried in turn.
    state(*args): {key: [accepted values]} promised in the settings after a call.
    complaint: judges a forward that has no single formula.   outputs: arrays before the cache.
    key: the name in the catalogue, empty for inputs that were given.   unjudged: what could not be
    checked, and why.
    """

    args: tuple[str, ...]
    grads: tuple[str, ...]
    build: Callable
    cases: tuple[Case, ...]
    formula: Callable | None = None
    forms: tuple[dict, ...] = ({},)
    outputs: int = 1
    state: Callable | None = None
    complaint: Callable | None = None
    key: str = ""
    unjudged: str = ""


def lookup(target) -> Spec | None:
    """The Spec for a discovered target, or None if its name or its arguments are not known.

    >>> from .discover import Target
    >>> lookup(Target("affine", "affine", "pair", "f", "b", 1, ("x", "w", "b"), 3)).grads
    ('x', 'w', 'b')
    """
    key = ALIASES.get(target.key, target.key)
    if target.kind == "loss" and "linear" + key in CATALOGUE:
        first = target.arguments[0].lower()
        key = "linear" + key if target.required >= 4 or first in {"w", "theta"} else key
    spec = CATALOGUE.get(key)
    if spec is None or not target.required <= len(spec.args) <= len(target.arguments):
        return None
    names = tuple(name.lower() for name in target.arguments[: len(spec.args)])
    other_course = names[0] in {"a_prev", "aprev"}
    strangers = target.key in NEEDS_NAMES and names != tuple(a.lower() for a in spec.args)
    return None if other_course or strangers else spec


def main(title, backward=True, hint="", **options):
    """A case as in a course's own tests."""
    return Case(title, options, True, backward, hint)


def probe(title, hint="", backward=True, **options):
    """A case that the friendly tests leave out."""
    return Case(title, options, False, backward, hint)


# cases

CROP = "x[:, :, pad:-pad, pad:-pad] is empty when pad is 0"
ADD = "= where += is needed: gradients of overlapping windows add up"
SHIFT = "the maximum of each row is not taken out before exp"
SWAP = "height and width stand in each other's place"
ONE = "a squeeze, or an axis that is lost when its length is 1"

AFFINE = (
    main("several axes per example"),
    main("rows of features", shape=(4, 6), M=3),
    probe("batch 1", ONE, shape=(1, 6)),
    probe("one output", ONE, shape=(3, 4), M=1),
)
UNARY = (main("matrix"), main("images", shape=(2, 2, 3, 2)), probe("one row", ONE, shape=(1, 4)))
SQUASH = (*UNARY, probe("inputs of size 1000", "exp overflows", scale=1000.0, backward=False))
EPS = "eps is not taken from the settings, or stands in the wrong place"
BATCHNORM = (
    main("train", mode="train"),
    main("train, averages given", mode="train", stats=True, momentum=0.7),
    main("test", backward=False, mode="test", stats=True),
    probe("more features than examples", mode="train", shape=(4, 7)),
    probe("eps 0.1", EPS, mode="train", eps=0.1),
)
LAYERNORM = (
    main("fewer features than examples", param="ln_param"),
    main("more features than examples", param="ln_param", shape=(3, 7)),
    probe("batch 1", ONE, param="ln_param", shape=(1, 5)),
    probe("eps 0.1", EPS, param="ln_param", eps=0.1),
)
SPATIAL_BATCHNORM = (
    main("train", shape=(2, 3, 4, 5), mode="train"),
    main("test", backward=False, shape=(2, 3, 4, 5), mode="test", stats=True),
    probe("batch 1", ONE, shape=(1, 3, 4, 5), mode="train"),
    probe("one channel", ONE, shape=(2, 1, 4, 3), mode="train"),
    probe("eps 0.1", EPS, shape=(2, 3, 4, 5), mode="train", eps=0.1),
)
GROUPNORM = (
    main("two groups"),
    main("three groups", shape=(3, 6, 2, 4), G=3),
    probe("batch 1", ONE, shape=(1, 4, 3, 2)),
    probe("one group", ONE, G=1),
    probe("a group for each channel", G=4),
    probe("eps 0.1", EPS, eps=0.1),
)
CONV = (
    main("pad 1, stride 1"),
    probe("batch 1", ONE, N=1),
    probe("one filter", ONE, F=1),
    probe("one channel", ONE, C=1),
    probe("image 6 x 4", SWAP, image=(6, 4)),
    probe("filter 3 x 2", SWAP, kernel=(3, 2)),
    probe("pad 0", CROP, pad=0),
    probe("pad 2", "pad is hard-coded", pad=2),
    probe("stride 2", "stride is hard-coded or not used in the backward", stride=2),
    probe("pad 0, stride 2", CROP, pad=0, stride=2),
)
POOL = (
    main("2 x 2 windows, stride 2"),
    probe("batch 1", ONE, N=1),
    probe("one channel", ONE, C=1),
    probe("image 6 x 4", SWAP, image=(6, 4)),
    probe("windows 2 x 3", SWAP, image=(4, 6), window=(2, 3), stride=1),
    probe("overlapping windows, stride 1", ADD, stride=1),
    probe("overlapping windows, stride 2", ADD, image=(5, 5), window=(3, 3)),
    probe("all entries negative", "the maximum starts from 0", top=-0.5),
)
CONV_RELU = (
    main("pad 1, stride 1", image=(4, 4)),
    probe("batch 1", ONE, image=(4, 4), N=1),
    probe("image 5 x 3, stride 2", SWAP, image=(5, 3), stride=2),
    probe("pad 0", CROP, image=(4, 4), pad=0),
)
CONV_POOL = (
    main("pad 1, stride 1"),
    probe("batch 1", ONE, N=1),
    probe("image 6 x 4", SWAP, image=(6, 4)),
    probe("overlapping windows", ADD, pool_stride=1),
)
SCORES = (
    main("several examples"),
    main("more classes than examples", N=3, C=6),
    probe("batch 1", ONE, N=1),
)
ROW = "one maximum is taken out for all: each row needs its own"
LARGE = (
    probe("scores + 1000", SHIFT, shift=1000.0),
    probe("one example's scores + 1000", ROW, shift=1000.0, shifted=1),
)
REG = "the regulariser: its term in the loss and its gradient must fit each other"
LINEAR = (
    main("reg 0", reg=0.0),
    main("reg 0.1", hint=REG),
    main("reg 5", hint=REG, reg=5.0),
    probe("batch 1", ONE, N=1),
)
ROWS: tuple[dict, ...] = ({}, {"columns": True})
FORM_NAMES = {
    "columns": "one example a column",
    "last": "channels last: x is (N, H, W, C), w is (HH, WW, C, F)",
}
TEMPORAL_LOSS = (
    main("partial mask"),
    main("every step kept", keep=2.0),
    probe("T = 1", ONE, T=1),
    probe("batch 1", ONE, N=1),
    *LARGE,
)
STEP = (main("one step"), probe("batch 1", ONE, N=1), probe("one unit", ONE, H=1))
SEQUENCE = (
    main("three steps"),
    main("five steps", T=5, N=3, D=3, H=2),
    probe("T = 1", ONE, T=1),
    probe("batch 1", ONE, N=1),
)
EMBEDDING = (main("repeated words"), probe("T = 1", ONE, T=1), probe("batch 1", ONE, N=1))
DROPOUT = (
    main("train, p = 0.3"),
    main("train, p = 0.6", p=0.6),
    main("test", mode="test"),
)


def gated(cases):
    """The same cases with the four gates of an LSTM."""
    return tuple(
        Case(c.title, {**c.options, "gates": 4}, c.main, c.backward, c.hint) for c in cases
    )


XWB = ("x", "w", "b")
NORM = ("x", "gamma", "beta")
RNN = ("x", "h0", "Wx", "Wh", "b")
RNN_STEP = ("x", "prev_h", "Wx", "Wh", "b")
LSTM_STEP = ("x", "prev_h", "prev_c", "Wx", "Wh", "b")
LINEAR_ARGS = ("W", "X", "y", "reg")

TABLE = {
    "affine": Spec(XWB, XWB, inputs.affine, AFFINE),
    "relu": Spec(("x",), ("x",), inputs.unary, UNARY),
    "sigmoid": Spec(("x",), ("x",), inputs.unary, SQUASH),
    "tanh": Spec(("x",), ("x",), inputs.unary, SQUASH),
    "affinerelu": Spec(XWB, XWB, inputs.affine, AFFINE),
    "batchnorm": Spec((*NORM, "bn_param"), NORM, inputs.norm, BATCHNORM, state=running_averages),
    "layernorm": Spec((*NORM, "ln_param"), NORM, inputs.norm, LAYERNORM),
    "spatialbatchnorm": Spec(
        (*NORM, "bn_param"), NORM, inputs.norm, SPATIAL_BATCHNORM, state=running_averages
    ),
    "spatialgroupnorm": Spec(
        (*NORM, "G", "gn_param"), NORM, inputs.groupnorm, GROUPNORM, forms=({}, {"flat": True})
    ),
    "dropout": Spec(
        ("x", "dropout_param"), ("x",), inputs.dropout, DROPOUT, complaint=dropout_complaint
    ),
    "conv": Spec((*XWB, "conv_param"), XWB, inputs.conv, CONV, forms=({}, {"last": True})),
    "maxpool": Spec(("x", "pool_param"), ("x",), inputs.pool, POOL),
    "avgpool": Spec(("x", "pool_param"), ("x",), inputs.pool, POOL),
    "convrelu": Spec((*XWB, "conv_param"), XWB, inputs.conv, CONV_RELU),
    "convrelupool": Spec((*XWB, "conv_param", "pool_param"), XWB, inputs.conv_pool, CONV_POOL),
    "convbnrelu": Spec(
        (*XWB, "gamma", "beta", "conv_param", "bn_param"),
        (*XWB, "gamma", "beta"),
        inputs.conv_bn,
        CONV_RELU,
    ),
    "affinebnrelu": Spec(
        (*XWB, "gamma", "beta", "bn_param"), (*XWB, "gamma", "beta"), inputs.affine_bn,
        (main("rows of features", shape=(6, 4), M=3),),
    ),
    "svmloss": Spec(("x", "y"), ("x",), inputs.score, SCORES),
    "softmaxloss": Spec(("x", "y"), ("x",), inputs.score, (*SCORES, *LARGE)),
    "linearsvmloss": Spec(LINEAR_ARGS, ("W",), inputs.linear, LINEAR, forms=ROWS),
    "linearsoftmaxloss": Spec(LINEAR_ARGS, ("W",), inputs.linear, (*LINEAR, *LARGE), forms=ROWS),
    "temporalsoftmaxloss": Spec(("x", "y", "mask"), ("x",), inputs.temporal_loss, TEMPORAL_LOSS),
    "rnnstep": Spec(RNN_STEP, RNN_STEP, inputs.step, STEP),
    "rnn": Spec(RNN, RNN, inputs.sequence, SEQUENCE),
    "lstmstep": Spec(LSTM_STEP, LSTM_STEP, inputs.step, gated(STEP), outputs=2),
    "lstm": Spec(RNN, RNN, inputs.sequence, gated(SEQUENCE)),
    "wordembedding": Spec(("x", "W"), ("W",), inputs.embedding, EMBEDDING),
    "temporalaffine": Spec(
        XWB, XWB, inputs.temporal_affine,
        (main("three steps"), probe("T = 1", ONE, T=1), probe("batch 1", ONE, N=1)),
    ),
}  # fmt: skip

CATALOGUE = {
    key: replace(spec, key=key, formula=FORMULAS.get(key)) for key, spec in TABLE.items()
}
