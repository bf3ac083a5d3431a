"""Planted bugs: each is an op of `ops` with one thing in its backward changed.

plant(id, op, causes, name=function) replaces gradients: function(d, cache, g), g the right ones.
plant(id, op, causes, whole=function) replaces the backward; forward= a variant of the forward.
causes: codes of `gradcheck.why.diagnose` or `gradcheck.why.contract` that name the mistake.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from . import ops
from .ops import CATALOGUE, Op, onehot, sigma, soft, spread

BUGS: list["Bug"] = []


@dataclass(frozen=True)
class Bug:
    """A wrong backward for an op.   contract: the numbers of a first call may be right."""

    id: str
    op: Op
    causes: frozenset
    backward: Callable
    forward: Callable
    contract: bool = False

    def make(self):
        """(forward, backward): fresh, for bugs that keep state."""
        made = self.backward() if self.contract else self.backward
        return made if isinstance(made, tuple) else (self.forward, made)


def plant(id, op, causes, whole=None, forward=None, contract=False, **changed):
    """Enter a bug."""
    right = CATALOGUE[op]

    def backward(d, c):
        g = right.backward(d, c)
        return g | {k: f(d, c, g) for k, f in changed.items()}

    BUGS.append(
        Bug(
            id,
            right,
            frozenset(causes.split()),
            whole or backward,
            forward or right.forward,
            contract,
        )
    )


def variant(op, **arguments):
    """The right backward with one argument changed."""
    return partial(CATALOGUE[op].backward, **arguments)


# ---------------------------------------------------------------- A affine

plant("A01", "affine", "scale", b=lambda d, c, g: d.mean(0))
plant("A03", "affine", "wrong-axis ones-upstream shape", b=lambda d, c, g: d.sum(1))
plant("A04", "affine", "one-sample", b=lambda d, c, g: d[-1])
plant(
    "A05",
    "affine",
    "forward-map shape",
    x=lambda d, c, g: d @ c[1] if c[1].shape[0] == c[1].shape[1] else g["x"],
)
plant("A06", "affine", "transposed shape", W=lambda d, c, g: g["W"].T.copy())
plant("A07", "affine", "sign", b=lambda d, c, g: -g["b"])
plant("A09", "affine", "one-sample", W=lambda d, c, g: c[0][:1].T @ d[:1])
plant("A11", "temporal", "not-summed shape", W=lambda d, c, g: np.einsum("ntd,ntm->ndm", c[0], d))
plant("A12", "temporal", "one-sample", W=lambda d, c, g: c[0][:, -1].T @ d[:, -1])
plant(
    "A15",
    "batched_product",
    "transposed reordered",
    a=lambda d, c, g: g["a"].transpose(0, 2, 1).reshape(g["a"].shape),
)
plant("A16", "matvec", "transposed shape", A=lambda d, c, g: np.outer(c[1], d))

# ---------------------------------------------------------------- B elementwise

local = lambda id, op, causes, slope: plant(id, op, causes, whole=variant(op, slope=slope))
local("E01", "sigmoid", "local-derivative", lambda x, y: x * (1 - x))
local("E02", "sigmoid", "local-derivative", lambda x, y: y)
local("E03", "tanh", "local-derivative", lambda x, y: 1 - x**2)
plant("E05", "relu", "nonlinear-in-upstream", x=lambda d, c, g: d * (d > 0))
local("E06", "relu", "leak", lambda x, y: 1.0)
local("E07", "relu", "mask-inverted", lambda x, y: x < 0)
local("E08", "leaky", "zeroed branch", lambda x, y: x > 0)
plant("E09", "softplus", "ignores-upstream", x=lambda d, c, g: sigma(c[0]))
local("E10", "elu", "branch", lambda x, y: np.where(x > 0, 1, y + 1))
local(
    "E11",
    "gelu",
    "small-plateau local-derivative",
    lambda x, t: sigma(1.702 * x) * (1 + 1.702 * x * (1 - sigma(1.702 * x))),
)
local("E12", "absolute", "branch", lambda x, y: 1.0)
local("E13", "cube", "local-derivative", lambda x, y: 3 * x**3)
local("E15", "clip", "leak", lambda x, y: 1.0)
plant("E17", "divide", "sign", b=lambda d, c, g: -g["b"])
plant("E18", "product", "wrong-operand local-derivative", a=lambda d, c, g: d * c[0])
plant("E19", "tanh", "dtype", x=lambda d, c, g: g["x"].astype(np.float32))
local("E21", "exp", "local-derivative", lambda x, y: x)
local("E22", "silu", "local-derivative", lambda x, y: sigma(x) * (1 - sigma(x)))
local("E25", "sigmoid", "nan", lambda x, y: np.where(abs(x) > 0.5, np.nan, y))
plant("E27", "where", "leak", a=lambda d, c, g: d * 1.0)

# ---------------------------------------------------------------- C losses

plant("L01", "cross_entropy", "scale", x=lambda d, c, g: g["x"] * len(c[1]))
plant(
    "L03",
    "cross_entropy",
    "label-term",
    x=lambda d, c, g: d * (c[0] / len(c[1]) - onehot(c[1], c[0].shape[1])),
)
plant("L04", "cross_entropy", "label-term", x=lambda d, c, g: d * c[0] / len(c[1]))
plant("L05", "softmax", "coupling-missing mean-term", x=lambda d, c, g: d * c * (1 - c))
plant("L07", "mse", "scale", x=lambda d, c, g: g["x"] / 2)
plant("L09", "hinge", "label-term", x=lambda d, c, g: d * c[0] / len(c[1]))
plant("L11", "softmax_regression", "extra-term", whole=variant("softmax_regression", decay=-1.0))
plant("L13", "softmax_regression", "extra-term", whole=variant("softmax_regression", decay=0.0))
plant("L15", "softmax", "wrong-axis mean-term", whole=variant("softmax", axis=0))
plant("L16", "log_softmax", "mean-term coupling-missing", x=lambda d, c, g: d * (1 - np.exp(c)))
plant(
    "L17",
    "bce_logits",
    "local-derivative",
    x=lambda d, c, g: g["x"] / (sigma(c[0]) * (1 - sigma(c[0]))),
)
plant("L19", "masked_cross_entropy", "scale", x=lambda d, c, g: g["x"] * c[2].sum() / len(c[1]))
plant(
    "L20",
    "masked_cross_entropy",
    "leak",
    x=lambda d, c, g: d * (c[0] - onehot(c[1], c[0].shape[1])) / c[2].sum(),
)
plant(
    "L21",
    "logsumexp",
    "argmax-term",
    x=lambda d, c, g: g["x"] + d[:, None] * (c == c.max(1, keepdims=True)),
)
plant("L22", "huber", "branch", x=lambda d, c, g: d[:, None] * c[0])
plant("L23", "distillation", "scale", x=lambda d, c, g: g["x"] / c[2])

# ---------------------------------------------------------------- D normalisation

NORM = "mean-term variance-term normalisation-terms coupling-missing"
plant("N01", "batch_norm", NORM, whole=variant("batch_norm", mean=0.0, variance=0.0))
plant("N02", "batch_norm", "mean-term", whole=variant("batch_norm", mean=0.0))
plant("N03", "batch_norm", "variance-term", whole=variant("batch_norm", variance=0.0))
plant(
    "N05",
    "batch_norm",
    "axis-factor small-plateau",
    x=lambda d, c, g: g["x"] * c[1] / (np.sqrt(c[1] ** 2 - ops.EPS) + ops.EPS),
)
plant("N07", "batch_norm", "axis-factor", x=lambda d, c, g: g["x"] / c[2])
plant(
    "N09", "layer_norm", "wrong-axis mean-term variance-term", whole=variant("layer_norm", axis=0)
)
plant(
    "N11",
    "layer_norm",
    "swapped",
    gamma=lambda d, c, g: g["beta"],
    beta=lambda d, c, g: g["gamma"],
)
plant(
    "N12",
    "spatial_batch_norm",
    NORM + " wrong-axis",
    whole=variant("spatial_batch_norm", axes=(2, 3)),
)
plant(
    "N13",
    "batch_norm",
    "mean-term",
    x=lambda d, c, g: g["x"] + 0.1 * (d * c[2]).sum(0) / len(d) ** 2,
)
plant("N15", "layer_norm_3d", "one-sample", gamma=lambda d, c, g: (d * c[0])[0].sum(0))
plant(
    "N17",
    "batch_norm_eval",
    "wrong-axis mean-term normalisation-terms",
    x=lambda d, c, g: ops.normalise_back(d * c[2], c[0], c[1], 0),
)
plant(
    "N19",
    "standardise",
    "small-plateau variance-term",
    x=lambda d, c, g: (
        d / c[1] - (c[0] - c[0].mean(0)) * (d * c[0]).sum(0) / ((len(d) - 1) * c[1] ** 3)
    ),
)
plant(
    "N21",
    "unit_length",
    "variance-term coupling-missing",
    whole=variant("unit_length", tangent=0.0),
)

# ---------------------------------------------------------------- E convolution

plant("C01", "conv", "wrong-place", whole=variant("conv", flip=True))
plant("C03", "strided_conv", "wrong-place", whole=variant("strided_conv", step=1))
plant("C05", "conv", "shifted", whole=variant("conv", crop=0))
plant("C06", "conv", "overlap-assign", whole=variant("conv", add=False))
plant("C07", "conv", "one-sample", b=lambda d, c, g: d[:, :, 0, 0].sum(0))
plant("C09", "avg_pool", "scale", x=lambda d, c, g: g["x"] * c**2)
plant(
    "C10",
    "avg_pool",
    "one-cell",
    x=lambda d, c, g: (
        spread(d, c)
        * (
            (np.indices(d.shape)[2].repeat(c, 2).repeat(c, 3) >= 0)
            & (np.arange(d.shape[2] * c)[:, None] % c == 0)
            & (np.arange(d.shape[3] * c) % c == 0)
        )
    ),
)
plant("C11", "upsample", "one-sample", x=lambda d, c, g: d[:, :, ::c, ::c].copy())
plant("C12", "max_pool", "leak", x=lambda d, c, g: spread(d, c[2]))
plant(
    "C14",
    "max_pool",
    "wrong-place mask-inverted reordered",
    whole=variant("max_pool", winners=lambda x, y, k: x == -spread(ops.max_pool(-x)[0], k)),
)
plant(
    "C15",
    "max_pool",
    "zeroed one-sample",
    x=lambda d, c, g: np.where(np.indices(c[0].shape)[0] == 0, g["x"], 0),
)
plant("C16", "overlapping_pool", "overlap-assign", whole=variant("overlapping_pool", add=False))
plant(
    "C17",
    "overlapping_pool",
    "border local-derivative",
    whole=variant("overlapping_pool", count=9),
)

# ---------------------------------------------------------------- F recurrent

plant("R01", "rnn", "carry-lost", whole=variant("rnn", carry=0.0))
plant("R03", "rnn", "wrong-operand", whole=variant("rnn", lag=1))
plant("R04", "rnn", "shared-step carry-lost", whole=variant("rnn", matrix=lambda W: W))
plant(
    "R05",
    "rnn",
    "shared-step local-derivative",
    whole=variant("rnn", slope=lambda h: 1 - np.tanh(h) ** 2),
)
plant(
    "R06",
    "lstm_step",
    "axis-factor local-derivative scale",
    whole=variant("lstm_step", forget=lambda c: c[5] * 0 + 1),
)
plant(
    "R07",
    "lstm_step",
    "shared-step local-derivative",
    whole=variant("lstm_step", squash=lambda s: np.tanh(np.tanh(s))),
)
plant("R08", "lstm_step", "reordered", whole=variant("lstm_step", order=(0, 1, 3, 2)))
plant("R09", "gru_step", "zero", whole=variant("gru_step", reset=0.0))
plant(
    "R10", "gru_step", "wrong-operand extra-term", whole=variant("gru_step", keep=lambda z: 1 - z)
)
plant(
    "R11",
    "bidirectional",
    "shared-step wrong-operand",
    whole=variant("bidirectional", second=lambda d, dx: dx),
)

# ---------------------------------------------------------------- G indexing and structure


def assign(d, c, g):
    out = np.zeros(c[0])
    out[c[1]] += d
    return out


plant("I01", "embedding", "repeated-index", W=assign)
plant("I03", "flatten", "reordered transposed", whole=variant("flatten", order="F"))
plant(
    "I04",
    "transpose",
    "forward-map transposed reordered",
    x=lambda d, c, g: d.transpose(2, 0, 1).reshape(g["x"].shape).copy(),
)
plant("I05", "mean", "scale", x=lambda d, c, g: g["x"] * c[1])
plant("I07", "cumsum", "forward-map", x=lambda d, c, g: d.cumsum(1))
plant("I09", "residual", "extra-term", whole=variant("residual", skip=0.0))
plant("I10", "concat", "shifted wrong-operand", a=lambda d, c, g: d[:, -c:] * 1.0)
plant("I13", "broadcast_add", "wrong-axis shape", b=lambda d, c, g: d.sum((0, 1))[:, None])
plant("I15", "reused", "extra-term local-derivative", whole=variant("reused", first=2.0))
plant("I16", "reused", "extra-term local-derivative", whole=variant("reused", second=0.0))
plant("I17", "gather", "shifted reordered", x=lambda d, c, g: np.roll(g["x"], 1, 1))

# ---------------------------------------------------------------- H attention, dropout, contract

plant("T01", "attention", "scale", whole=variant("attention", scale=0.0))
plant("T02", "attention", "shared-step coupling-missing", whole=variant("attention", centre=0.0))
plant("T03", "attention", "wrong-operand", whole=variant("attention", keys=lambda ds: ds))
plant("T04", "attention", "forward-map", whole=variant("attention", mix=lambda p: p))
plant("T05", "merge_heads", "reordered transposed", x=lambda d, c, g: d.reshape(c).copy())
plant("D01", "dropout", "leak", x=lambda d, c, g: d / c[1])
plant("D02", "dropout", "scale", x=lambda d, c, g: g["x"] * c[1])


def fault(id, op, causes):
    """Plant a contract fault: the function makes a backward or a (forward, backward)."""
    return lambda make: plant(id, op, causes, whole=partial(make, CATALOGUE[op]), contract=True)


@fault("D03", "dropout", "backward-not-repeatable")
def redrawn(op):
    rng = np.random.default_rng(0)
    return lambda d, c: {"x": d * (rng.random(d.shape) < c[1]) / c[1]}


@fault("D05", "dropout", "forward-not-repeatable")
def global_noise(op):
    rng = np.random.default_rng(0)
    return (lambda x: op.forward(x, seed=rng.integers(1 << 30))), op.backward


@fault("S01", "affine", "shared-cache")
def on_self(op):
    last = {}

    def forward(x, W, b):
        y, last["c"] = op.forward(x, W, b)
        return y, None

    return forward, lambda d, c: op.backward(d, last["c"])


@fault("S03", "affine", "accumulates")
def never_zeroed(op):
    total = {}

    def backward(d, c):
        g = op.backward(d, c)
        total["W"] = total.get("W", 0) + g["W"]
        return g | {"W": total["W"].copy()}

    return backward


@fault("S05", "sigmoid", "cache-modified")
def writes_cache(op):
    def backward(d, c):
        c[1][...] = c[1] * (1 - c[1])
        return {"x": d * c[1]}

    return (lambda x: (op.forward(x)[0], (x, sigma(x)))), backward


@fault("S06", "relu", "mutates-upstream")
def writes_upstream(op):
    def backward(d, c):
        d *= c[0] > 0
        return {"x": d.copy()}

    return backward


@fault("S09", "affine", "mutates-parameter mutates-input")
def updates_inside(op):
    def backward(d, c):
        g = op.backward(d, c)
        c[1][...] -= 0.01 * g["W"]
        return g

    return backward


plant("S11", "affine", "clipped", W=lambda d, c, g: np.clip(g["W"], -0.1, 0.1))


@fault("S13", "softmax", "cache-consumed")
def pops(op):
    return (lambda x: (op.forward(x)[0], [soft(x)])), lambda d, c: op.backward(d, c.pop())
